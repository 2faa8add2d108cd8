//! The app-server: MCP for a client over newline-delimited JSON on two streams.
//!
//! Data goes one way: bytes → line (`ingress`) → message (`wire`) → method → answer
//! (`outgoing`). Requests are taken in their order and served at the same time; those that change
//! what later ones see (`initialize`, `thread/start`, reload, logout) take effect before the next
//! line is read.

mod account;
mod apps;
mod ingress;
mod initialize;
mod methods;
mod oauth_login;
mod outgoing;
mod page;
mod reload;
mod resources;
mod serve;
mod status;
mod thread_start;
mod threads;
mod tools;
mod warnings;
mod watch;
mod wire;

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::outgoing::Client;
use self::status::Looks;
use self::threads::Threads;
use self::wire::RpcError;
use crate::auth::AuthStore;
use crate::config::{Environment, Override};
use crate::connection::{ConnectContext, ConnectOptions, Executor};
use crate::extension::McpExtensionRegistry;
use crate::host::{ConfigSource, Host, HostParts, Warn};
use crate::oauth::{OAuth, TokenStore};

pub use serve::serve;

/// What an app-server is made of.
pub struct AppServerOptions {
    /// Where it runs.
    pub mode: Mode,
    /// What is put over the configuration, in order.
    pub overrides: Vec<Override>,
    /// The environment variables of the host.
    pub environment: Environment,
    /// The extensions, in order.
    pub extensions: McpExtensionRegistry,
    /// The folder that servers run in unless they say otherwise.
    pub cwd: PathBuf,
    /// The most requests without an answer; [`DEFAULT_PLACES`] unless there is a reason. One whose
    /// line is longer than 4 KiB counts once for every 4 KiB begun.
    pub places: usize,
}

/// How many requests may be without an answer: a client that asks ten thousand things at once is
/// served, and memory is bounded.
pub const DEFAULT_PLACES: usize = 16_384;

/// How many tool calls and reads of resources are under way at the same time, those included whose
/// answers wait for the client to read; further ones wait. An answer may be large.
const CALLS: usize = 256;

/// Where an app-server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// On the user's machine: configuration and credentials are in this folder, and servers that
    /// are processes are started here.
    Local {
        /// The folder.
        codex_home: PathBuf,
    },
    /// With nothing on disk and nowhere to start a process: configuration and credentials come with
    /// `initialize`, else from the variables [`CONFIG_VARIABLE`] and [`AUTH_VARIABLE`].
    Orchestrator,
}

/// The environment variable with the text of a `config.toml` for [`Mode::Orchestrator`].
pub const CONFIG_VARIABLE: &str = "MCP_OVERLAY_CONFIG_TOML";

/// The environment variable with the text of an `auth.json` for [`Mode::Orchestrator`].
pub const AUTH_VARIABLE: &str = "MCP_OVERLAY_AUTH_JSON";

/// An app-server and its one client.
pub(crate) struct AppServer {
    options: AppServerOptions,
    client: Client,
    /// The host's, once there is one.
    warn: Mutex<Option<Warn>>,
    /// Taken by a call that may have a large answer until that is written.
    calls: Arc<Semaphore>,
    /// There once the client has said `initialize`.
    ready: OnceLock<Ready>,
    threads: Threads,
    looks: Looks,
    /// How many logins have ended well: one that has shows in the next status.
    logins: AtomicU64,
    /// All connections, and whatever else must have ended when the server has.
    tasks: TaskTracker,
    /// Cancelled at the end: what is still waiting for somebody gives up.
    closing: CancellationToken,
}

struct Ready {
    host: Host,
    oauth: OAuth,
    context: ConnectContext,
}

impl AppServer {
    fn new(options: AppServerOptions, client: Client, warn: Warn) -> Self {
        Self {
            options,
            warn: Mutex::new(Some(warn)),
            calls: Arc::new(Semaphore::new(CALLS)),
            client,
            ready: OnceLock::new(),
            threads: Threads::default(),
            looks: Looks::default(),
            logins: AtomicU64::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        }
    }

    /// Makes the host; fails if there is one already.
    fn start_host(
        &self,
        source: ConfigSource,
        auth: AuthStore,
        tokens: TokenStore,
    ) -> Result<(), RpcError> {
        let already = || RpcError::invalid_request("Already initialized");
        let warn = self.warn.lock().unwrap_or_else(PoisonError::into_inner).take();
        let warn = warn.ok_or_else(already)?;
        let options = &self.options;
        // They have done their part; no server's settings can ask for them.
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
            Mode::Local { .. } => Executor::Local,
            Mode::Orchestrator => Executor::None,
        };
        let context = ConnectContext {
            environment,
            host_credentials: Some(Arc::new(auth)),
            oauth: Some(Arc::new(oauth.clone())),
            executor,
            options: ConnectOptions::default(),
            cwd: Some(options.cwd.clone()),
        };
        self.ready.set(Ready { host, oauth, context }).map_err(|_| already())
    }

    fn ready(&self) -> Result<&Ready, RpcError> {
        self.ready.get().ok_or_else(|| RpcError::invalid_request("Not initialized"))
    }

    fn host(&self) -> Result<&Host, RpcError> {
        Ok(&self.ready()?.host)
    }
}

/// What failed though the request was right.
fn internal(error: impl std::fmt::Display) -> RpcError {
    RpcError::internal(error.to_string())
}
