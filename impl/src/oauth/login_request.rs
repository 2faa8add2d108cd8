//! The parameters of a login.

use std::time::Duration;

use crate::config::Redacted;

/// The default timeout of a login.
pub const DEFAULT_LOGIN_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest timeout of a login.
pub const MAX_LOGIN_TIMEOUT: Duration = Duration::from_secs(3600);

/// The timeout of a login from a client's number of seconds: 300 by default, at least 1 and at most
/// 3600.
#[must_use]
pub fn login_timeout(seconds: Option<i64>) -> Duration {
    seconds.map_or(DEFAULT_LOGIN_TIMEOUT, |seconds| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Duration::from_secs(seconds).clamp(Duration::from_secs(1), MAX_LOGIN_TIMEOUT)
    })
}

/// The parameters of a login. The default takes them from the server's configuration.
#[derive(Debug, Clone, Default)]
pub struct LoginRequest {
    /// The scopes. By default the configured ones (an empty list too), else those that the server
    /// names, else none.
    pub scopes: Option<Vec<String>>,
    /// The timeout of the whole login; see [`login_timeout`]. `None` is 300 seconds.
    pub timeout: Option<Duration>,
    /// The `WWW-Authenticate` value of a refused request, if there was one.
    pub challenge: Option<String>,
    /// The secret of the configured client id.
    pub client_secret: Option<Redacted>,
    /// The https URL of a client ID metadata document, for authorization servers that support it.
    pub client_metadata_url: Option<String>,
}
