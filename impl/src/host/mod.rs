//! A host: the one place that turns configuration now and auth now into a resolved view.
//!
//! Whatever wants to know which servers there are asks [`Host::resolve`] (the latest configuration)
//! or [`Host::resolved`] (the configuration of a thread), and nothing else. Nobody keeps a view for
//! longer than one request: who is signed in is asked anew each time, so a view cannot outlive the
//! credentials it was made for.

mod config_now;
mod servers;
mod slot;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::auth::{AuthNow, AuthStore};
use crate::config::{Environment, Override, ServerConfig, Transport, Warning};
use crate::connection::recipient::{gets_host_credentials, is_authorised_by_host};
use crate::extension::McpExtensionRegistry;
use crate::hosted_apps::CODEX_APPS;
use crate::manager::{McpManager, McpRuntimeConfig};
use crate::oauth::TokenStore;
use crate::view::{Iter, View};

pub use config_now::{CONFIG_FILE, ConfigNow, ConfigNowError, ConfigSource, PLUGINS_FOLDER};
pub use servers::{Required, ServerSet};
pub use slot::{Lease, StartupEvent, StartupEvents, StartupStatus};

use config_now::ConfigReader;

/// What a host is made of.
pub struct HostParts {
    /// Where configuration comes from.
    pub source: ConfigSource,
    /// What is put over it, in order.
    pub overrides: Vec<Override>,
    /// The environment variables of the host.
    pub environment: Environment,
    /// The extensions, in order. Without the hosted Apps extension the legacy loader is active.
    pub extensions: McpExtensionRegistry,
    /// Who is signed in.
    pub auth: AuthStore,
    /// Where OAuth tokens are kept; which of its places, the configuration says.
    pub tokens: TokenStore,
    /// Hears of everything in the configuration that is ignored, and of a sign-in that is of no use.
    pub warn: Warn,
}

/// Hears of something that the user should know and that nothing fails for, once as long as it
/// does not change.
pub type Warn = Box<dyn Fn(&dyn Display) + Send + Sync>;

/// A host's configuration, auth and extensions.
pub struct Host {
    config: ConfigReader,
    auth: AuthStore,
    manager: McpManager,
    tokens: TokenStore,
    warn: Warn,
    /// The sign-in that was warned of last.
    warned: Mutex<Arc<AuthNow>>,
}

impl Host {
    /// A host of these parts. Nothing is read yet.
    #[must_use]
    pub fn new(parts: HostParts) -> Self {
        let HostParts { source, overrides, environment, extensions, auth, tokens, warn } = parts;
        let config = ConfigReader::new(source, overrides, environment);
        Self {
            config,
            auth,
            manager: McpManager::new(extensions),
            tokens,
            warn,
            warned: Mutex::default(),
        }
    }

    /// Who is signed in, and what that allows.
    #[must_use]
    pub fn auth(&self) -> &AuthStore {
        &self.auth
    }

    /// From now on configuration comes from here, unless what is there is broken.
    ///
    /// # Errors
    /// It is, and nothing has changed.
    pub async fn replace_config(
        &self,
        source: ConfigSource,
    ) -> Result<Configuration, ConfigNowError> {
        Ok(self.resolved_without_auth(self.config.replace(source)?).await)
    }

    /// The configuration as it is now, resolved as far as it goes without auth.
    ///
    /// # Errors
    /// The configuration is broken; what was resolved before stays as it is.
    pub async fn latest(&self) -> Result<Configuration, ConfigNowError> {
        Ok(self.resolved_without_auth(self.config.now()?).await)
    }

    async fn resolved_without_auth(
        &self,
        (now, warnings): (ConfigNow, Vec<Warning>),
    ) -> Configuration {
        for warning in &warnings {
            (self.warn)(warning);
        }
        self.tokens.set_mode(now.oauth_store);
        let runtime = self.manager.runtime_config(&now.host, &now.plugins).await;
        Configuration { now, runtime }
    }

    /// What this configuration resolves to, for whoever is signed in now.
    #[must_use]
    pub fn resolved(&self, configuration: &Configuration) -> Resolved {
        let auth = self.auth.now();
        self.warn_of(&auth);
        let view = configuration.runtime.effective(auth.auth);
        Resolved { configuration: configuration.clone(), auth, view: EffectiveView(view) }
    }

    /// Says what is wrong with the sign-in, when that is new.
    fn warn_of(&self, auth: &Arc<AuthNow>) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *warned, Arc::clone(auth));
        drop(warned);
        if before.error != auth.error
            && let Some(error) = &auth.error
        {
            (self.warn)(error);
        }
        for warning in auth.warnings.iter().filter(|warning| !before.warnings.contains(warning)) {
            (self.warn)(warning);
        }
    }

    /// Configuration now and auth now, resolved.
    ///
    /// # Errors
    /// The configuration is broken.
    pub async fn resolve(&self) -> Result<Resolved, ConfigNowError> {
        Ok(self.resolved(&self.latest().await?))
    }
}

/// A configuration, resolved as far as it goes without auth. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Configuration {
    now: ConfigNow,
    runtime: Arc<McpRuntimeConfig>,
}

impl Configuration {
    /// Whether the app of this id is on.
    #[must_use]
    pub fn app_is_enabled(&self, id: &str) -> bool {
        self.now.apps.get(id).copied().unwrap_or(true)
    }

    /// The resolution before auth.
    #[must_use]
    pub fn runtime(&self) -> &Arc<McpRuntimeConfig> {
        &self.runtime
    }
}

/// The servers of a host after the auth gate. Only [`Host`] makes one, so that nobody connects to
/// what the gate would have removed.
#[derive(Debug, Clone)]
pub struct EffectiveView(View);

impl EffectiveView {
    /// The server of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ServerConfig>> {
        self.0.get(name)
    }

    /// The servers in byte order of their names.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.0.iter()
    }
}

/// Configuration and auth of one moment, and the view they resolve to.
#[derive(Debug, Clone)]
pub struct Resolved {
    configuration: Configuration,
    auth: Arc<AuthNow>,
    view: EffectiveView,
}

impl Resolved {
    /// The servers.
    #[must_use]
    pub fn view(&self) -> &EffectiveView {
        &self.view
    }

    /// Who was signed in.
    #[must_use]
    pub fn auth(&self) -> &Arc<AuthNow> {
        &self.auth
    }

    /// The configuration.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Whether this is the same view, for the same sign-in, as `other`.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.view.0.ptr_eq(&other.view.0) && Arc::ptr_eq(&self.auth, &other.auth)
    }

    /// Whether the host authorises itself to this server of the view with its own credentials, unless
    /// the server's configuration has something that is sent instead. Rules
    /// `credentials.apps-only` and `credentials.where-auth-says`.
    #[must_use]
    pub fn is_authorised_by_host(&self, name: &str, server: &ServerConfig) -> bool {
        let profile = self.configuration.now.host.profile();
        match &server.transport {
            Transport::StreamableHttp(http) => is_authorised_by_host(name, http, profile),
            Transport::Stdio(_) => false,
        }
    }

    /// Whether the host's own credentials, if there are any, are sent to this server of the view.
    #[must_use]
    pub fn sends_credentials(&self, name: &str, server: &ServerConfig) -> bool {
        let profile = self.configuration.now.host.profile();
        match &server.transport {
            Transport::StreamableHttp(http) => gets_host_credentials(name, http, profile),
            Transport::Stdio(_) => false,
        }
    }

    /// The sign-in that a connection to this server is made for, if its end ends the connection too:
    /// it carries the host's credentials, or the gate closes for it.
    fn auth_for(&self, name: &str, server: &ServerConfig) -> Option<Arc<AuthNow>> {
        let bound = name == CODEX_APPS || self.is_authorised_by_host(name, server);
        bound.then(|| Arc::clone(&self.auth))
    }
}

/// Where a user's home of settings is: `CODEX_HOME`, else `.codex` in the user's home.
#[must_use]
pub fn home_of(environment: &Environment) -> Option<PathBuf> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let absolute = |path: PathBuf| std::path::absolute(path).ok();
    match set("CODEX_HOME") {
        Some(home) => absolute(PathBuf::from(home)),
        None => set("HOME").and_then(|home| absolute(PathBuf::from(home).join(".codex"))),
    }
}
