//! Why a login failed, and why tokens are not kept.

/// Why tokens cannot be read or written. Says what to do and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file, or its lock.
    #[error("the file of OAuth tokens, {path}, {reason}")]
    File {
        /// The path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The system keyring.
    #[error(
        "the system keyring cannot be used: {0}; `mcp_oauth_credentials_store = \"file\"` uses a file instead"
    )]
    Keyring(String),
    /// Another process refreshes the server's tokens, and does not come to an end.
    #[error("another process has been refreshing the login to `{0}` for too long; end it")]
    Busy(String),
    /// The runtime is shutting down.
    #[error("the host is shutting down")]
    Stopped,
}

/// Why a login failed. Shown to the user, so it says what to do where there is something to do, and
/// holds neither a secret nor words of the other side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The Apps server is not logged in to.
    #[error("`codex_apps` uses the host's own credentials: sign in to the host instead")]
    HostCredentials,
    /// The server is a process.
    #[error("OAuth login is only supported for streamable HTTP servers.")]
    Stdio,
    /// The server's URL is no http or https URL with a host and without a user.
    #[error("the server's URL is not an http or https URL")]
    InvalidUrl,
    /// A configured header cannot be sent.
    #[error("the configured header `{0}` cannot be sent")]
    InvalidHeader(String),
    /// The server offers no OAuth.
    #[error("{0} does not offer OAuth")]
    Unsupported(String),
    /// The server's metadata, or its authorization server's, cannot be used.
    #[error("OAuth cannot be set up for {origin}: {reason}")]
    Discovery {
        /// The server.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// The authorization server does not register clients by itself, or refuses.
    #[error(
        "this client could not be registered: {0}; if the server's operator has given you a client id, set `oauth.client_id`"
    )]
    Registration(String),
    /// There is no port for the browser to come back to.
    #[error("no local port can be opened for the browser to come back to: {0}")]
    Callback(String),
    /// The user, or the authorization server, has refused.
    #[error("the authorization server refused: {0}")]
    Denied(String),
    /// Nobody came back in time.
    #[error("the login was not finished within {0} seconds")]
    Timeout(u64),
    /// The answer comes from another authorization server than the one that was asked.
    #[error(
        "the answer comes from another authorization server than the one that was asked; nothing was sent to it"
    )]
    Issuer,
    /// The authorization server gave no tokens.
    #[error("the authorization server gave no tokens: {0}")]
    Exchange(String),
    /// The tokens could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// Whether what was asked for can never be done, until the request or the configuration is
    /// another one. Otherwise something has failed, on the network, in the store or with the user.
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
