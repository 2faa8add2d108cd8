//! How a connection begins.

use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::ServiceExt as _;
use rmcp::service::{ClientInitializeError, RunningService};
use rmcp::transport::{
    IntoTransport, StreamableHttpClientTransport,
    streamable_http_client::StreamableHttpClientTransportConfig,
};

use super::failure::Slot;
use super::handler::Host;
use super::observed::ObservedClient;
use super::request::{explain, within};
use super::session::{Ending, Offer};
use super::target::{Authorization, Target};
use super::trust::Trust;
use super::{
    ConnectContext, ConnectError, Connection, Executor, Place, check_name, http, stdio, supervise,
};
use crate::config::{LOCAL_ENVIRONMENT, ServerConfig, Stdio, StreamableHttp, Transport};
use crate::extension::BoxFuture;
use crate::hosted_apps::CODEX_APPS;

/// How long a start may take unless the server says otherwise.
const DEFAULT_STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to a server: starts its process if it is one, initializes a session and lists its
/// tools, all within the server's startup timeout (30 seconds by default).
///
/// What goes to an HTTP server with every request: the configured headers; the token in its
/// `bearer_token_env_var` if it has one, else the host's credentials if it is the Apps server, else
/// what OAuth has for it. These replace configured headers of the same names.
///
/// A process runs in a process group of its own and ends with the connection. It sees a short list
/// of the host's environment variables, those in its `env_vars`, and its `env`. What it writes to
/// standard error is thrown away.
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
    let executor = match &server.transport {
        Transport::StreamableHttp(_) => Executor::Local,
        Transport::Stdio(_) if name == CODEX_APPS => return Err(ConnectError::Stdio),
        Transport::Stdio(_) => context.executor,
    };
    if executor == Executor::None || server.environment_id != LOCAL_ENVIRONMENT {
        let environment = server.environment_id.to_string();
        return Err(ConnectError::NeedsExecutor { server: name.to_owned(), environment });
    }
    let limit = server.startup_timeout.unwrap_or(DEFAULT_STARTUP_TIMEOUT);
    let at = place(name, &server.transport);
    let too_long = ConnectError::StartupTimeout { place: at.clone(), seconds: limit.as_secs_f64() };
    let offer = Offer::of(server);
    let start = async {
        let mut connection = match &server.transport {
            Transport::StreamableHttp(http) => start_http(name, http, offer, context).await?,
            Transport::Stdio(stdio) => start_stdio(at, stdio, offer, context).await?,
        };
        connection.keep_tools().await?;
        Ok(connection)
    };
    within(limit, start, too_long).await
}

fn place(name: &str, transport: &Transport) -> Place {
    let at = match transport {
        Transport::Stdio(stdio) => format!("`{}`", stdio.command),
        // What is no URL fails before it takes long.
        Transport::StreamableHttp(http) => reqwest::Url::parse(&http.url)
            .map(|url| url.origin().ascii_serialization())
            .unwrap_or_default(),
    };
    Place { server: name.to_owned(), at }
}

async fn start_http(
    name: &str,
    http: &StreamableHttp,
    offer: Offer,
    context: &ConnectContext,
) -> Result<Connection, ConnectError> {
    let Target { url, place, headers, authorization } = Target::of(name, http, context).await?;
    let ending = Ending::default();
    let session = Slot::default();
    let authorizer = match &authorization {
        Authorization::Asked(authorizer) | Authorization::Variable(_, Some(authorizer)) => {
            Some(Arc::clone(authorizer))
        }
        Authorization::None | Authorization::Variable(_, None) => None,
    };
    let client = ObservedClient {
        inner: http::client(&url, headers, &place, &Trust::of(&context.environment))?,
        authorizer,
        session: session.clone(),
        gone: ending.stop.clone(),
    };
    let max = context.options.max_response_bytes;
    let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .max_json_response_size(max)
        .max_sse_event_size(max);
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let connection = Start { place, authorization, session, ending, offer };
    connection.serve(transport, context).await
}

async fn start_stdio(
    place: Place,
    stdio: &Stdio,
    offer: Offer,
    context: &ConnectContext,
) -> Result<Connection, ConnectError> {
    let command = stdio::command(&place, stdio, context)?;
    let mut ending = Ending::default();
    let session = Slot::default();
    let max = context.options.max_response_bytes;
    let started = supervise::spawn(command, max, session.clone(), &ending);
    let (transport, process) = started.map_err(|error| ConnectError::SpawnFailed {
        place: place.clone(),
        reason: error.to_string(),
    })?;
    ending.process = Some(process);
    let authorization = Authorization::None;
    let connection = Start { place, authorization, session, ending, offer };
    connection.serve(transport, context).await
}

/// A connection that is being made.
struct Start {
    place: Place,
    authorization: Authorization,
    session: Slot,
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
        // A token of its own: rmcp cancels it when the connection breaks.
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
        let Self { place, authorization, session, ending, offer } = self;
        let peer = service.peer().clone();
        let ended = ending.ended.clone();
        tokio::spawn(async move {
            // Whatever becomes of this task, nobody waits for the end forever.
            let _ended = ended.drop_guard();
            // How it ended is known elsewhere.
            let _ = service.waiting().await;
        });
        let options = context.options.clone();
        Connection::new(place, authorization, session, ending, offer, options, peer)
    }

    async fn failed(&self, error: ClientInitializeError) -> ConnectError {
        if let ClientInitializeError::JsonRpcError(error) = &error {
            let (place, code) = (self.place.clone(), error.code.0);
            return ConnectError::Refused { place, code };
        }
        self.ending.settle().await;
        match self.session.get() {
            Some(failure) => explain(&self.place, &self.authorization, failure),
            None => ConnectError::Protocol {
                place: self.place.clone(),
                reason: "it is not an answer to `initialize`",
            },
        }
    }
}
