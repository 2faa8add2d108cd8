//! The state of an app-server that its methods share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::options::{AUTH_VARIABLE, AppServerOptions, CONFIG_VARIABLE, Mode};
use super::outgoing::Client;
use super::snapshots::Snapshots;
use super::threads::Threads;
use super::wire::RpcError;
use crate::auth::AuthStore;
use crate::config::Environment;
use crate::connection::{ConnectContext, ConnectOptions, Environments, Executor};
use crate::host::{ConfigSource, Connector, Host, HostParts, Network, Warn};
use crate::oauth::{OAuth, TokenStore};

/// The maximum number of concurrent tool calls and resource reads, which may have large responses. A
/// response counts until the client reads it.
const CALLS: usize = 256;

/// An app-server and its one client.
pub(crate) struct AppServer {
    pub(super) options: AppServerOptions,
    pub(super) client: Client,
    /// Moves to the host when that is created.
    warn: Mutex<Option<Warn>>,
    /// Permits for requests with large responses, held until the response is written.
    pub(super) calls: Arc<Semaphore>,
    /// Set by `initialize`.
    pub(super) ready: OnceLock<Ready>,
    pub(super) threads: Threads,
    pub(super) snapshots: Snapshots,
    /// The number of successful logins: each changes the next status.
    pub(super) logins: AtomicU64,
    /// Connections and other tasks that must end before the server does.
    pub(super) tasks: TaskTracker,
    /// Cancelled at shutdown.
    pub(super) closing: CancellationToken,
}

pub(super) struct Ready {
    pub(super) host: Host,
    pub(super) oauth: OAuth,
    pub(super) environment: Environment,
    /// Reaches the servers.
    pub(super) connector: Arc<dyn Connector>,
}

impl AppServer {
    pub(super) fn new(options: AppServerOptions, client: Client, warn: Warn) -> Self {
        Self {
            options,
            warn: Mutex::new(Some(warn)),
            calls: Arc::new(Semaphore::new(CALLS)),
            client,
            ready: OnceLock::new(),
            threads: Threads::default(),
            snapshots: Snapshots::default(),
            logins: AtomicU64::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        }
    }

    /// A server that needs no `initialize`.
    pub(super) fn started(options: AppServerOptions, client: Client, ready: Ready) -> Self {
        let server = Self::new(options, client, Box::new(|_| {}));
        // A new server is not ready, so this cannot fail.
        let _ = server.ready.set(ready);
        server
    }

    /// Ends all threads and tasks; `tasks` says when they have ended.
    pub(super) fn close(&self) {
        self.closing.cancel();
        self.threads.clear();
        self.tasks.close();
    }

    /// Creates the host; fails if it exists.
    pub(super) fn start_host(
        &self,
        source: ConfigSource,
        auth: AuthStore,
        tokens: TokenStore,
    ) -> Result<(), RpcError> {
        let already = || RpcError::invalid_request("Already initialized");
        let warn = self.warn.lock().unwrap_or_else(PoisonError::into_inner).take();
        let warn = warn.ok_or_else(already)?;
        let options = &self.options;
        // Removed so that no server's settings can read them.
        let environment = options.environment.clone().without(&[CONFIG_VARIABLE, AUTH_VARIABLE]);
        let host = Host::new(HostParts {
            source,
            overrides: options.overrides.clone(),
            environment: environment.clone(),
            extensions: options.extensions.clone(),
            auth: auth.clone(),
            tokens: tokens.clone(),
            warn,
        });
        let oauth = OAuth::new(tokens).with_environment(&environment);
        let executor = match options.mode {
            Mode::Local { .. } => Executor::Named(Environments::default()),
            Mode::Orchestrator => Executor::None,
        };
        let context = ConnectContext {
            environment: environment.clone(),
            host_credentials: Some(Arc::new(auth)),
            oauth: Some(Arc::new(oauth.clone())),
            executor,
            options: ConnectOptions::default(),
            cwd: Some(options.cwd.clone()),
        };
        let connector = Arc::new(Network { context, oauth: oauth.clone() });
        self.ready.set(Ready { host, oauth, environment, connector }).map_err(|_| already())
    }

    pub(super) fn ready(&self) -> Result<&Ready, RpcError> {
        self.ready.get().ok_or_else(|| RpcError::invalid_request("Not initialized"))
    }

    pub(super) fn host(&self) -> Result<&Host, RpcError> {
        Ok(&self.ready()?.host)
    }
}
