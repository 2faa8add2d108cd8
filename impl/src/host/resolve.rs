//! Resolves the current configuration for the account that is signed in.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use super::config_now::{ConfigLayer, ConfigNow, ConfigNowError, ConfigReader, ConfigSource};
use super::resolved::{BoundCredentials, Configuration, EffectiveView, Resolved};
use crate::auth::{AuthNow, AuthStore};
use crate::config::{Environment, Override, ThreadInputs, Warning};
use crate::extension::McpExtensionRegistry;
use crate::manager::McpManager;
use crate::oauth::TokenStore;

/// The parts of a host.
pub struct HostParts {
    /// Where configuration comes from.
    pub source: ConfigSource,
    /// Overrides of the configuration, in order.
    pub overrides: Vec<Override>,
    /// The environment variables of the host.
    pub environment: Environment,
    /// The extensions, in order. Without the hosted Apps extension the legacy loader is active.
    pub extensions: McpExtensionRegistry,
    /// The sign-in.
    pub auth: AuthStore,
    /// The OAuth tokens. The configuration sets the mode of the store.
    pub tokens: TokenStore,
    /// Receives warnings about ignored settings and an unusable sign-in.
    pub warn: Warn,
}

/// Receives warnings for the user, each once while it does not change.
pub type Warn = Box<dyn Fn(&dyn Display) + Send + Sync>;

/// A host's configuration, auth and extensions.
pub struct Host {
    config: ConfigReader,
    auth: AuthStore,
    manager: McpManager,
    tokens: TokenStore,
    warn: Warn,
    /// The last sign-in whose warnings were sent.
    warned: Mutex<Arc<AuthNow>>,
}

impl Host {
    /// A host of these parts. Reads nothing yet.
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

    /// The sign-in.
    #[must_use]
    pub fn auth(&self) -> &AuthStore {
        &self.auth
    }

    /// Changes the source of the configuration, unless it is invalid.
    ///
    /// # Errors
    /// The new configuration is invalid, and the source did not change.
    pub async fn replace_config(
        &self,
        source: ConfigSource,
    ) -> Result<Configuration, ConfigNowError> {
        let (now, warnings) = self.config.replace(source)?;
        self.tokens.set_mode(now.oauth_store);
        Ok(self.resolved_without_auth((now, warnings)).await)
    }

    /// The host's own overrides with these after them, for a thread with these inputs; for
    /// [`latest_of`](Self::latest_of). `None` without any.
    #[must_use]
    pub fn layer(
        &self,
        overrides: Vec<Override>,
        thread: Option<ThreadInputs>,
    ) -> Option<ConfigLayer> {
        let is_any = !overrides.is_empty() || thread.is_some();
        is_any.then(|| self.config.layer(overrides, thread))
    }

    /// Sends a warning to the user.
    pub(crate) fn warn(&self, warning: &dyn Display) {
        (self.warn)(warning);
    }

    /// The current configuration, resolved up to auth.
    ///
    /// # Errors
    /// The configuration is invalid. Earlier results stay valid.
    pub async fn latest(&self) -> Result<Configuration, ConfigNowError> {
        let (now, warnings) = self.config.now(self.config.base())?;
        self.tokens.set_mode(now.oauth_store);
        Ok(self.resolved_without_auth((now, warnings)).await)
    }

    /// The current configuration with the overrides of this layer, resolved up to auth. The store of
    /// OAuth tokens is that of the host's own configuration: all threads share it.
    ///
    /// # Errors
    /// The configuration is invalid.
    pub async fn latest_of(
        &self,
        layer: &Option<ConfigLayer>,
    ) -> Result<Configuration, ConfigNowError> {
        match layer {
            Some(layer) => Ok(self.resolved_without_auth(self.config.now(layer)?).await),
            None => self.latest().await,
        }
    }

    async fn resolved_without_auth(
        &self,
        (now, warnings): (ConfigNow, Vec<Warning>),
    ) -> Configuration {
        for warning in &warnings {
            (self.warn)(warning);
        }
        let runtime = self.manager.runtime_config(&now.host, &now.plugins).await;
        Configuration { now, runtime }
    }

    /// Resolves this configuration for the current sign-in.
    #[must_use]
    pub fn resolved(&self, configuration: &Configuration) -> Resolved {
        let auth = self.auth.now();
        self.warn_of(&auth);
        let view = configuration.runtime.effective(auth.auth);
        let credentials = BoundCredentials(self.auth.bound_to(&auth));
        let configuration = configuration.clone();
        Resolved { configuration, auth, view: EffectiveView(view), credentials }
    }

    /// Sends new warnings about the sign-in.
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

    /// Resolves the current configuration for the current sign-in.
    ///
    /// # Errors
    /// The configuration is invalid.
    pub async fn resolve(&self) -> Result<Resolved, ConfigNowError> {
        Ok(self.resolved(&self.latest().await?))
    }
}
