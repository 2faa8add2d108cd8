//! Contexts, servers with sessions, and scripted authorizers.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use mcp_overlay_host::connection::authorize::{
    AuthHeaders, Authorizer, HostCredentialSource, OAuthSource, Refusal, Unauthorized,
};
use mcp_overlay_host::connection::{
    ConnectContext, ConnectError, ConnectOptions, Connection, Executor, connect,
};
use mcp_overlay_host::{Environment, Profile, ServerConfig};
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::endpoint::{APPS_PATH, Form, answer, id_of, initialize_result, tool};

/// A host without a sign-in that may start processes.
pub(crate) fn context() -> ConnectContext {
    ConnectContext {
        environment: Environment::default(),
        host_credentials: None,
        oauth: None,
        executor: Executor::Local,
        options: ConnectOptions::default(),
        cwd: None,
    }
}

pub(crate) fn server(config: &Value) -> ServerConfig {
    ServerConfig::from_json(config, Profile::default()).unwrap().value
}

/// Connects to the server at this address under the name `docs`.
pub(crate) async fn connect_docs(
    endpoint: &MockServer,
    context: &ConnectContext,
) -> Result<Connection, ConnectError> {
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    connect("docs", &server(&json!({ "url": url, "tool_timeout_sec": 2 })), context).await
}

pub(crate) fn header(request: &Request, name: &str) -> Option<String> {
    request.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

/// The JSON-RPC method of a body, or the HTTP method of a request without a body.
pub(crate) fn what(request: &Request) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    body["method"].as_str().unwrap_or(request.method.as_str()).to_owned()
}

pub(crate) async fn seen(endpoint: &MockServer) -> Vec<String> {
    endpoint.received_requests().await.unwrap().iter().map(what).collect()
}

/// Waits until the endpoint received a request of this kind.
pub(crate) async fn until_seen(endpoint: &MockServer, kind: &str) -> Request {
    let look = async {
        loop {
            let requests = endpoint.received_requests().await.unwrap();
            if let Some(request) = requests.into_iter().find(|request| what(request) == kind) {
                return request;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), look).await.unwrap()
}

/// Responds to a JSON-RPC method.
pub(crate) async fn on(
    endpoint: &MockServer,
    name: &str,
    respond: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static,
) {
    let body = json!({ "method": name });
    Mock::given(method("POST"))
        .and(body_partial_json(body))
        .respond_with(respond)
        .mount(endpoint)
        .await;
}

pub(crate) fn result(request: &Request, result: &Value) -> ResponseTemplate {
    answer(Form::Json, &id_of(request), result)
}

/// A server with sessions named `session-1`, `session-2` and so on, a stream of server messages that
/// never starts, and one tool `a`, which returns its arguments.
pub(crate) async fn sessions() -> MockServer {
    let endpoint = MockServer::start().await;
    let begun = Mutex::new(0);
    on(&endpoint, "initialize", move |request| {
        let mut begun = begun.lock().unwrap();
        *begun += 1;
        let mut about = initialize_result();
        about["capabilities"] = json!({ "tools": {}, "resources": {} });
        result(request, &about).insert_header("mcp-session-id", format!("session-{begun}"))
    })
    .await;
    on(&endpoint, "notifications/initialized", |_| ResponseTemplate::new(202)).await;
    on(&endpoint, "notifications/cancelled", |_| ResponseTemplate::new(202)).await;
    on(&endpoint, "tools/list", |request| result(request, &json!({ "tools": [tool("a")] }))).await;
    on(&endpoint, "tools/call", |request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        result(request, &json!({ "content": [], "structuredContent": body["params"] }))
    })
    .await;
    let never = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(method("GET")).respond_with(never).mount(&endpoint).await;
    Mock::given(method("DELETE")).respond_with(ResponseTemplate::new(204)).mount(&endpoint).await;
    endpoint
}

/// A scripted authorizer.
#[derive(Default)]
pub(crate) struct Script {
    /// The next tokens; the last one is repeated. `None` means that the authorization is gone.
    pub(crate) tokens: Mutex<VecDeque<Option<&'static str>>>,
    /// The token for the retry of a refused request.
    pub(crate) other: Option<&'static str>,
    pub(crate) refusals: Mutex<Vec<Refusal>>,
    /// The servers whose OAuth tokens were requested.
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Script {
    pub(crate) fn new(tokens: &[Option<&'static str>], other: Option<&'static str>) -> Arc<Self> {
        let tokens = Mutex::new(tokens.iter().copied().collect());
        Arc::new(Self { tokens, other, ..Self::default() })
    }
}

fn bearer(token: &str) -> AuthHeaders {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    AuthHeaders::new([(HeaderName::from_static("authorization"), value)])
}

impl Authorizer for Script {
    fn headers(&self) -> BoxFuture<'_, Result<AuthHeaders, Unauthorized>> {
        let mut tokens = self.tokens.lock().unwrap();
        let next = if tokens.len() > 1 { tokens.pop_front() } else { tokens.front().copied() };
        let gone = || Unauthorized("you are signed out: sign in".into());
        Box::pin(ready(next.flatten().map(bearer).ok_or_else(gone)))
    }

    fn refused(&self, refusal: Refusal) -> BoxFuture<'_, Option<AuthHeaders>> {
        self.refusals.lock().unwrap().push(refusal);
        Box::pin(ready(self.other.map(bearer)))
    }

    fn advice(&self) -> String {
        "log in once more".into()
    }
}

/// The same script for every server.
pub(crate) struct Source(pub(crate) Arc<Script>);

impl HostCredentialSource for Source {
    fn authorizer(&self) -> Option<Arc<dyn Authorizer>> {
        Some(Arc::clone(&self.0) as Arc<dyn Authorizer>)
    }

    fn is_signed_in(&self) -> bool {
        self.0.tokens.lock().unwrap().front().is_some_and(Option::is_some)
    }
}

impl OAuthSource for Source {
    fn authorizer<'a>(
        &'a self,
        name: &'a str,
        url: &'a str,
    ) -> BoxFuture<'a, Option<Arc<dyn Authorizer>>> {
        self.0.asked.lock().unwrap().push(format!("{name} {url}"));
        Box::pin(ready(Some(Arc::clone(&self.0) as Arc<dyn Authorizer>)))
    }
}

/// A context with the script as OAuth source.
pub(crate) fn with_oauth(script: &Arc<Script>) -> ConnectContext {
    ConnectContext { oauth: Some(Arc::new(Source(Arc::clone(script)))), ..context() }
}
