//! Why there is no connection to the Apps server, and what to do about it.

/// Why the Apps server could not be reached or did not do what it should. No message holds a
/// token, a header's value, or anything the server wrote.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The effective view does not have the server. No request was sent.
    #[error(
        "codex_apps is not among the effective servers: sign in with ChatGPT and leave the \
         feature `apps` on"
    )]
    Absent,
    /// The server is disabled. No request was sent.
    #[error("codex_apps is disabled: set its `enabled` to true")]
    Disabled,
    /// The server is a process. No request was sent.
    #[error(
        "codex_apps is a stdio server, and Apps are only spoken to over streamable HTTP: remove \
         mcp_servers.codex_apps or whatever else sets it"
    )]
    Stdio,
    /// The endpoint is not an http or https URL, or has a user or password. No request was sent.
    #[error(
        "codex_apps: its url is not an http or https URL without user or password: correct `url` \
         or chatgpt_base_url"
    )]
    InvalidUrl,
    /// A configured header cannot be sent. No request was sent.
    #[error("codex_apps: header {header:?} has a name or a value that HTTP does not allow")]
    InvalidHeader {
        /// Its name.
        header: String,
    },
    /// Nobody is signed in and no environment variable supplies a token. No request was sent.
    #[error("codex_apps at {origin}: no credentials: sign in with ChatGPT")]
    NoCredentials {
        /// Scheme, host and port of the endpoint.
        origin: String,
    },
    /// The environment variable that should supply the token is unset, blank or not text that a
    /// header can carry. No request was sent.
    #[error(
        "codex_apps at {origin}: environment variable {variable} holds no usable token: set it, \
         or remove bearer_token_env_var to use the signed-in account"
    )]
    NoToken {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// The variable's name.
        variable: String,
    },
    /// The credentials cannot be sent in a header. No request was sent.
    #[error("codex_apps at {origin}: the stored credentials are damaged: sign in again")]
    DamagedCredentials {
        /// Scheme, host and port of the endpoint.
        origin: String,
    },
    /// TLS could not be set up. No request was sent.
    #[error("codex_apps at {origin}: TLS could not be set up: {reason}")]
    Tls {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// What the TLS library says.
        reason: String,
    },
    /// No connection, or it broke.
    #[error("codex_apps at {origin}: cannot be reached: {reason}: check network, proxy and url")]
    Unreachable {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// What the system says.
        reason: String,
    },
    /// Initialization and the first list of tools took too long.
    #[error(
        "codex_apps at {origin}: not ready after {seconds} seconds: try again, or raise \
         startup_timeout_sec"
    )]
    StartupTimeout {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// The limit, in seconds.
        seconds: f64,
    },
    /// A later request took too long.
    #[error(
        "codex_apps at {origin}: no answer after {seconds} seconds: try again, or raise \
         tool_timeout_sec"
    )]
    Timeout {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// The limit, in seconds.
        seconds: f64,
    },
    /// The server refused the host's credentials (HTTP 401).
    #[error("codex_apps at {origin}: the server refused the credentials (HTTP 401): sign in again")]
    Unauthorized {
        /// Scheme, host and port of the endpoint.
        origin: String,
    },
    /// The server refused the token of the environment variable (HTTP 401).
    #[error(
        "codex_apps at {origin}: the server refused the token in {variable} (HTTP 401): put a \
         valid one there"
    )]
    TokenRefused {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// The variable's name.
        variable: String,
    },
    /// Another HTTP status than success.
    #[error("codex_apps at {origin}: the server answered with HTTP {status}: {}", advice(*status))]
    HttpStatus {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// The status.
        status: u16,
    },
    /// A redirect to another origin, which is never followed: the credentials are not for it.
    #[error(
        "codex_apps at {origin}: the server redirects to another origin, {to}, which is not \
         followed: if that is the right place, configure it as chatgpt_base_url"
    )]
    RedirectRefused {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// Scheme, host and port of the target.
        to: String,
    },
    /// A redirect within the origin that would lose the request, or one too many.
    #[error("codex_apps at {origin}: a redirect that cannot be followed ({reason}): correct url")]
    BadRedirect {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// Why not.
        reason: &'static str,
    },
    /// The server refused a request in the protocol itself.
    #[error("codex_apps at {origin}: the server refused the request (JSON-RPC error {code})")]
    Refused {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// The JSON-RPC error code.
        code: i32,
    },
    /// The answer is not MCP over streamable HTTP.
    #[error("codex_apps at {origin}: not an MCP server's answer: {reason}: check url")]
    Protocol {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The answer is larger than the host takes.
    #[error("codex_apps at {origin}: the answer is too large: {reason}")]
    TooLarge {
        /// Scheme, host and port of the endpoint.
        origin: String,
        /// The bound that was passed.
        reason: String,
    },
}

fn advice(status: u16) -> &'static str {
    match status {
        403 => "this account may not use it; sign in with another one",
        404 | 405 => "there is no MCP server at this address; check chatgpt_base_url",
        429 => "too many requests; wait and try again",
        500.. => "the server has a problem; try again later",
        _ => "check url and headers",
    }
}
