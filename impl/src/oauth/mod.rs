//! OAuth for MCP servers: logins, tokens and their refresh.
//!
//! Built on rmcp's authorization support, which discovers, registers and exchanges. This module
//! adds what a host needs around it: where tokens are kept and who else uses them, a browser's way
//! back, bounds, and errors that say what to do and show no secret.
//!
//! The reserved Apps server is none of its business: that one takes the host's own credentials.

mod authorizer;
mod callback;
mod discovery;
mod file;
mod headless;
mod http;
#[cfg(feature = "keyring")]
mod keyring;
mod login;
mod refresh;
mod setting;
mod status;
mod store;
mod tokens;

use std::sync::Arc;

use ::http::header::{AUTHORIZATION, HeaderMap};
use futures_util::future::BoxFuture;
use reqwest::Url;

pub(crate) use headless::browse_headless;
pub use login::{
    DEFAULT_LOGIN_TIMEOUT, LoginError, LoginRequest, MAX_LOGIN_TIMEOUT, PendingLogin, login_timeout,
};
pub use setting::store_mode;
pub use status::AuthStatus;
pub use store::{StoreError, StoreMode, TokenStore, UnknownStore};
pub use tokens::Tokens;

use self::authorizer::ServerAuthorizer;
use crate::config::{Environment, StreamableHttp};
use crate::connection::authorize::{Authorizer, OAuthSource};
use crate::connection::trust::Trust;

/// The command that logs in, for messages.
pub(crate) fn login_command(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_plain = !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain);
    let shown = if is_plain { name } else { "NAME" };
    format!("mcp-overlay-host mcp login {shown}")
}

/// OAuth on top of a store of tokens. Cheap to clone. `Debug` shows no token.
#[derive(Debug, Clone)]
pub struct OAuth {
    store: TokenStore,
    client_name: String,
    /// Whom refreshes trust; a login is told the environment.
    trust: Trust,
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

impl OAuthSource for OAuth {
    fn authorizer<'a>(
        &'a self,
        name: &'a str,
        url: &'a str,
    ) -> BoxFuture<'a, Option<Arc<dyn Authorizer>>> {
        Box::pin(async move {
            let server = server_url(url)?;
            match self.store.load(name, url).await {
                Ok(None) => None,
                // An unreadable store is said when the authorizer is asked, not passed over.
                Ok(Some(_)) | Err(_) => {
                    let (store, trust) = (self.store.clone(), self.trust.clone());
                    let authorizer = ServerAuthorizer::new(store, name, url, server, trust);
                    Some(Arc::new(authorizer) as Arc<dyn Authorizer>)
                }
            }
        })
    }
}

/// The URL of a server that can be logged in to.
fn server_url(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

/// Whether the configuration authorises requests by itself.
fn has_own_token(http: &StreamableHttp, headers: &HeaderMap) -> bool {
    http.bearer_token_env_var.is_some() || headers.contains_key(AUTHORIZATION)
}
