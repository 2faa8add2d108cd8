//! A server's authorization server, and the host as its client.

use std::sync::Arc;

use reqwest::Url;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationMetadata, OAuthClientConfig,
};

use super::error::LoginError;
use super::http::{Http, replace_resource};
use super::login_request::LoginRequest;
use crate::config::OAuthClient;

/// What was found out about a server.
pub(super) struct Discovered {
    pub(super) manager: AuthorizationManager,
    pub(super) metadata: AuthorizationMetadata,
    pub(super) http: Arc<Http>,
    /// The server's origin.
    origin: String,
    /// Whether the server says so itself. Otherwise the endpoints are those that the
    /// specification of 2025-03-26 assumes where nothing is said.
    published: bool,
}

/// As which client the host presents itself.
pub(super) struct AsClient<'a> {
    pub(super) name: &'a str,
    pub(super) request: &'a LoginRequest,
    pub(super) config: Option<&'a OAuthClient>,
}

impl Discovered {
    /// Asks the server, and then the authorization server that it names.
    pub(super) async fn at(
        url: &Url,
        http: Arc<Http>,
        challenge: Option<&str>,
    ) -> Result<Self, LoginError> {
        let origin = url.origin().ascii_serialization();
        let client = Arc::clone(&http);
        let manager = AuthorizationManager::new_with_oauth_http_client(url.clone(), client);
        let mut manager = manager.await.map_err(|error| explain(&origin, &http, &error))?;
        let found = manager.resolve_metadata_from_challenge(challenge).await;
        let found = found.map_err(|error| explain(&origin, &http, &error))?;
        let (metadata, published) = (found.metadata, found.source.is_discovered());
        manager.set_metadata(metadata.clone());
        Ok(Self { manager, metadata, http, origin, published })
    }

    /// Becomes the authorization server's client: the configured one, or the one that a metadata
    /// document describes, or else a new one.
    pub(super) async fn client(
        &mut self,
        client: AsClient<'_>,
        redirect_uri: &str,
        scopes: &[&str],
    ) -> Result<OAuthClientConfig, LoginError> {
        let AsClient { name, request, config } = client;
        let known = config.and_then(|config| config.client_id.clone());
        let secret = request.client_secret.as_ref().filter(|_| known.is_some());
        let document = request.client_metadata_url.clone().filter(|_| self.takes_documents());
        let Some(id) = known.or(document) else {
            return self.register(name, redirect_uri, scopes).await;
        };
        let mut config = OAuthClientConfig::new(id, redirect_uri);
        config.client_secret = secret.map(|secret| secret.expose().to_owned());
        let configured = self.manager.configure_client(config.clone());
        configured.map_err(|error| explain(&self.origin, &self.http, &error))?;
        Ok(config)
    }

    async fn register(
        &mut self,
        name: &str,
        redirect_uri: &str,
        scopes: &[&str],
    ) -> Result<OAuthClientConfig, LoginError> {
        if self.metadata.registration_endpoint.is_none() {
            let reason = "the authorization server takes no registrations".to_owned();
            return Err(LoginError::Registration(reason));
        }
        self.http.trouble();
        let registered = self.manager.register_client(name, redirect_uri, scopes).await;
        registered.map_err(|error| match (error, self.http.trouble()) {
            (AuthError::RegistrationFailed(_), _) if !self.published => {
                LoginError::Unsupported(self.origin.clone())
            }
            (AuthError::RegistrationFailed(_), Some(trouble)) => {
                LoginError::Registration(trouble.to_string())
            }
            (AuthError::RegistrationFailed(_), None) => {
                let reason = "the authorization server's answer is no registration".to_owned();
                LoginError::Registration(reason)
            }
            (error, _) => explain(&self.origin, &self.http, &error),
        })
    }

    /// Where the user's browser must go.
    pub(super) async fn authorization_url(
        &self,
        scopes: &[&str],
        resource: Option<&str>,
    ) -> Result<Url, LoginError> {
        let bad = |reason: String| LoginError::Discovery { origin: self.origin.clone(), reason };
        let url = self.manager.get_authorization_url(scopes).await;
        let url = url.map_err(|error| explain(&self.origin, &self.http, &error))?;
        let url = Url::parse(&url).map_err(|_| bad("there is nothing to open".to_owned()))?;
        // The browser is sent nowhere that the host itself would not go.
        self.http.check(&url).map_err(|trouble| bad(trouble.to_string()))?;
        Ok(match resource {
            Some(resource) => replace_resource(&url, resource),
            None => url,
        })
    }

    /// Whether a client id may be the URL of a document.
    fn takes_documents(&self) -> bool {
        let supported =
            self.metadata.additional_fields.get("client_id_metadata_document_supported");
        supported.and_then(serde_json::Value::as_bool) == Some(true)
    }
}

/// What an error of rmcp means, without the words of the other side in it.
fn explain(origin: &str, http: &Http, error: &AuthError) -> LoginError {
    let reason = match error {
        AuthError::PkceUnsupported => "its authorization server does not support PKCE with S256",
        AuthError::InvalidScope(_) => {
            "its authorization server does not support the authorization code flow"
        }
        AuthError::ProtectedResourceMetadataInvalid { .. } => {
            "its metadata are those of another server, or damaged"
        }
        AuthError::AuthorizationServersUnavailable { .. } => {
            "none of the authorization servers that it names can be used"
        }
        AuthError::AuthorizationServerMismatch { .. } => {
            "its authorization server's metadata name another issuer"
        }
        AuthError::AuthorizationServerMissingIssuer { .. } => {
            "its authorization server's metadata name no issuer"
        }
        _ => "its metadata do not follow the protocol",
    };
    let trouble =
        http.trouble().filter(|_| matches!(error, AuthError::DiscoveryRequestFailed { .. }));
    let reason = trouble.map_or_else(|| reason.to_owned(), |trouble| trouble.to_string());
    LoginError::Discovery { origin: origin.to_owned(), reason }
}
