//! Connects to an MCP server by its URL: logs in, lists its tools and calls them. This is the command
//! `mcp-overlay-host connect`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use crate::config::{Environment, OAuthClient, Redacted, ServerConfig, StreamableHttp, Transport};
use crate::connection::authorize::{AuthHeaders, Authorizer, OAuthSource, Refusal, Unauthorized};
use crate::connection::trust::Trust;
use crate::connection::{
    CallToolResult, ConnectContext, ConnectError, ConnectOptions, Connection, Elicitation,
    Executor, Implementation, JsonObject, Tool, connect,
};
use crate::oauth::{LoginRequest, OAuth, TokenStore, browse_headless};

/// The server's name in messages.
const NAME: &str = "server";
/// The maximum number of logins of a connection.
const MAX_LOGINS: usize = 3;

/// The parameters of [`connect_url`].
#[derive(Debug, Clone)]
pub struct ConnectUrl {
    /// The URL of the server.
    pub url: String,
    /// The timeout of each request and of a login.
    pub timeout: Duration,
    /// The tools to call in order, with their arguments.
    pub calls: Vec<(String, Option<JsonObject>)>,
    /// Whether elicitations are answered with their defaults.
    pub answer_with_defaults: bool,
    /// The scopes to request at the first login; by default those that the server names.
    pub scopes: Option<Vec<String>>,
    /// The client id, if a client is registered.
    pub client_id: Option<String>,
    /// The client secret.
    pub client_secret: Option<Redacted>,
    /// The https URL of a client ID metadata document.
    pub client_metadata_url: Option<String>,
    /// The environment variables, which may add certificate authorities.
    pub environment: Environment,
}

/// How the login URL is opened.
#[derive(Clone)]
pub enum Browser {
    /// By a person: this function shows the URL.
    Person(Arc<dyn Fn(&str) + Send + Sync>),
    /// By this program: it fetches the URL, and the authorization server must redirect to the local
    /// callback without a question. For tests.
    Headless,
}

/// The results of [`connect_url`].
#[derive(Debug)]
pub struct Answers {
    /// The name and version of the server.
    pub server_info: Option<Implementation>,
    /// Its tools.
    pub tools: Vec<Tool>,
    /// The results of the calls, in order.
    pub results: Vec<CallToolResult>,
}

/// Connects to a server, logs in if the server requires that, lists its tools and calls the requested
/// ones. Tokens are kept in memory only.
///
/// A refusal because of missing scopes leads to another login, which requests the missing scopes and
/// those granted before. There are at most three logins.
///
/// # Errors
/// See [`ConnectError`]; its advice says why a login failed.
pub fn connect_url(
    request: ConnectUrl,
    browser: Browser,
) -> BoxFuture<'static, Result<Answers, ConnectError>> {
    Box::pin(connect_and_call(request, browser))
}

async fn connect_and_call(request: ConnectUrl, browser: Browser) -> Result<Answers, ConnectError> {
    let mut server = ServerConfig::streamable_http(&request.url);
    // A login happens within the request that needs it.
    server.startup_timeout = Some(request.timeout.saturating_mul(2));
    server.tool_timeout = Some(request.timeout.saturating_mul(2));
    if let Transport::StreamableHttp(http) = &mut server.transport {
        add_client(http, request.client_id.as_ref());
    }
    let elicitation = if request.answer_with_defaults {
        Elicitation::AcceptDefaults
    } else {
        Elicitation::Decline
    };
    let interactive = Interactive(Arc::new(Shared {
        oauth: OAuth::new(TokenStore::in_memory()).with_environment(&request.environment),
        environment: request.environment.clone(),
        server: server.clone(),
        browser,
        login: LoginRequest {
            scopes: request.scopes.clone(),
            timeout: Some(request.timeout),
            challenge: None,
            client_secret: request.client_secret.clone(),
            client_metadata_url: request.client_metadata_url.clone(),
        },
        turn: tokio::sync::Mutex::default(),
        progress: Mutex::default(),
    }));
    let context = ConnectContext {
        environment: request.environment,
        host_credentials: None,
        oauth: Some(Arc::new(interactive)),
        executor: Executor::None,
        options: ConnectOptions { elicitation, ..ConnectOptions::default() },
        cwd: None,
    };
    let connection = connect(NAME, &server, &context).await?;
    let answers = answers(&connection, request.calls).await;
    connection.shutdown().await;
    answers
}

fn add_client(http: &mut StreamableHttp, client_id: Option<&String>) {
    if let Some(client_id) = client_id {
        http.oauth = Some(OAuthClient { client_id: Some(client_id.clone()) });
    }
}

async fn answers(
    connection: &Connection,
    calls: Vec<(String, Option<JsonObject>)>,
) -> Result<Answers, ConnectError> {
    let mut results = Vec::new();
    for (tool, arguments) in calls {
        results.push(connection.call_tool(&tool, arguments, None).await?);
    }
    let server_info = connection.server_info();
    Ok(Answers { server_info, tools: connection.tools().to_vec(), results })
}

/// Logs in when the server requires it.
#[derive(Clone)]
struct Interactive(Arc<Shared>);

struct Shared {
    oauth: OAuth,
    environment: Environment,
    server: ServerConfig,
    browser: Browser,
    /// The parameters of the first login.
    login: LoginRequest,
    /// Serialises logins: several requests may be refused concurrently.
    turn: tokio::sync::Mutex<()>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    logins: usize,
    /// The error of the last login.
    failure: Option<String>,
}

impl Shared {
    fn url(&self) -> &str {
        match &self.server.transport {
            Transport::StreamableHttp(http) => &http.url,
            Transport::Stdio(_) => "",
        }
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current headers: none before a login.
    async fn current(&self) -> Result<AuthHeaders, Unauthorized> {
        match self.oauth.authorizer(NAME, self.url()).await {
            Some(authorizer) => authorizer.headers().await,
            None => Ok(AuthHeaders::default()),
        }
    }

    /// The headers for the retry of a refused request.
    async fn after(&self, refusal: Refusal) -> Option<AuthHeaders> {
        let _turn = self.turn.lock().await;
        let current = self.current().await.ok();
        if let Some(current) = current.filter(|current| *current != refusal.sent) {
            return Some(current);
        }
        let had_token = refusal.sent.iter().any(|(name, _)| name == AUTHORIZATION);
        if refusal.status == 401 && had_token {
            let stored = self.oauth.authorizer(NAME, self.url()).await;
            if let Some(stored) = stored
                && let Some(renewed) = stored.refused(refusal.clone()).await
            {
                return Some(renewed);
            }
        }
        match self.log_in(&refusal).await {
            Ok(()) => self.current().await.ok(),
            Err(reason) => {
                self.progress().failure = Some(reason);
                None
            }
        }
    }

    async fn log_in(&self, refusal: &Refusal) -> Result<(), String> {
        let first = {
            let mut progress = self.progress();
            if progress.logins == MAX_LOGINS {
                return Err(format!("the server requires more than {MAX_LOGINS} logins"));
            }
            progress.logins += 1;
            progress.logins == 1
        };
        let mut login = self.login.clone();
        login.challenge.clone_from(&refusal.challenge);
        if refusal.status == 403 {
            login.scopes = Some(self.wanted_scopes(refusal).await);
        } else if !first {
            // After a first login the server names the scopes that it requires.
            login.scopes = None;
        }
        let env = &self.environment;
        let started = self.oauth.start_login(NAME, &self.server, env, login).await;
        let login = started.map_err(|error| format!("the login failed: {error}"))?;
        let finished = match &self.browser {
            Browser::Person(show) => {
                show(login.authorization_url());
                login.finish().await.map_err(|error| error.to_string())
            }
            Browser::Headless => {
                let browsing =
                    browse_headless(login.authorization_url().to_owned(), Trust::of(env));
                let stuck = async {
                    match browsing.await {
                        // The callback arrived, so the login ends by itself.
                        Ok(()) => std::future::pending().await,
                        Err(reason) => reason,
                    }
                };
                tokio::select! {
                    finished = login.finish() => finished.map_err(|error| error.to_string()),
                    reason = stuck => Err(reason),
                }
            }
        };
        finished.map_err(|reason| format!("the login failed: {reason}"))
    }

    /// The granted scopes, and those that the server requires in addition.
    async fn wanted_scopes(&self, refusal: &Refusal) -> Vec<String> {
        let stored = self.oauth.granted_scopes(NAME, self.url()).await;
        let wanted = refusal.challenge.as_deref().and_then(|challenge| {
            let url = reqwest::Url::parse(self.url()).ok()?;
            rmcp::transport::auth::WWWAuthenticateParams::parse(challenge, &url).scope
        });
        let mut seen = BTreeSet::new();
        let wanted = wanted.unwrap_or_default();
        let all = stored.into_iter().chain(wanted.split_whitespace().map(str::to_owned));
        all.filter(|scope| seen.insert(scope.clone())).collect()
    }
}

impl OAuthSource for Interactive {
    fn authorizer<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Option<Arc<dyn Authorizer>>> {
        Box::pin(async move { Some(Arc::new(self.clone()) as Arc<dyn Authorizer>) })
    }
}

impl Authorizer for Interactive {
    fn headers(&self) -> BoxFuture<'_, Result<AuthHeaders, Unauthorized>> {
        Box::pin(async move {
            // Without a valid login the request is sent anyway: its refusal starts another login.
            Ok(self.0.current().await.unwrap_or_default())
        })
    }

    fn refused(&self, refusal: Refusal) -> BoxFuture<'_, Option<AuthHeaders>> {
        Box::pin(self.0.after(refusal))
    }

    fn advice(&self) -> String {
        let failure = self.0.progress().failure.clone();
        failure.unwrap_or_else(|| "the login does not allow it; try other scopes".to_owned())
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person(_) => "Person",
            Self::Headless => "Headless",
        })
    }
}

/// Parses a call on the command line: a tool's name, and after `=` its arguments as a JSON object.
///
/// # Errors
/// The syntax error.
pub fn parse_call(text: &str) -> Result<(String, Option<JsonObject>), String> {
    let Some((tool, arguments)) = text.split_once('=') else {
        return Ok((text.to_owned(), None));
    };
    match serde_json::from_str(arguments) {
        Ok(Value::Object(arguments)) => Ok((tool.to_owned(), Some(arguments))),
        Ok(_) => Err("the arguments are not a JSON object".to_owned()),
        Err(error) => Err(format!("the arguments are not JSON: {error}")),
    }
}
