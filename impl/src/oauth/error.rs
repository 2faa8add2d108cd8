//! Errors of logins and of the token store.

/// Why tokens cannot be read or written. The message says what to do and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file, or its lock.
    #[error("the OAuth token file {path} {reason}")]
    File {
        /// The path.
        path: String,
        /// The problem.
        reason: String,
    },
    /// The system keyring.
    #[error(
        "the system keyring cannot be used: {0}; `mcp_oauth_credentials_store = \"file\"` uses a file instead"
    )]
    Keyring(String),
    /// Another process holds the refresh lock of the server for too long.
    #[error(
        "another process has been refreshing the login to `{0}` for too long; stop that process"
    )]
    Busy(String),
    /// The runtime is shutting down.
    #[error("the host is shutting down")]
    Stopped,
}

/// Why a login failed. The message is for the user: it says what to do, and holds neither a secret
/// nor text of the authorization server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The Apps server has no login.
    #[error("`codex_apps` uses the host's own credentials: sign in to the host instead")]
    HostCredentials,
    /// The server is a process.
    #[error("OAuth login is only supported for streamable HTTP servers.")]
    Stdio,
    /// The server's URL is not an http or https URL with a host and without a user.
    #[error("the server's URL is not an http or https URL")]
    InvalidUrl,
    /// A configured header cannot be sent.
    #[error("the configured header `{0}` cannot be sent")]
    InvalidHeader(String),
    /// The server does not support OAuth.
    #[error("{0} does not support OAuth")]
    Unsupported(String),
    /// The metadata of the server or of its authorization server cannot be used.
    #[error("OAuth cannot be set up for {origin}: {reason}")]
    Discovery {
        /// The server.
        origin: String,
        /// The problem.
        reason: String,
    },
    /// The authorization server does not support client registration, or refused it.
    #[error(
        "no client could be registered: {0}; if the server's operator gave you a client id, set `oauth.client_id`"
    )]
    Registration(String),
    /// No local port could be opened for the callback.
    #[error("no local port can be opened for the callback of the browser: {0}")]
    Callback(String),
    /// The user or the authorization server refused.
    #[error("the authorization server refused: {0}")]
    Denied(String),
    /// The callback did not arrive in time.
    #[error("the login was not finished within {0} seconds")]
    Timeout(u64),
    /// The callback names another issuer than the authorization server of this login.
    #[error(
        "the callback names another authorization server than the one of this login; nothing was sent to it"
    )]
    Issuer,
    /// The authorization server issued no tokens.
    #[error("the authorization server issued no tokens: {0}")]
    Exchange(String),
    /// The tokens could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// Whether the request or the configuration must change before a login can succeed. Otherwise
    /// the login failed on the network, in the store or with the user.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::HostCredentials | Self::Stdio | Self::InvalidUrl | Self::InvalidHeader(_) => true,
            Self::Unsupported(_)
            | Self::Discovery { .. }
            | Self::Registration(_)
            | Self::Callback(_)
            | Self::Denied(_)
            | Self::Timeout(_)
            | Self::Issuer
            | Self::Exchange(_)
            | Self::Store(_) => false,
        }
    }
}
