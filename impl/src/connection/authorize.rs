//! The authorization of requests.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::header::{HeaderName, HeaderValue};

/// The headers that authorise a request. `Debug` shows their names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthHeaders(Vec<(HeaderName, HeaderValue)>);

impl AuthHeaders {
    /// These headers, marked sensitive: the HTTP stack does not log their values.
    #[must_use]
    pub fn new(headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        let sensitive = |(name, mut value): (HeaderName, HeaderValue)| {
            value.set_sensitive(true);
            (name, value)
        };
        Self(headers.into_iter().map(sensitive).collect())
    }

    /// The headers. They replace configured ones of the same names.
    pub fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.iter()
    }
}

impl fmt::Debug for AuthHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name.as_str())).finish()
    }
}

/// A server's refusal of a request (HTTP 401 or 403).
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The value of `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// The authorization that the refused request carried.
    pub sent: AuthHeaders,
}

/// Why no request may be sent: the credentials of the connection are gone. The message is for the
/// user: it says what to do and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unauthorized(pub String);

/// Authorises each request of a connection when it is sent, so that removed credentials are not sent
/// again.
pub trait Authorizer: Send + Sync {
    /// The headers of the next request.
    fn headers(&self) -> BoxFuture<'_, Result<AuthHeaders, Unauthorized>>;

    /// Called when the server refused a request. Returns new headers for a single retry; with `None`
    /// the refusal is final.
    fn refused(&self, refusal: Refusal) -> BoxFuture<'_, Option<AuthHeaders>>;

    /// Called when the server accepted a request with this authorization.
    fn accepted(&self, _: &AuthHeaders) {}

    /// What the user can do about a final refusal, for example `sign in again`.
    fn advice(&self) -> String;
}

/// The source of the host's own credentials.
pub trait HostCredentialSource: Send + Sync {
    /// The authorizer of a connection to a server that the host's credentials are for. It is bound to
    /// the account that is signed in now, and authorises nothing after a sign-out or a sign-in with
    /// another account. `None` without credentials that can be sent.
    fn authorizer(&self) -> Option<Arc<dyn Authorizer>>;

    /// Whether the Apps server may be used now. This also limits a token of its own
    /// (`bearer_token_env_var`).
    fn is_signed_in(&self) -> bool;
}

/// The source of OAuth tokens, for servers that the host's own credentials are not for. The Apps
/// server never uses OAuth.
pub trait OAuthSource: Send + Sync {
    /// The authorizer of a connection to this server: its stored tokens, refreshed before they
    /// expire. `None` without a login.
    fn authorizer<'a>(
        &'a self,
        name: &'a str,
        url: &'a str,
    ) -> BoxFuture<'a, Option<Arc<dyn Authorizer>>>;
}
