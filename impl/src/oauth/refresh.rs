//! Refreshes tokens.

use std::sync::Arc;

use reqwest::Url;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, CredentialStore as _, InMemoryCredentialStore,
    OAuthClientConfig,
};

use super::http::Http;
use super::tokens::Tokens;
use crate::connection::trust::Trust;

/// Why a refresh failed.
pub(super) enum RefreshError {
    /// There is no refresh token.
    NoToken,
    /// The authorization server rejected the refresh token.
    Rejected,
    /// A later attempt may succeed.
    Failed(String),
}

/// Requests new tokens. The caller must store them without interruption: the old refresh token may
/// be spent.
pub(super) async fn refresh(
    server: &Url,
    old: &Tokens,
    trust: Trust,
) -> Result<Tokens, RefreshError> {
    let failed = |reason: &str| RefreshError::Failed(reason.to_owned());
    if old.refresh_token.is_none() {
        return Err(RefreshError::NoToken);
    }
    let http = Http::new(server.clone(), Default::default(), old.resource.clone(), trust);
    let asked = |error: AuthError| match (error, http.take_failure()) {
        (AuthError::TokenRefreshRejected(_) | AuthError::AuthorizationRequired, _) => {
            RefreshError::Rejected
        }
        (_, Some(failure)) => RefreshError::Failed(failure.to_string()),
        (_, None) => failed("the authorization server does not follow the protocol"),
    };
    let client = Arc::clone(&http);
    let manager = AuthorizationManager::new_with_oauth_http_client(server.clone(), client);
    let mut manager = manager.await.map_err(asked)?;
    let metadata = match old.metadata() {
        Some(metadata) => metadata,
        // Another program stored the tokens.
        None => {
            let found = manager.resolve_metadata().await.map_err(asked)?;
            // The refresh token is not sent to a guessed endpoint.
            if !found.source.is_discovered() {
                return Err(failed("the server does not name its authorization server"));
            }
            // Nor to another authorization server than its issuer.
            if old.issuer.is_some() && old.issuer != found.metadata.issuer {
                return Err(failed("the server has another authorization server now"));
            }
            found.metadata
        }
    };
    manager.set_metadata(metadata);
    // A refresh does not use the redirect URI, but rmcp requires one.
    let mut client = OAuthClientConfig::new(&old.client_id, "http://127.0.0.1/callback");
    client.client_secret.clone_from(&old.client_secret);
    manager.configure_client(client).map_err(asked)?;
    let store = InMemoryCredentialStore::new();
    let stored = old.to_stored().ok_or_else(|| failed("the stored tokens are invalid"))?;
    store.save(stored).await.map_err(asked)?;
    manager.set_credential_store(store.clone());
    manager.refresh_token().await.map_err(asked)?;
    let stored = store.load().await.map_err(asked)?;
    let mut tokens = old.clone();
    stored
        .and_then(|stored| tokens.take(&stored))
        .ok_or_else(|| failed("the response is invalid"))?;
    Ok(tokens)
}
