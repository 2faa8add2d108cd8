//! The stored tokens of a login.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use rmcp::transport::auth::{AuthorizationMetadata, OAuthTokenResponse, StoredCredentials};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// How long before its expiry a token is refreshed, in milliseconds; a token that lives for less than
/// twice that is refreshed after half its lifetime.
const REFRESH_AHEAD: u64 = 30_000;

/// The stored tokens of a login. The first fields are those of Codex, so that both programs share one
/// file; Codex ignores the other fields, and drops them when it rewrites the entry. `Debug` shows no
/// secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// The server's name in the configuration.
    pub server_name: String,
    /// The server's URL at the time of the login.
    pub server_url: String,
    /// The client id of the login.
    pub client_id: String,
    /// The access token.
    pub access_token: String,
    /// When the access token expires, in milliseconds since 1970. `None` if unknown.
    #[serde(default)]
    pub expires_at: Option<u64>,
    /// The refresh token.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// The granted scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The authorization server that issued the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// When to refresh, in milliseconds since 1970. By default 30 seconds before the expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_at: Option<u64>,
    /// The client secret, if the authorization server issued one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The resource indicator of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The authorization server's metadata that a refresh needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_server: Option<Value>,
}

impl Tokens {
    /// Whether the tokens should be refreshed.
    pub(super) fn are_stale(&self) -> bool {
        let ahead = || self.expires_at.map(|at| at.saturating_sub(REFRESH_AHEAD));
        self.refresh_at.or_else(ahead).is_some_and(|at| at <= now())
    }

    /// Whether the access token is known to have expired.
    pub(super) fn have_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= now())
    }

    /// Whether the access token can be sent or refreshed.
    pub(super) fn are_usable(&self) -> bool {
        let token = |token: &str| !token.trim().is_empty();
        let refreshable = self.refresh_token.as_deref().is_some_and(token);
        refreshable || (token(&self.access_token) && !self.have_expired())
    }

    /// Takes over the response of a token endpoint.
    pub(super) fn take(&mut self, stored: &StoredCredentials) -> Option<()> {
        let response = serde_json::to_value(stored.token_response.as_ref()?).ok()?;
        let text = |name| response.get(name).and_then(Value::as_str).map(str::to_owned);
        let access_token: Option<String> = text("access_token");
        self.access_token = access_token?;
        self.refresh_token = text("refresh_token").or_else(|| self.refresh_token.take());
        let life = response.get("expires_in").and_then(Value::as_u64);
        let life = life.map(|seconds| seconds.saturating_mul(1000));
        let ahead = |life: u64| life - REFRESH_AHEAD.min(life / 2);
        self.expires_at = life.map(|life| now().saturating_add(life));
        self.refresh_at = life.map(|life| now().saturating_add(ahead(life)));
        self.scopes.clone_from(&stored.granted_scopes);
        Some(())
    }

    /// These tokens as rmcp stores them, so that it can refresh them.
    pub(super) fn to_stored(&self) -> Option<StoredCredentials> {
        let mut response = json!({ "access_token": self.access_token, "token_type": "bearer" });
        if let Some(token) = &self.refresh_token {
            response.as_object_mut()?.insert("refresh_token".to_owned(), token.clone().into());
        }
        let response: OAuthTokenResponse = serde_json::from_value(response).ok()?;
        let client_id = self.client_id.clone();
        Some(StoredCredentials::new(client_id, Some(response), self.scopes.clone(), None))
    }

    /// The part of an authorization server's metadata that a refresh needs.
    pub(super) fn keep_metadata(metadata: &AuthorizationMetadata) -> Value {
        let methods = "token_endpoint_auth_methods_supported";
        let mut kept = Map::new();
        kept.insert("issuer".to_owned(), metadata.issuer.clone().into());
        let endpoints = [
            ("authorization_endpoint", &metadata.authorization_endpoint),
            ("token_endpoint", &metadata.token_endpoint),
        ];
        for (name, endpoint) in endpoints {
            kept.insert(name.to_owned(), endpoint.clone().into());
        }
        if let Some(supported) = metadata.additional_fields.get(methods) {
            kept.insert(methods.to_owned(), supported.clone());
        }
        Value::Object(kept)
    }

    pub(super) fn metadata(&self) -> Option<AuthorizationMetadata> {
        serde_json::from_value(self.authorization_server.clone()?).ok()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("server_name", &self.server_name)
            .field("expires_at", &self.expires_at)
            .field("refreshable", &self.refresh_token.is_some())
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// The time in milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The key of a server's tokens: its name and a digest of its URL. Equals the key of Codex, so that
/// a logout here is one there.
pub(super) fn key(name: &str, url: &str) -> String {
    format!("{name}|{}", digest(url))
}

/// A digest of a server's URL, 16 hexadecimal digits.
pub(super) fn digest(url: &str) -> String {
    let url = Value::from(url);
    let payload = format!(r#"{{"type":"http","url":{url},"headers":{{}}}}"#);
    let digest = Sha256::digest(payload.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key that Codex 0.169.0 removes on `codex mcp logout docs`.
    #[test]
    fn the_key_equals_codex_key() {
        assert_eq!(key("docs", "http://127.0.0.1:9/mcp"), "docs|e49b00bf48cb4d25");
    }
}
