//! The host that plays sequences: the production one, or in tests one that is wrong on purpose.

use std::sync::Arc;

use mcp_overlay_host::app_server::{
    Accepted, AppServerOptions, DEFAULT_PLACES, DirectAppServer, DirectParts, Mode,
};
use mcp_overlay_host::auth::AuthStore;
use mcp_overlay_host::connection::{ConnectContext, ConnectOptions, Executor};
use mcp_overlay_host::host::{ConfigSource, ConfigText, Connector, Host, HostParts};
use mcp_overlay_host::oauth::{OAuth, TokenStore};
use mcp_overlay_host::{BoxFuture, Environment, McpExtensionRegistryBuilder, Profile, hosted_apps};
use serde_json::Value;

use super::connector::InMemory;
use super::world::World;

/// What a host is given.
#[derive(Clone)]
pub struct Given {
    /// Its profile.
    pub profile: Profile,
    /// Its `config.toml`.
    pub config: ConfigText,
    /// Its `auth.json`.
    pub auth: AuthStore,
    /// The text of that when the host starts.
    pub sign_in: Option<String>,
    /// The servers.
    pub world: World,
}

/// An error response, or a result.
pub type Response = Result<Value, String>;

/// Starts hosts.
pub trait Hosts: Send + Sync {
    /// Starts a host. A Tokio runtime with virtual time is current.
    fn start(&self, given: Given) -> Box<dyn PlayedHost>;
}

/// A running host.
pub trait PlayedHost: Send + Sync {
    /// Sends a request. What later requests must see of it has happened when this returns.
    fn send<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Box<dyn Pending>>;

    /// Ends the host and all its connections.
    fn finish(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// A request that was sent.
pub trait Pending: Send {
    /// Waits for the response; can be dropped and called again before there is one.
    ///
    /// # Errors
    /// The host panicked, with this message.
    fn response(&mut self) -> BoxFuture<'_, Result<Response, String>>;
}

/// The production host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Production;

impl Hosts for Production {
    fn start(&self, given: Given) -> Box<dyn PlayedHost> {
        let connector = in_memory(&given);
        Box::new(ProductionHost::start(given, Arc::new(connector)))
    }
}

/// The connector of a host that was given this.
#[must_use]
pub fn in_memory(given: &Given) -> InMemory {
    let context = ConnectContext {
        environment: Environment::default().with_profile(given.profile),
        host_credentials: Some(Arc::new(given.auth.clone())),
        oauth: None,
        executor: Executor::None,
        options: ConnectOptions::default(),
        cwd: None,
    };
    InMemory { world: given.world.clone(), context }
}

/// The production host, with any connector.
pub struct ProductionHost(DirectAppServer);

impl ProductionHost {
    /// Starts it.
    #[must_use]
    pub fn start(given: Given, connector: Arc<dyn Connector>) -> Self {
        let Given { profile, config, auth, .. } = given;
        let environment = Environment::default().with_profile(profile);
        let mut extensions = McpExtensionRegistryBuilder::new();
        hosted_apps::install(&mut extensions);
        let extensions = extensions.build();
        let tokens = TokenStore::in_memory();
        let host = Host::new(HostParts {
            source: ConfigSource::Shared(config),
            overrides: Vec::new(),
            environment: environment.clone(),
            extensions: extensions.clone(),
            auth,
            tokens: tokens.clone(),
            warn: Box::new(|_| {}),
        });
        let options = AppServerOptions {
            // A reload has no params: the config is where it was.
            mode: Mode::Local { codex_home: "/nonexistent".into() },
            overrides: Vec::new(),
            environment,
            extensions,
            cwd: "/nonexistent".into(),
            places: DEFAULT_PLACES,
        };
        let opt_out = NOTIFICATIONS.map(str::to_string).into();
        let oauth = OAuth::new(tokens);
        let parts = DirectParts { options, host, oauth, connector, opt_out };
        ProductionHost(DirectAppServer::start(parts))
    }
}

/// Nobody listens to them here.
const NOTIFICATIONS: [&str; 4] =
    ["account/updated", "mcpServer/startupStatus/updated", "thread/started", "thread/closed"];

impl PlayedHost for ProductionHost {
    fn send<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Box<dyn Pending>> {
        Box::pin(async move { Box::new(self.0.send(method, params).await) as Box<dyn Pending> })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.0.finish())
    }
}

impl Pending for Accepted {
    fn response(&mut self) -> BoxFuture<'_, Result<Response, String>> {
        Box::pin(async {
            match Accepted::response(self).await {
                Ok(response) => Ok(response.map_err(|refused| refused.message)),
                Err(panicked) => Err(panicked.to_string()),
            }
        })
    }
}
