//! Finds a server's authorization server and registers the host as its client.

use std::sync::Arc;

use reqwest::Url;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationMetadata, OAuthClientConfig,
};

use super::error::LoginError;
use super::http::{Http, replace_resource};
use super::login_request::LoginRequest;
use crate::config::OAuthClient;

/// The authorization server of a server.
pub(super) struct Discovered {
    pub(super) manager: AuthorizationManager,
    pub(super) metadata: AuthorizationMetadata,
    pub(super) http: Arc<Http>,
    /// The server's origin.
    origin: String,
    /// Whether the metadata was published. Otherwise the endpoints are the defaults of the
    /// specification of 2025-03-26.
    published: bool,
}

/// The client that the host is.
pub(super) struct AsClient<'a> {
    pub(super) name: &'a str,
    pub(super) request: &'a LoginRequest,
    pub(super) config: Option<&'a OAuthClient>,
}

impl Discovered {
    /// Requests the metadata of the server, then of the authorization server that it names.
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

    /// The client: the configured one, else the one of a metadata document, else a newly registered
    /// one.
    pub(super) async fn client(
        &mut self,
        client: AsClient<'_>,
        redirect_uri: &str,
        scopes: &[&str],
    ) -> Result<OAuthClientConfig, LoginError> {
        let AsClient { name, request, config } = client;
        let known = config.and_then(|config| config.client_id.clone());
        let secret = request.client_secret.as_ref().filter(|_| known.is_some());
        let document = request.client_metadata_url.clone().filter(|_| self.supports_documents());
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
            let reason = "the authorization server does not support registration".to_owned();
            return Err(LoginError::Registration(reason));
        }
        self.http.take_failure();
        let registered = self.manager.register_client(name, redirect_uri, scopes).await;
        registered.map_err(|error| match (error, self.http.take_failure()) {
            (AuthError::RegistrationFailed(_), _) if !self.published => {
                LoginError::Unsupported(self.origin.clone())
            }
            (AuthError::RegistrationFailed(_), Some(failure)) => {
                LoginError::Registration(failure.to_string())
            }
            (AuthError::RegistrationFailed(_), None) => {
                let reason = "the authorization server's response is not a registration".to_owned();
                LoginError::Registration(reason)
            }
            (error, _) => explain(&self.origin, &self.http, &error),
        })
    }

    /// The URL to open in the browser.
    pub(super) async fn authorization_url(
        &self,
        scopes: &[&str],
        resource: Option<&str>,
    ) -> Result<Url, LoginError> {
        let bad = |reason: String| LoginError::Discovery { origin: self.origin.clone(), reason };
        let url = self.manager.get_authorization_url(scopes).await;
        let url = url.map_err(|error| explain(&self.origin, &self.http, &error))?;
        let url =
            Url::parse(&url).map_err(|_| bad("the authorization URL is invalid".to_owned()))?;
        // The browser is not sent to a URL that the host itself would refuse.
        self.http.check(&url).map_err(|failure| bad(failure.to_string()))?;
        Ok(match resource {
            Some(resource) => replace_resource(&url, resource),
            None => url,
        })
    }

    /// Whether a client id may be the URL of a metadata document.
    fn supports_documents(&self) -> bool {
        let supported =
            self.metadata.additional_fields.get("client_id_metadata_document_supported");
        supported.and_then(serde_json::Value::as_bool) == Some(true)
    }
}

/// Translates an error of rmcp, without the text of the other side in it.
fn explain(origin: &str, http: &Http, error: &AuthError) -> LoginError {
    let reason = match error {
        AuthError::PkceUnsupported => "its authorization server does not support PKCE with S256",
        AuthError::InvalidScope(_) => {
            "its authorization server does not support the authorization code flow"
        }
        AuthError::ProtectedResourceMetadataInvalid { .. } => {
            "its metadata is that of another server, or invalid"
        }
        AuthError::AuthorizationServersUnavailable { .. } => {
            "none of its authorization servers can be used"
        }
        AuthError::AuthorizationServerMismatch { .. } => {
            "its authorization server's metadata names another issuer"
        }
        AuthError::AuthorizationServerMissingIssuer { .. } => {
            "its authorization server's metadata names no issuer"
        }
        _ => "its metadata does not follow the protocol",
    };
    let failure =
        http.take_failure().filter(|_| matches!(error, AuthError::DiscoveryRequestFailed { .. }));
    let reason = failure.map_or_else(|| reason.to_owned(), |failure| failure.to_string());
    LoginError::Discovery { origin: origin.to_owned(), reason }
}
