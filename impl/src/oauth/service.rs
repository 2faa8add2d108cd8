//! The OAuth of a host: the logins that it keeps, and what they need.

use super::error::StoreError;
use super::store::TokenStore;
use crate::config::Environment;
use crate::connection::trust::Trust;

/// OAuth on top of a store of tokens. Cheap to clone. `Debug` shows no token.
#[derive(Debug, Clone)]
pub struct OAuth {
    pub(super) store: TokenStore,
    pub(super) client_name: String,
    /// Whom refreshes trust; a login is told the environment.
    pub(super) trust: Trust,
}

impl OAuth {
    /// OAuth with this store.
    #[must_use]
    pub fn new(store: TokenStore) -> Self {
        Self { store, client_name: "MCP Overlay Host".to_owned(), trust: Trust::default() }
    }

    /// The same for a host with these environment variables: refreshes also trust the certificate
    /// authorities of the file that `CODEX_CA_CERTIFICATE` names.
    #[must_use]
    pub fn with_environment(mut self, env: &Environment) -> Self {
        self.trust = Trust::of(env);
        self
    }

    /// The same with another client name: what authorization servers show to the user.
    #[must_use]
    pub fn with_client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = name.into();
        self
    }

    /// Forgets the tokens of the server with this name and URL. Whether there were any.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn logout(&self, name: &str, url: &str) -> Result<bool, StoreError> {
        // Not in the middle of a refresh, which would write the tokens back.
        let _lock = self.store.lock(name, url).await?;
        self.store.remove(name, url).await
    }

    /// The scopes that the last login to a server was granted.
    pub(crate) async fn granted_scopes(&self, name: &str, url: &str) -> Vec<String> {
        let tokens = self.store.load(name, url).await.ok().flatten();
        tokens.map(|tokens| tokens.scopes).unwrap_or_default()
    }
}
