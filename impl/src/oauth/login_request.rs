//! What a login asks for.

use std::time::Duration;

use crate::config::Redacted;

/// How long a login may take unless the caller says otherwise.
pub const DEFAULT_LOGIN_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest time a login may take.
pub const MAX_LOGIN_TIMEOUT: Duration = Duration::from_secs(3600);

/// The time a login may take, from a number of seconds as a client sends it: 300 if none is given,
/// at least 1 and at most 3600.
#[must_use]
pub fn login_timeout(seconds: Option<i64>) -> Duration {
    seconds.map_or(DEFAULT_LOGIN_TIMEOUT, |seconds| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Duration::from_secs(seconds).clamp(Duration::from_secs(1), MAX_LOGIN_TIMEOUT)
    })
}

/// What a login asks for. The default asks for what the server's configuration says.
#[derive(Debug, Clone, Default)]
pub struct LoginRequest {
    /// The scopes. Without them the configured ones count (an empty list too), else those that the
    /// server names, else none are asked for.
    pub scopes: Option<Vec<String>>,
    /// How long the login may take, from the start; see [`login_timeout`]. `None`: 300 seconds.
    pub timeout: Option<Duration>,
    /// The value of `WWW-Authenticate` with which the server has refused a request, if it has.
    pub challenge: Option<String>,
    /// The secret that belongs to the configured client id.
    pub client_secret: Option<Redacted>,
    /// The https URL of a client ID metadata document, for authorization servers that take one.
    pub client_metadata_url: Option<String>,
}
