//! How a server is authorised, for lists of servers.

use std::time::Duration;

use rmcp::transport::auth::AuthorizationManager;

use super::http::Http;
use super::{OAuth, has_own_token, server_url};
use crate::config::{Environment, ServerConfig, Transport};
use crate::connection::target::configured_headers;
use crate::connection::trust::Trust;
use crate::extension::BoxFuture;

/// How long the discovery of a server's metadata may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How a server is authorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthStatus {
    /// Not at all, as far as is known: a process, a disabled server, or one without OAuth.
    Unsupported,
    /// The server offers OAuth and nobody has logged in.
    NotLoggedIn,
    /// By a token of the configuration.
    BearerToken,
    /// By the tokens of a login.
    OAuth,
}

impl AuthStatus {
    /// The word in the app-server's protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::NotLoggedIn => "notLoggedIn",
            Self::BearerToken => "bearerToken",
            Self::OAuth => "oAuth",
        }
    }
}

impl OAuth {
    /// How this server is authorised. The Apps server is the caller's business.
    ///
    /// A server without tokens is asked whether it offers OAuth, for at most 5 seconds; only its
    /// configured headers are sent. A disabled server is not asked anything. A store that cannot
    /// be read counts as one without tokens.
    pub fn auth_status<'a>(
        &'a self,
        name: &'a str,
        server: &'a ServerConfig,
        env: &'a Environment,
    ) -> BoxFuture<'a, AuthStatus> {
        Box::pin(self.auth_status_unboxed(name, server, env))
    }

    async fn auth_status_unboxed(
        &self,
        name: &str,
        server: &ServerConfig,
        env: &Environment,
    ) -> AuthStatus {
        let Transport::StreamableHttp(http) = &server.transport else {
            return AuthStatus::Unsupported;
        };
        if !server.enabled {
            return AuthStatus::Unsupported;
        }
        let headers = configured_headers(http, env);
        if headers
            .as_ref()
            .map_or(http.bearer_token_env_var.is_some(), |headers| has_own_token(http, headers))
        {
            return AuthStatus::BearerToken;
        }
        let Some(url) = server_url(&http.url) else {
            return AuthStatus::Unsupported;
        };
        let tokens = self.store.load(name, &http.url).await.ok().flatten();
        if tokens.is_some_and(|tokens| tokens.are_usable()) {
            return AuthStatus::OAuth;
        }
        let discovery = async {
            let client = Http::new(url.clone(), headers.unwrap_or_default(), None, Trust::of(env));
            let manager =
                AuthorizationManager::new_with_oauth_http_client(url, client).await.ok()?;
            manager.resolve_metadata().await.ok()
        };
        match tokio::time::timeout(TIMEOUT, discovery).await {
            Ok(Some(found)) if found.source.is_discovered() => AuthStatus::NotLoggedIn,
            _ => AuthStatus::Unsupported,
        }
    }
}
