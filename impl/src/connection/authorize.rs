//! What authorises the requests of one connection.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::header::{HeaderName, HeaderValue};

/// The headers that tell a server who asks. `Debug` shows their names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthHeaders(Vec<(HeaderName, HeaderValue)>);

impl AuthHeaders {
    /// These headers, whose values no log of the HTTP stack shows.
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
    /// What the refused request carried.
    pub sent: AuthHeaders,
}

/// Why nothing may be sent: the credentials that a connection was made with are gone. Shown to the
/// user, so it says what to do and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unauthorized(pub String);

/// Authorises every request of one connection, at the moment it is sent: credentials that are gone
/// are not sent once more.
pub trait Authorizer: Send + Sync {
    /// The headers of the next request.
    fn headers(&self) -> BoxFuture<'_, Result<AuthHeaders, Unauthorized>>;

    /// The server refused a request. Other headers to repeat it with, once; `None` if there are
    /// none, and the refusal stands.
    fn refused(&self, refusal: Refusal) -> BoxFuture<'_, Option<AuthHeaders>>;

    /// What the user can do about a refusal that stands, for example `sign in again`.
    fn advice(&self) -> String;
}

/// Where the host's own credentials come from.
pub trait HostCredentialSource: Send + Sync {
    /// What authorises a connection to a server that takes these credentials, bound to the account that is signed in
    /// now: once another account is signed in, or none, it authorises nothing more. `None` if
    /// nobody is signed in with credentials that can be sent.
    fn authorizer(&self) -> Option<Arc<dyn Authorizer>>;

    /// Whether the Apps server may be used at this moment: also with a token of its own, which the
    /// user has given for as long as they are signed in.
    fn is_signed_in(&self) -> bool;
}

/// Where OAuth tokens of other servers come from. Never asked about the Apps server.
pub trait OAuthSource: Send + Sync {
    /// What authorises a connection to this server: its stored tokens, refreshed before they
    /// expire. `None` if nobody has logged in to it.
    fn authorizer<'a>(
        &'a self,
        name: &'a str,
        url: &'a str,
    ) -> BoxFuture<'a, Option<Arc<dyn Authorizer>>>;
}
