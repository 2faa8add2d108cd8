//! A connection to the Apps server of an effective view.
//!
//! Needs a Tokio runtime with time and I/O. The transport is rmcp's streamable HTTP client; what
//! this module adds is what a host must be sure of: which server, which credentials and no others,
//! no other origin, nothing without bounds, and errors that say what to do.

pub mod authorize;
mod credentials;
mod error;
mod http;
mod observed;
mod target;

use std::future::Future;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::model::{
    ClientCapabilities, Implementation, InitializeRequestParams, PaginatedRequestParams,
};
use rmcp::service::{ClientInitializeError, RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use credentials::HostCredentials;
pub use error::ConnectError;
pub use rmcp::model::Tool;

use self::http::Refused;
use self::observed::{Failure, LastFailure, ObservedClient};
use self::target::Target;
use crate::config::Environment;
use crate::view::View;

/// The bounds of a connection, and how the host introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The client's name in `initialize`.
    pub client_name: String,
    /// The client's version in `initialize`.
    pub client_version: String,
    /// The largest answer, or event of a stream, in bytes.
    pub max_response_bytes: usize,
    /// The most tools a server may have.
    pub max_tools: usize,
    /// The most pages its list of tools may have.
    pub max_tool_pages: usize,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            client_name: env!("CARGO_PKG_NAME").to_owned(),
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            max_response_bytes: 16 * 1024 * 1024,
            max_tools: 10_000,
            max_tool_pages: 100,
        }
    }
}

/// How long a session's end may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// An open connection to the Apps server. Dropping it ends it too, but does not wait for that.
pub struct AppsConnection {
    service: RunningService<RoleClient, InitializeRequestParams>,
    target: Target,
    failure: LastFailure,
    options: ConnectOptions,
    tools: Vec<Tool>,
    /// Ends whatever request is still under way when the connection is gone.
    _alive: DropGuard,
}

/// Connects to the Apps server of this effective view: initializes a session and lists its tools,
/// both within the server's startup timeout (30 seconds by default).
///
/// Every request carries the configured headers and the host's credentials, which replace
/// configured values of the same headers. If the server has a `bearer_token_env_var`, that
/// variable supplies the token instead and the host's credentials are not sent at all.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect_apps(
    view: &View,
    credentials: Option<&HostCredentials>,
    env: &Environment,
    options: ConnectOptions,
) -> Result<AppsConnection, ConnectError> {
    let target = Target::of(view, credentials, env)?;
    let limit = target.startup_timeout;
    let too_long = ConnectError::StartupTimeout {
        origin: target.origin.clone(),
        seconds: limit.as_secs_f64(),
    };
    let start = async {
        let mut connection = start(target, options).await?;
        connection.tools = connection.all_tools().await?;
        Ok(connection)
    };
    within(limit, start, too_long).await
}

/// Initializes a session.
async fn start(target: Target, options: ConnectOptions) -> Result<AppsConnection, ConnectError> {
    let failure = LastFailure::default();
    let gone = CancellationToken::new();
    let alive = gone.clone().drop_guard();
    let inner = http::client(&target)?;
    let client = ObservedClient { inner, failure: failure.clone(), gone };
    let config = StreamableHttpClientTransportConfig::with_uri(target.url.as_str())
        .max_json_response_size(options.max_response_bytes)
        .max_sse_event_size(options.max_response_bytes);
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let identity = Implementation::new(&options.client_name, &options.client_version);
    let client = InitializeRequestParams::new(ClientCapabilities::default(), identity);
    match client.serve(transport).await {
        Ok(service) => {
            let tools = Vec::new();
            Ok(AppsConnection { service, target, failure, options, tools, _alive: alive })
        }
        Err(error) => Err(match (failure.take(), error) {
            (Some(failure), _) => explain(&target, failure),
            (None, ClientInitializeError::JsonRpcError(error)) => {
                ConnectError::Refused { origin: target.origin, code: error.code.0 }
            }
            (None, _) => protocol(&target, "it is not an answer to `initialize`"),
        }),
    }
}

impl AppsConnection {
    /// The tools the server had when the connection was made, those that the configuration does
    /// not offer left out.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The tools the server has now: all pages, those that the configuration does not offer left
    /// out, within the server's tool timeout (60 seconds by default).
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn list_tools(&self) -> Result<Vec<Tool>, ConnectError> {
        let limit = self.target.tool_timeout;
        let too_long = ConnectError::Timeout {
            origin: self.target.origin.clone(),
            seconds: limit.as_secs_f64(),
        };
        within(limit, self.all_tools(), too_long).await
    }

    /// Ends the session, telling the server so; gives up waiting for it after 5 seconds.
    pub async fn shutdown(mut self) {
        // How the session ended matters to nobody: the connection is gone either way.
        let _ = self.service.close_with_timeout(SHUTDOWN_TIMEOUT).await;
    }

    async fn all_tools(&self) -> Result<Vec<Tool>, ConnectError> {
        let too_large = |reason: String| {
            Err(ConnectError::TooLarge { origin: self.target.origin.clone(), reason })
        };
        // What went wrong earlier, a cancellation that was not sent for example, is not ours.
        self.failure.take();
        let mut tools = Vec::new();
        let mut cursor = None;
        for _ in 0..self.options.max_tool_pages {
            let params =
                cursor.take().map(|c| PaginatedRequestParams::default().with_cursor(Some(c)));
            let page = self.service.list_tools(params).await;
            let page = page.map_err(|error| self.explain(error))?;
            if tools.len() + page.tools.len() > self.options.max_tools {
                return too_large(format!("more than {} tools", self.options.max_tools));
            }
            tools.extend(page.tools);
            cursor = page.next_cursor;
            if cursor.is_none() {
                tools.retain(|tool| self.target.offers(&tool.name));
                return Ok(tools);
            }
        }
        too_large(format!("more than {} pages of tools", self.options.max_tool_pages))
    }

    fn explain(&self, error: ServiceError) -> ConnectError {
        match (self.failure.take(), error) {
            (Some(failure), _) => explain(&self.target, failure),
            (None, ServiceError::McpError(error)) => {
                ConnectError::Refused { origin: self.target.origin.clone(), code: error.code.0 }
            }
            (None, _) => protocol(&self.target, "it is not an answer to `tools/list`"),
        }
    }
}

impl std::fmt::Debug for AppsConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppsConnection")
            .field("origin", &self.target.origin)
            .field("tools", &self.tools.len())
            .finish_non_exhaustive()
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ConnectError>>,
    too_long: ConnectError,
) -> Result<T, ConnectError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(too_long))
}

fn explain(target: &Target, failure: Failure) -> ConnectError {
    let origin = target.origin.clone();
    match failure {
        Failure::Status(401) => match target.variable.clone() {
            Some(variable) => ConnectError::TokenRefused { origin, variable },
            None => ConnectError::Unauthorized { origin },
        },
        Failure::Status(status) => ConnectError::HttpStatus { origin, status },
        Failure::Redirect(Refused::Origin(to)) => ConnectError::RedirectRefused { origin, to },
        Failure::Redirect(Refused::Bad(reason)) => ConnectError::BadRedirect { origin, reason },
        Failure::Unreachable(reason) => ConnectError::Unreachable { origin, reason },
        Failure::TooLarge(max) => {
            ConnectError::TooLarge { origin, reason: format!("more than {max} bytes") }
        }
        Failure::Protocol(reason) => ConnectError::Protocol { origin, reason },
    }
}

fn protocol(target: &Target, reason: &'static str) -> ConnectError {
    ConnectError::Protocol { origin: target.origin.clone(), reason }
}
