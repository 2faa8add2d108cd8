//! How requests to a server are authorised, for lists of servers.

use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap};
use rmcp::transport::auth::AuthorizationManager;

use super::http::Http;
use super::server_url::server_url;
use super::service::OAuth;
use crate::config::{Environment, ServerConfig, StreamableHttp, Transport};
use crate::connection::target::configured_headers;
use crate::connection::trust::Trust;
use crate::extension::BoxFuture;

/// The timeout of the discovery of a server's metadata.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How requests to a server are authorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthStatus {
    /// Without authorization as far as is known: a process, a disabled server, or one without OAuth.
    Unsupported,
    /// The server supports OAuth, and there is no login.
    NotLoggedIn,
    /// With a configured token.
    BearerToken,
    /// With the tokens of a login.
    OAuth,
}

impl AuthStatus {
    /// The value in the app-server protocol.
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
    /// How requests to this server are authorised. The caller handles the servers that the host's own
    /// credentials are for.
    ///
    /// A server without tokens is asked whether it supports OAuth, for at most 5 seconds and with its
    /// configured headers only. A disabled server is not asked. An unreadable store counts as
    /// empty.
    pub fn auth_status<'a>(
        &'a self,
        name: &'a str,
        server: &'a ServerConfig,
        env: &'a Environment,
    ) -> BoxFuture<'a, AuthStatus> {
        Box::pin(async move {
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
                let client =
                    Http::new(url.clone(), headers.unwrap_or_default(), None, Trust::of(env));
                let manager =
                    AuthorizationManager::new_with_oauth_http_client(url, client).await.ok()?;
                manager.resolve_metadata().await.ok()
            };
            match tokio::time::timeout(TIMEOUT, discovery).await {
                Ok(Some(found)) if found.source.is_discovered() => AuthStatus::NotLoggedIn,
                _ => AuthStatus::Unsupported,
            }
        })
    }
}

/// Whether the configuration contains the authorization.
fn has_own_token(http: &StreamableHttp, headers: &HeaderMap) -> bool {
    http.bearer_token_env_var.is_some() || headers.contains_key(AUTHORIZATION)
}
