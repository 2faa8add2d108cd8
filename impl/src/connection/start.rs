//! Opens a connection.

use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::ServiceExt as _;
use rmcp::service::{ClientInitializeError, RunningService};
use rmcp::transport::{
    IntoTransport, StreamableHttpClientTransport,
    streamable_http_client::StreamableHttpClientTransportConfig,
};
use tokio::time::Instant;

use super::context::{ConnectContext, Executor};
use super::ending::Ending;
use super::error::{ConnectError, ServerAddress};
use super::executor::remote::{self, Place};
use super::failure::Slot;
use super::handler::Host;
use super::name::{MAX_NAME_LEN, is_valid_name};
use super::observed::ObservedClient;
use super::offer::Offer;
use super::request::{explain, within};
use super::retry::with_retries;
use super::secrets::Secrets;
use super::session::Connection;
use super::target::{Authorization, Target};
use super::trust::Trust;
use super::{http, stdio, supervise};
use crate::config::{LOCAL_ENVIRONMENT, ServerConfig, Stdio, StreamableHttp, Transport};
use crate::extension::BoxFuture;
use crate::hosted_apps::CODEX_APPS;

/// The default startup timeout.
const DEFAULT_STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// Checks the name of a server.
///
/// # Errors
/// [`ConnectError::InvalidName`]: it is empty, longer than [`MAX_NAME_LEN`], or has other
/// characters than ASCII letters, digits, `_` and `-`.
pub fn check_name(name: &str) -> Result<(), ConnectError> {
    if is_valid_name(name) {
        return Ok(());
    }
    let name = name.chars().take(MAX_NAME_LEN).collect();
    Err(ConnectError::InvalidName { name })
}

/// Connects to a server: starts its process if it is one, initializes a session and lists its
/// tools, all within the server's startup timeout (30 seconds by default). For an HTTP server this is
/// repeated up to twice, after 0.25 and 1 second, if it answers with a status of 500 and above or
/// cannot be reached.
///
/// Every request to an HTTP server carries the configured headers and an authorization: the token in
/// its `bearer_token_env_var` if it has one, else the host's credentials if they are for this server,
/// else its OAuth tokens. The authorization replaces configured headers of the same names.
///
/// A process runs in a process group of its own and ends with the connection. Its environment holds
/// a short list of the host's variables, those in its `env_vars`, and its `env`. Its standard error
/// is discarded.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect<'a>(
    name: &'a str,
    server: &'a ServerConfig,
    context: &'a ConnectContext,
) -> BoxFuture<'a, Result<Connection, ConnectError>> {
    Box::pin(connect_unboxed(name, server, context))
}

async fn connect_unboxed(
    name: &str,
    server: &ServerConfig,
    context: &ConnectContext,
) -> Result<Connection, ConnectError> {
    check_name(name)?;
    if !server.enabled {
        return Err(ConnectError::Disabled { server: name.to_owned() });
    }
    let is_local = server.environment_id == LOCAL_ENVIRONMENT;
    let can_run = match &server.transport {
        Transport::StreamableHttp(_) => is_local,
        Transport::Stdio(_) if name == CODEX_APPS => return Err(ConnectError::Stdio),
        Transport::Stdio(_) => match &context.executor {
            Executor::None => false,
            Executor::Local => is_local,
            Executor::Named(_) => true,
        },
    };
    if !can_run {
        let environment = server.environment_id.to_string();
        return Err(ConnectError::NeedsExecutor { server: name.to_owned(), environment });
    }
    let limit = server.startup_timeout.unwrap_or(DEFAULT_STARTUP_TIMEOUT);
    let at = address(name, &server.transport);
    let too_long =
        ConnectError::StartupTimeout { address: at.clone(), seconds: limit.as_secs_f64() };
    let offer = Offer::of(server);
    // A limit may be longer than the clock reaches.
    let deadline = Instant::now().checked_add(limit);
    let start = async {
        match &server.transport {
            Transport::StreamableHttp(http) => {
                with_retries(deadline, || {
                    let start = start_http(name, http, offer.clone(), context);
                    Box::pin(async { listed(start.await?).await })
                })
                .await
            }
            Transport::Stdio(stdio) => {
                let environment = &*server.environment_id;
                listed(start_stdio(at, stdio, environment, offer, context).await?).await
            }
        }
    };
    within(limit, start, too_long).await
}

/// The connection with the list of its tools.
async fn listed(mut connection: Connection) -> Result<Connection, ConnectError> {
    connection.keep_tools().await?;
    Ok(connection)
}

fn address(name: &str, transport: &Transport) -> ServerAddress {
    let at = match transport {
        Transport::Stdio(stdio) => format!("`{}`", stdio.command),
        // An invalid URL fails before the address is shown.
        Transport::StreamableHttp(http) => reqwest::Url::parse(&http.url)
            .map(|url| url.origin().ascii_serialization())
            .unwrap_or_default(),
    };
    ServerAddress { server: name.to_owned(), at }
}

async fn start_http(
    name: &str,
    http: &StreamableHttp,
    offer: Offer,
    context: &ConnectContext,
) -> Result<Connection, ConnectError> {
    let Target { url, address, headers, authorization } = Target::of(name, http, context).await?;
    let ending = Ending::default();
    let session = Slot::default();
    let secrets = Secrets::default();
    headers.values().filter_map(|value| value.to_str().ok()).for_each(|value| secrets.add(value));
    url.query_pairs().for_each(|(_, value)| secrets.add(&value));
    let authorizer = match &authorization {
        Authorization::Asked(authorizer) | Authorization::Variable(_, Some(authorizer)) => {
            Some(Arc::clone(authorizer))
        }
        Authorization::None | Authorization::Variable(_, None) => None,
    };
    let client = ObservedClient {
        inner: http::client(&url, headers, &address, &Trust::of(&context.environment))?,
        authorizer,
        session: session.clone(),
        secrets: secrets.clone(),
        gone: ending.stop.clone(),
    };
    let max = context.options.max_response_bytes;
    let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .max_json_response_size(max)
        .max_sse_event_size(max);
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let connection = Start { address, authorization, session, secrets, ending, offer };
    connection.serve(transport, context).await
}

async fn start_stdio(
    address: ServerAddress,
    stdio: &Stdio,
    environment: &str,
    offer: Offer,
    context: &ConnectContext,
) -> Result<Connection, ConnectError> {
    let secrets = Secrets::default();
    let mut ending = Ending::default();
    let session = Slot::default();
    let max = context.options.max_response_bytes;
    let (variables, session_of) = (&context.environment, session.clone());
    let (transport, process) = match &context.executor {
        Executor::Named(environments) if environment != LOCAL_ENVIRONMENT => {
            let secrets = &secrets;
            let place = Place { environments, environment, variables, secrets, max_line: max };
            remote::spawn(&address, stdio, place, session_of, &ending).await?
        }
        _ => {
            let base = context.cwd.as_deref();
            let command = stdio::command(&address, stdio, variables, base, &secrets)?;
            let started = supervise::spawn(command, max, session_of, &ending);
            started.map_err(|error| ConnectError::SpawnFailed {
                address: address.clone(),
                reason: error.to_string(),
            })?
        }
    };
    ending.process = Some(process);
    let authorization = Authorization::None;
    let connection = Start { address, authorization, session, secrets, ending, offer };
    connection.serve(transport, context).await
}

/// A connection that is being opened.
struct Start {
    address: ServerAddress,
    authorization: Authorization,
    session: Slot,
    secrets: Secrets,
    ending: Ending,
    offer: Offer,
}

impl Start {
    /// Initializes a session.
    async fn serve<T, E, A>(
        self,
        transport: T,
        context: &ConnectContext,
    ) -> Result<Connection, ConnectError>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let host = Host::new(&context.options);
        // A child token, because rmcp cancels it when the connection breaks.
        let stop = self.ending.stop.child_token();
        match host.serve_with_ct(transport, stop).await {
            Ok(service) => Ok(self.started(service, context)),
            Err(error) => Err(self.failed(error).await),
        }
    }

    fn started(
        self,
        service: RunningService<RoleClient, Host>,
        context: &ConnectContext,
    ) -> Connection {
        let Self { address, authorization, session, secrets, ending, offer } = self;
        let peer = service.peer().clone();
        let ended = ending.ended.clone();
        tokio::spawn(async move {
            // Signals the end even if this task panics.
            let _ended = ended.drop_guard();
            // The slot of the session holds the reason.
            let _ = service.waiting().await;
        });
        let options = context.options.clone();
        Connection::new(address, authorization, (session, secrets), ending, offer, options, peer)
    }

    async fn failed(&self, error: ClientInitializeError) -> ConnectError {
        if let ClientInitializeError::JsonRpcError(error) = &error {
            let (address, code) = (self.address.clone(), error.code.0);
            return ConnectError::Refused { address, code };
        }
        self.ending.settle().await;
        match self.session.get() {
            Some(failure) => explain(&self.address, &self.authorization, failure),
            None => ConnectError::Protocol {
                address: self.address.clone(),
                reason: "it is not a response to `initialize`",
            },
        }
    }
}
