//! Errors of connections. Each message says what to do.

use std::fmt;

use super::name::MAX_NAME_LEN;
use crate::hosted_apps::CODEX_APPS;

/// A server and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Its name in configuration.
    pub server: String,
    /// Scheme, host and port of its endpoint, or its command without arguments.
    pub at: String,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.server, self.at)
    }
}

/// Why a connection or a request failed. No message holds a token, the value of a header, an
/// argument or the value of an environment variable. Only [`ConnectError::CallRefused`] holds text
/// of the server.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name is invalid. Nothing was started.
    #[error(
        "{name:?} is not a valid server name: use 1 to {max} ASCII letters, digits, `_` and `-`",
        max = MAX_NAME_LEN
    )]
    InvalidName {
        /// The name, truncated if it is too long.
        name: String,
    },
    /// The effective view does not contain the Apps server. Nothing was started.
    #[error(
        "codex_apps is not among the effective servers: sign in with ChatGPT and leave the \
         feature `apps` on"
    )]
    Absent,
    /// The server is disabled. Nothing was started.
    #[error("{server} is disabled: set its `enabled` to true")]
    Disabled {
        /// The server's name.
        server: String,
    },
    /// The Apps server is a process. Nothing was started.
    #[error(
        "codex_apps is a stdio server, and the Apps server must use streamable HTTP: remove \
         mcp_servers.codex_apps or the plugin or extension that sets it"
    )]
    Stdio,
    /// No executor can start the server. Nothing was started.
    #[error("{server} needs an executor, and there is none for environment {environment:?}")]
    NeedsExecutor {
        /// The server's name.
        server: String,
        /// Its `environment_id`.
        environment: String,
    },
    /// The executor of the server's environment cannot be started, or it is gone.
    #[error(
        "{address}: the executor of environment {environment:?}: {reason}: it is started again at \
         the next use"
    )]
    Executor {
        /// The server.
        address: ServerAddress,
        /// The server's `environment_id`.
        environment: String,
        /// What happened to the executor.
        reason: String,
    },
    /// A variable is taken from a remote environment, but the server runs locally. Nothing was
    /// started.
    #[error(
        "{server}: env_vars takes {variable} from `remote`, but the server runs on this machine: \
         remove `source` or set it to \"local\""
    )]
    RemoteVariable {
        /// The server's name.
        server: String,
        /// The variable's name.
        variable: String,
    },
    /// The process could not be started.
    #[error("{address}: cannot be started: {reason}: correct command, cwd or PATH")]
    SpawnFailed {
        /// The server.
        address: ServerAddress,
        /// The error of the system.
        reason: String,
    },
    /// The process exited.
    #[error("{address}: the process exited ({status}): run the command by hand to see why")]
    ProcessExited {
        /// The server.
        address: ServerAddress,
        /// The exit status.
        status: String,
    },
    /// The connection was closed on this side.
    #[error("{address}: the connection is closed")]
    Closed {
        /// The server.
        address: ServerAddress,
    },
    /// The endpoint is not an http or https URL, or has a user or password. No request was sent.
    #[error(
        "{server}: its url is not an http or https URL without user or password: correct {}",
        url_setting(server)
    )]
    InvalidUrl {
        /// The server's name.
        server: String,
    },
    /// A configured header cannot be sent. No request was sent.
    #[error("{server}: header {header:?} has a name or a value that HTTP does not allow")]
    InvalidHeader {
        /// The server's name.
        server: String,
        /// The header's name.
        header: String,
    },
    /// There is neither a sign-in nor a token in an environment variable. No request was sent.
    #[error("{address}: no credentials: sign in with ChatGPT")]
    NoCredentials {
        /// The server.
        address: ServerAddress,
    },
    /// The environment variable of the token is unset, blank or holds text that a header cannot
    /// carry. No request was sent.
    #[error(
        "{address}: environment variable {variable} holds no usable token: set it, or remove \
         bearer_token_env_var"
    )]
    NoToken {
        /// The server.
        address: ServerAddress,
        /// The variable's name.
        variable: String,
    },
    /// The authorization of the connection is gone. No request was sent.
    #[error("{address}: {reason}")]
    NotAuthorized {
        /// The server.
        address: ServerAddress,
        /// Why, and what to do.
        reason: String,
    },
    /// The server refused the authorization, and there is no replacement.
    #[error("{address}: the server refused the credentials (HTTP {status}): {advice}")]
    Unauthorized {
        /// The server.
        address: ServerAddress,
        /// The status, 401 or 403.
        status: u16,
        /// What to do.
        advice: String,
    },
    /// The server refused the token of the environment variable (HTTP 401).
    #[error("{address}: the server refused the token in {variable} (HTTP 401): set a valid token")]
    TokenRefused {
        /// The server.
        address: ServerAddress,
        /// The variable's name.
        variable: String,
    },
    /// The server requires authorization (HTTP 401), and the host has none for it.
    #[error(
        "{address}: the server requires authorization (HTTP 401): log in to it, or set \
         bearer_token_env_var or a header"
    )]
    LoginRequired {
        /// The server.
        address: ServerAddress,
    },
    /// TLS could not be set up. No request was sent.
    #[error("{address}: TLS could not be set up: {reason}")]
    Tls {
        /// The server.
        address: ServerAddress,
        /// The error of the TLS library.
        reason: String,
    },
    /// The connection failed or broke.
    #[error("{address}: cannot be reached: {reason}: check network, proxy and url")]
    Unreachable {
        /// The server.
        address: ServerAddress,
        /// The error of the system.
        reason: String,
    },
    /// Initialization and the first list of tools timed out.
    #[error(
        "{address}: not ready after {seconds} seconds: try again, or raise startup_timeout_sec"
    )]
    StartupTimeout {
        /// The server.
        address: ServerAddress,
        /// The limit, in seconds.
        seconds: f64,
    },
    /// A later request timed out.
    #[error("{address}: no response after {seconds} seconds: try again, or raise tool_timeout_sec")]
    Timeout {
        /// The server.
        address: ServerAddress,
        /// The limit, in seconds.
        seconds: f64,
    },
    /// An HTTP error status.
    #[error("{address}: the server responded with HTTP {status}: {}", advice(address, *status))]
    HttpStatus {
        /// The server.
        address: ServerAddress,
        /// The status.
        status: u16,
    },
    /// A redirect to another origin. It is never followed: the other origin must not get the
    /// credentials.
    #[error(
        "{address}: the server redirects to another origin, {to}, which is not followed: if that is \
         the right address, configure it as {}",
        url_setting(&address.server)
    )]
    RedirectRefused {
        /// The server.
        address: ServerAddress,
        /// Scheme, host and port of the target.
        to: String,
    },
    /// A redirect within the origin that would drop the request, or too many redirects.
    #[error("{address}: a redirect that cannot be followed ({reason}): correct url")]
    BadRedirect {
        /// The server.
        address: ServerAddress,
        /// Why not.
        reason: &'static str,
    },
    /// The server answered a request with a JSON-RPC error.
    #[error("{address}: the server refused the request (JSON-RPC error {code})")]
    Refused {
        /// The server.
        address: ServerAddress,
        /// The JSON-RPC error code.
        code: i32,
    },
    /// The server answered a tool call or the read of a resource with a JSON-RPC error.
    #[error("{address}: the server refused {request} (JSON-RPC error {code}): {message}")]
    CallRefused {
        /// The server.
        address: ServerAddress,
        /// The method of the request.
        request: &'static str,
        /// The JSON-RPC error code.
        code: i32,
        /// The server's message, at most 1,000 characters, without control characters.
        message: String,
    },
    /// The server has no such tool, or the configuration disables it. No request was sent.
    #[error(
        "{server} offers no tool {tool:?}: use another, or see its enabled_tools and \
         disabled_tools"
    )]
    UnknownTool {
        /// The server's name.
        server: String,
        /// The tool's name.
        tool: String,
    },
    /// The server violated the protocol.
    #[error("{address}: not a valid MCP response: {reason}: check {}", what_to_check(address))]
    Protocol {
        /// The server.
        address: ServerAddress,
        /// The violation.
        reason: &'static str,
    },
    /// The response is larger than the bound.
    #[error("{address}: the response is too large: {reason}")]
    TooLarge {
        /// The server.
        address: ServerAddress,
        /// The bound.
        reason: String,
    },
}

impl ConnectError {
    /// Whether another attempt may succeed without a change of the configuration.
    #[must_use]
    pub fn can_pass(&self) -> bool {
        !matches!(
            self,
            Self::InvalidName { .. }
                | Self::Absent
                | Self::Disabled { .. }
                | Self::Stdio
                | Self::NeedsExecutor { .. }
                | Self::RemoteVariable { .. }
                | Self::InvalidUrl { .. }
                | Self::InvalidHeader { .. }
                | Self::NoToken { .. }
        )
    }

    /// Whether a server or the network has a problem that often passes within a second.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::HttpStatus { status, .. } => *status >= 500,
            Self::Unreachable { .. } => true,
            _ => false,
        }
    }
}

/// The setting that holds the URL.
fn url_setting(server: &str) -> &'static str {
    if server == CODEX_APPS { "chatgpt_base_url" } else { "url" }
}

fn what_to_check(address: &ServerAddress) -> &'static str {
    if address.at.contains("://") { "url" } else { "command" }
}

fn advice(address: &ServerAddress, status: u16) -> String {
    match status {
        403 if address.server == CODEX_APPS => {
            "this account may not use it; sign in with another one".to_owned()
        }
        403 => "you may not use it; log in with another account or scope".to_owned(),
        404 | 405 => {
            let setting = url_setting(&address.server);
            format!("there is no MCP server at this address; check {setting}")
        }
        429 => "too many requests; wait and try again".to_owned(),
        500.. => "the server has a problem; try again later".to_owned(),
        _ => "check url and headers".to_owned(),
    }
}
