//! The OAuth state of a host.

use super::error::StoreError;
use super::store::TokenStore;
use crate::config::Environment;
use crate::connection::trust::Trust;

/// OAuth with a token store. Cheap to clone. `Debug` shows no token.
#[derive(Debug, Clone)]
pub struct OAuth {
    pub(super) store: TokenStore,
    pub(super) client_name: String,
    /// The certificate authorities that refreshes trust; logins get an environment instead.
    pub(super) trust: Trust,
}

impl OAuth {
    /// OAuth with this token store.
    #[must_use]
    pub fn new(store: TokenStore) -> Self {
        Self { store, client_name: "MCP Overlay Host".to_owned(), trust: Trust::default() }
    }

    /// Sets the environment: refreshes also trust the certificate authorities of the file in
    /// `CODEX_CA_CERTIFICATE`.
    #[must_use]
    pub fn with_environment(mut self, env: &Environment) -> Self {
        self.trust = Trust::of(env);
        self
    }

    /// Sets the client name that authorization servers show to the user.
    #[must_use]
    pub fn with_client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = name.into();
        self
    }

    /// Removes the tokens of the server with this name and URL. Returns whether there were any.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn logout(&self, name: &str, url: &str) -> Result<bool, StoreError> {
        // A refresh in progress would write the tokens back.
        let _lock = self.store.lock(name, url).await?;
        self.store.remove(name, url).await
    }

    /// The scopes granted by the last login to a server.
    pub(crate) async fn granted_scopes(&self, name: &str, url: &str) -> Vec<String> {
        let tokens = self.store.load(name, url).await.ok().flatten();
        tokens.map(|tokens| tokens.scopes).unwrap_or_default()
    }
}
