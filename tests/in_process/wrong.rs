//! Hosts that are wrong on purpose: the production host behind a client or a connector that lies.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use mcp_overlay::in_process::connector::{InMemory, Session};
use mcp_overlay::in_process::host::{
    Given, Hosts, Pending, PlayedHost, ProductionHost, Response, in_memory,
};
use mcp_overlay_host::auth::AuthStore;
use mcp_overlay_host::connection::{
    CallToolResult, ConnectContext, ConnectError, Implementation, JsonObject, ReadResourceResult,
    RequestHeaders, Resource, ResourceTemplate, ServerAddress, Tool,
};
use mcp_overlay_host::host::{ConfigText, Connector, Resolved, ServerConnection};
use mcp_overlay_host::oauth::AuthStatus;
use mcp_overlay_host::{BoxFuture, Environment, ServerConfig, StreamableHttp, Transport};
use mcp_overlay_model::lifecycle::Behaviour;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Hosts with this fault.
pub(crate) struct Wrong(pub(crate) &'static str);

impl Hosts for Wrong {
    fn start(&self, given: Given) -> Box<dyn PlayedHost> {
        let fault = self.0;
        let mut own = given.clone();
        if fault == "adds-up-configs" {
            own.config = ConfigText::default();
        }
        if fault == "keeps-the-first-sign-in" {
            own.auth = AuthStore::fixed(None, &Environment::default());
            own.auth.replace(given.sign_in.clone());
        }
        let connector = WrongConnector { fault, inner: in_memory(&own), shared: Arc::default() };
        let host = ProductionHost::start(own.clone(), Arc::new(connector));
        let (cut, _) = watch::channel(0);
        Box::new(WrongHost { fault, host, given, own, memory: Arc::default(), cut })
    }
}

/// What a faulty client remembers.
#[derive(Default)]
struct Memory {
    pending: u32,
    listed: Option<Value>,
    apps: Option<Value>,
    thread: Option<Value>,
    failed: BTreeSet<String>,
    reloads: u32,
    was_refused: bool,
    was_signed_out: bool,
    servers: toml::Table,
}

struct WrongHost {
    fault: &'static str,
    host: ProductionHost,
    given: Given,
    own: Given,
    memory: Arc<Mutex<Memory>>,
    /// Counts the times when calls are cut.
    cut: watch::Sender<u32>,
}

struct WrongPending {
    fault: &'static str,
    method: String,
    server: String,
    memory: Arc<Mutex<Memory>>,
    inner: Box<dyn Pending>,
    cut: watch::Receiver<u32>,
    is_over: bool,
}

/// A response that the host never gave.
struct Ready(Response);

impl Pending for Ready {
    fn response(&mut self) -> BoxFuture<'_, Result<Response, String>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

const CALL: &str = "mcpServer/tool/call";
const RELOAD: &str = "config/mcpServer/reload";
const LOGOUT: &str = "account/logout";

impl WrongHost {
    /// What is answered without the host.
    fn instead(&self, method: &str, server: &str) -> Option<Response> {
        let memory = self.memory.lock().unwrap();
        let (done, refused) = (Some(Ok(json!({}))), Some(Err("no".to_string())));
        match (self.fault, method) {
            ("ignores-logout", LOGOUT) | ("ignores-reload", RELOAD) => done,
            ("one-call-blocks-all", CALL) if memory.pending > 0 => refused,
            ("stays-broken-after-a-failure", CALL) if memory.failed.contains(server) => refused,
            ("never-restores-the-apps-server", CALL)
                if memory.was_signed_out && server == "codex_apps" =>
            {
                refused
            }
            ("is-lost-after-a-broken-reload", CALL) if memory.was_refused => refused,
            ("shares-one-thread", "thread/start") => memory.thread.clone().map(Ok),
            _ => None,
        }
    }

    /// Every server that was ever configured is still there.
    fn add_up(&self) {
        let mut config: toml::Table = toml::from_str(&self.given.config.now()).unwrap();
        let mut memory = self.memory.lock().unwrap();
        if let Some(toml::Value::Table(servers)) = config.get_mut("mcp_servers") {
            for (name, server) in &memory.servers {
                servers.entry(name.clone()).or_insert(server.clone());
            }
            memory.servers = servers.clone();
        }
        self.own.config.replace(config.to_string());
    }
}

impl PlayedHost for WrongHost {
    fn send<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Box<dyn Pending>> {
        Box::pin(async move {
            let server = params["server"].as_str().unwrap_or_default().to_string();
            if let Some(instead) = self.instead(method, &server) {
                return Box::new(Ready(instead)) as Box<dyn Pending>;
            }
            match (self.fault, method) {
                ("adds-up-configs", _) => self.add_up(),
                ("follows-the-disk", CALL) => {
                    let mut reload = self.host.send(RELOAD, Value::Null).await;
                    let _ = reload.response().await;
                }
                ("cuts-calls-at-reload", RELOAD) | ("cuts-calls-at-logout", LOGOUT) => {
                    self.cut.send_modify(|times| *times += 1);
                }
                ("panics-at-the-second-reload", RELOAD) => {
                    let mut memory = self.memory.lock().unwrap();
                    memory.reloads += 1;
                    assert!(memory.reloads < 2, "the second reload");
                }
                _ => {}
            }
            {
                let mut memory = self.memory.lock().unwrap();
                memory.was_signed_out |= method == LOGOUT;
                memory.pending += u32::from(method == CALL);
            }
            let (fault, method, memory) =
                (self.fault, method.to_string(), Arc::clone(&self.memory));
            let inner = self.host.send(&method, params).await;
            let cut = self.cut.subscribe();
            Box::new(WrongPending { fault, method, server, memory, inner, cut, is_over: false })
                as Box<dyn Pending>
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::new(self.host).finish()
    }
}

impl Pending for WrongPending {
    fn response(&mut self) -> BoxFuture<'_, Result<Response, String>> {
        Box::pin(async move {
            let response = tokio::select! {
                biased;
                Ok(()) = self.cut.changed() => Err("cut".to_string()),
                response = self.inner.response() => response?,
            };
            Ok(self.changed(response))
        })
    }
}

impl WrongPending {
    fn changed(&mut self, response: Response) -> Response {
        let mut memory = self.memory.lock().unwrap();
        if self.method == CALL && !std::mem::replace(&mut self.is_over, true) {
            memory.pending -= 1;
        }
        match (self.fault, self.method.as_str(), response) {
            ("reloads-anything", RELOAD, Err(_)) => Ok(json!({})),
            ("is-lost-after-a-broken-reload", RELOAD, Err(error)) => {
                memory.was_refused = true;
                Err(error)
            }
            ("starts-threads-anyway", "thread/start", Err(_)) => {
                Ok(json!({"thread": {"id": "00000000-0000-7000-8000-000000000000"}}))
            }
            ("shares-one-thread", "thread/start", Ok(result)) => {
                memory.thread = Some(result.clone());
                Ok(result)
            }
            ("lists-from-memory", "mcpServerStatus/list", Ok(result)) => {
                Ok(memory.listed.get_or_insert(result).clone())
            }
            ("lists-the-apps-server-for-ever", "mcpServerStatus/list", Ok(mut result)) => {
                let all = result["data"].as_array_mut().unwrap();
                let apps = all.iter().find(|entry| entry["name"] == "codex_apps").cloned();
                match (apps, &memory.apps) {
                    (Some(apps), _) => memory.apps = Some(apps),
                    (None, Some(apps)) => all.push(apps.clone()),
                    (None, None) => {}
                }
                Ok(result)
            }
            ("stays-broken-after-a-failure", CALL, Err(error)) => {
                memory.failed.insert(self.server.clone());
                Err(error)
            }
            (.., response) => response,
        }
    }
}

/// What a faulty connector remembers of all connections.
#[derive(Default)]
struct Shared {
    /// The first credentials that were sent.
    first: Option<String>,
    /// The last URL that was connected to.
    last: Option<String>,
}

struct WrongConnector {
    fault: &'static str,
    inner: InMemory,
    shared: Arc<Mutex<Shared>>,
}

struct WrongSession {
    fault: &'static str,
    inner: Session,
    world: mcp_overlay::in_process::world::World,
    url: String,
    has_credentials: bool,
    shared: Arc<Mutex<Shared>>,
}

impl Connector for WrongConnector {
    fn connect<'a>(
        &'a self,
        view: &'a Resolved,
        name: &'a str,
        server: &'a ServerConfig,
    ) -> BoxFuture<'a, Result<Box<dyn ServerConnection>, ConnectError>> {
        Box::pin(async move {
            let Transport::StreamableHttp(http) = &server.transport else {
                panic!("no stdio here")
            };
            let (url, world) = (http.url.clone(), self.inner.world.clone());
            let inner =
                self.inner.open(name, server, &view.bound(self.inner.context.clone())).await?;
            let sent = bearer(name, http, &self.inner.context).await;
            let mut shared = self.shared.lock().unwrap();
            if shared.first.is_none() {
                shared.first.clone_from(&sent);
            }
            shared.last = Some(url.clone());
            if self.fault == "sends-credentials-at-every-start" {
                world.other_request(&url, (shared.first.as_deref(), None));
            }
            drop(shared);
            let (fault, shared) = (self.fault, Arc::clone(&self.shared));
            Ok(Box::new(WrongSession {
                fault,
                inner,
                world,
                url,
                has_credentials: sent.is_some(),
                shared,
            }) as Box<dyn ServerConnection>)
        })
    }

    fn auth_status<'a>(
        &'a self,
        name: &'a str,
        server: &'a ServerConfig,
    ) -> BoxFuture<'a, AuthStatus> {
        self.inner.auth_status(name, server)
    }
}

/// The credentials of the next request.
async fn bearer(name: &str, http: &StreamableHttp, context: &ConnectContext) -> Option<String> {
    let headers = RequestHeaders::of(name, http, context).await.ok()?.next().await.ok()?;
    Some(headers.get("authorization")?.to_str().unwrap().to_string())
}

impl WrongSession {
    async fn wrong_call(
        &self,
        arguments: Option<&JsonObject>,
    ) -> Result<CallToolResult, ConnectError> {
        let (first, last) = {
            let shared = self.shared.lock().unwrap();
            (shared.first.clone(), shared.last.clone())
        };
        match self.fault {
            "keeps-the-first-credentials" if self.has_credentials => {
                self.answered(&self.url, first.as_deref()).await
            }
            "answers-from-another-connection" => {
                self.answered(&last.unwrap_or_default(), None).await
            }
            "sends-a-call-twice" => {
                let (world, url) = (self.world.clone(), self.url.clone());
                let call = arguments.and_then(|arguments| arguments.get("call")?.as_u64());
                tokio::spawn(async move { world.tool_call(&url, (None, None), call).await });
                self.inner.call(arguments).await
            }
            "forgets-a-held-call" if self.world.behaviour(&self.url) == Behaviour::Hold => {
                let _ = self.inner.call(arguments).await;
                std::future::pending().await
            }
            _ => self.inner.call(arguments).await,
        }
    }

    async fn answered(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<CallToolResult, ConnectError> {
        match self.world.tool_call(url, (bearer, None), None).await {
            Ok(text) => Ok(serde_json::from_value(
                json!({"content": [{"type": "text", "text": text}], "isError": false}),
            )
            .unwrap()),
            Err(_) => {
                let address = ServerAddress { server: "a".into(), at: url.into() };
                Err(ConnectError::HttpStatus { address, status: 500 })
            }
        }
    }
}

impl ServerConnection for WrongSession {
    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn server_info(&self) -> Option<Implementation> {
        self.inner.server_info()
    }

    fn tools(&self) -> &[Tool] {
        self.inner.tools()
    }

    fn list_tools(&self) -> BoxFuture<'_, Result<Vec<Tool>, ConnectError>> {
        self.inner.list_tools()
    }

    fn list_resources(&self) -> BoxFuture<'_, Result<Vec<Resource>, ConnectError>> {
        self.inner.list_resources()
    }

    fn list_resource_templates(
        &self,
    ) -> BoxFuture<'_, Result<Vec<ResourceTemplate>, ConnectError>> {
        self.inner.list_resource_templates()
    }

    fn read_resource<'a>(
        &'a self,
        uri: &'a str,
    ) -> BoxFuture<'a, Result<ReadResourceResult, ConnectError>> {
        self.inner.read_resource(uri)
    }

    fn call_tool<'a>(
        &'a self,
        _: &'a str,
        arguments: Option<JsonObject>,
        _: Option<JsonObject>,
    ) -> BoxFuture<'a, Result<CallToolResult, ConnectError>> {
        Box::pin(async move { self.wrong_call(arguments.as_ref()).await })
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        self.inner.shutdown()
    }
}
