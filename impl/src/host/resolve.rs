//! Resolves the current configuration for the account that is signed in.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use super::config_now::{ConfigNow, ConfigNowError, ConfigReader, ConfigSource};
use super::resolved::{Configuration, EffectiveView, Resolved};
use crate::auth::{AuthNow, AuthStore};
use crate::config::{Environment, Override, Warning};
use crate::extension::McpExtensionRegistry;
use crate::manager::McpManager;
use crate::oauth::TokenStore;

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
