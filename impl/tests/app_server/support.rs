//! An app-server in this process, and a client that validates messages against the schemas.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mcp_overlay_host::app_server::{AppServerOptions, DEFAULT_PLACES, Mode, serve};
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, executor_plugins, hosted_apps};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::schemas::Schemas;

/// A timeout that no successful operation reaches.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) const ACCESS_TOKEN: &str = "access-token-of-the-test";

/// A home, deleted with its last client.
#[derive(Clone)]
pub(crate) struct Home(Arc<TempDir>);

impl Home {
    pub(crate) fn new(config: &str) -> Self {
        let home = Self(Arc::new(tempfile::tempdir().unwrap()));
        home.config(config);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn config(&self, text: &str) {
        std::fs::write(self.path().join("config.toml"), text).unwrap();
    }

    pub(crate) fn auth(&self, auth: &Value) {
        std::fs::write(self.path().join("auth.json"), auth.to_string()).unwrap();
    }

    pub(crate) fn signed_in(self) -> Self {
        self.auth(&chatgpt(ACCESS_TOKEN));
        self
    }
}

/// An `auth.json` of ChatGPT tokens.
pub(crate) fn chatgpt(access_token: &str) -> Value {
    json!({
        "OPENAI_API_KEY": null,
        "tokens": {
            "id_token": "e30.e30.c2ln",
            "access_token": access_token,
            "refresh_token": "refresh-token-of-the-test",
            "account_id": "account-123",
        },
        "last_refresh": "2026-06-09T20:44:16Z",
    })
}

/// The project's own MCP server for tests. Cargo builds examples next to the tests.
pub(crate) fn test_server() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let server = test.parent().unwrap().parent().unwrap().join("examples/mcp-test-server");
    assert!(server.exists(), "{}: build it: cargo build --examples", server.display());
    server
}

/// The settings of a stdio server named `name`, run with these arguments.
pub(crate) fn stdio(name: &str, arguments: &[&str]) -> String {
    let arguments: Vec<_> = std::iter::once(&"stdio").chain(arguments).collect();
    format!("[mcp_servers.{name}]\ncommand = {:?}\nargs = {arguments:?}\n", test_server())
}

/// A client of an app-server.
pub(crate) struct Client {
    schemas: Schemas,
    output: BufReader<ReadHalf<DuplexStream>>,
    input: Option<WriteHalf<DuplexStream>>,
    serving: JoinHandle<std::io::Result<()>>,
    pub(crate) stop: CancellationToken,
    next_id: i64,
    notifications: VecDeque<(String, Value)>,
    _home: Option<Home>,
}

pub(crate) fn options(mode: Mode, environment: Environment) -> AppServerOptions {
    let mut extensions = McpExtensionRegistryBuilder::new();
    hosted_apps::install(&mut extensions);
    executor_plugins::install(&mut extensions);
    AppServerOptions {
        mode,
        overrides: Vec::new(),
        environment,
        extensions: extensions.build(),
        cwd: std::env::temp_dir(),
        places: DEFAULT_PLACES,
    }
}

impl Client {
    /// A client of a server that waits for `initialize`.
    pub(crate) fn of(options: AppServerOptions) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (their_input, their_output) = tokio::io::split(theirs);
        let (output, input) = tokio::io::split(ours);
        let stop = CancellationToken::new();
        let serving =
            tokio::spawn(serve(options, BufReader::new(their_input), their_output, stop.clone()));
        Self {
            schemas: Schemas::read(),
            output: BufReader::new(output),
            input: Some(input),
            serving,
            stop,
            next_id: 0,
            notifications: VecDeque::new(),
            _home: None,
        }
    }

    /// A client of an initialized server on this home.
    pub(crate) async fn at(home: &Home) -> Self {
        let mode = Mode::Local { codex_home: home.path().to_owned() };
        let mut client = Self::of(options(mode, Environment::default()));
        client._home = Some(home.clone());
        client.initialize(json!({})).await.unwrap();
        client
    }

    pub(crate) async fn initialize(&mut self, more: Value) -> Result<Value, (i64, String)> {
        let mut params = json!({ "clientInfo": { "name": "test", "version": "1" } });
        for (key, value) in more.as_object().unwrap() {
            params[key] = value.clone();
        }
        let result = self.request("initialize", params).await?;
        self.line(r#"{"method":"initialized"}"#).await;
        Ok(result)
    }

    /// Sends a line unchanged.
    pub(crate) async fn line(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Sends a request without waiting for the response.
    pub(crate) async fn send(&mut self, method: &str, params: Value) -> i64 {
        self.schemas.check_params(method, &params);
        self.next_id += 1;
        let id = self.next_id;
        let request = json!({ "id": id, "method": method, "params": params });
        self.line(&request.to_string()).await;
        id
    }

    /// The next message; `None` at the end.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = timeout(LONG, self.output.read_line(&mut line)).await;
        match read.expect("a message in time") {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    /// The response to a request of this method; keeps notifications that arrive first.
    pub(crate) async fn answer(&mut self, id: i64, method: &str) -> Result<Value, (i64, String)> {
        loop {
            let message = self.message().await.expect("an answer");
            assert!(message.get("jsonrpc").is_none());
            if message["id"] == json!(id) {
                if let Some(error) = message.get("error") {
                    let code = error["code"].as_i64().unwrap();
                    return Err((code, error["message"].as_str().unwrap().to_owned()));
                }
                self.schemas.check_result(method, &message["result"]);
                return Ok(message["result"].clone());
            }
            self.keep(message);
        }
    }

    fn keep(&mut self, message: Value) {
        let method = message["method"].as_str();
        let method = method.unwrap_or_else(|| panic!("not asked for: {message}")).to_owned();
        self.schemas.check_params(&method, &message["params"]);
        self.notifications.push_back((method, message["params"].clone()));
    }

    pub(crate) async fn request(
        &mut self,
        method: &str,
        params: Value,
    ) -> Result<Value, (i64, String)> {
        let id = self.send(method, params).await;
        self.answer(id, method).await
    }

    /// The next notification of this method; drops others.
    pub(crate) async fn notification(&mut self, wanted: &str) -> Value {
        loop {
            while let Some((method, params)) = self.notifications.pop_front() {
                if method == wanted {
                    return params;
                }
            }
            let message = self.message().await.expect("a notification");
            self.keep(message);
        }
    }

    /// Starts a thread.
    pub(crate) async fn thread(&mut self) -> String {
        let result = self.request("thread/start", json!({})).await.unwrap();
        result["thread"]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the start of this server has this status.
    pub(crate) async fn startup(&mut self, name: &str, status: &str) -> Value {
        loop {
            let params = self.notification("mcpServer/startupStatus/updated").await;
            if params["name"] == name && params["status"] == status {
                return params;
            }
        }
    }

    pub(crate) async fn call(
        &mut self,
        thread: &str,
        server: &str,
        tool: &str,
    ) -> Result<Value, (i64, String)> {
        let params = json!({ "threadId": thread, "server": server, "tool": tool, "arguments": {} });
        self.request("mcpServer/tool/call", params).await
    }

    /// The status of all servers, by the latest configuration.
    pub(crate) async fn status(&mut self) -> Vec<Value> {
        let result = self.request("mcpServerStatus/list", json!({})).await.unwrap();
        result["data"].as_array().unwrap().clone()
    }

    /// The names of all servers.
    pub(crate) async fn names(&mut self) -> Vec<String> {
        let status = self.status().await;
        status.iter().map(|server| server["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Ends the input.
    pub(crate) async fn end(&mut self) {
        if let Some(mut input) = self.input.take() {
            input.shutdown().await.unwrap();
        }
    }

    /// Ends the input and waits for the exit of the server.
    pub(crate) async fn finish(mut self) {
        self.end().await;
        while self.message().await.is_some() {}
        timeout(Duration::from_secs(2), self.serving).await.expect("an end").unwrap().unwrap();
    }
}
