//! A small MCP server, and hosts that use it.

use std::sync::Arc;

use mcp_overlay_host::connection::{
    AppsConnection, ConnectError, ConnectOptions, HostCredentials, ServerAddress, connect_apps,
};
use mcp_overlay_host::{
    Auth, Environment, HostConfig, McpExtensionRegistryBuilder, McpManager, McpServerContribution,
    McpServerContributor, Profile, ServerConfig, View, hosted_apps,
};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const APPS_PATH: &str = "/backend-api/ps/mcp";

pub(crate) fn credentials() -> HostCredentials {
    HostCredentials {
        access_token: "access-token-1".into(),
        account_id: Some("account-123".into()),
    }
}

/// The effective view of a host that has the hosted Apps server at `base`.
pub(crate) async fn view(base: &str, auth: Option<Auth>, env: &Environment) -> View {
    let host = json!({
        "chatgpt_base_url": format!("{base}/backend-api"),
        "apps_mcp_product_sku": "tpp",
        "features": { "apps_mcp_path_override": true },
    });
    let host = HostConfig::from_json(&host, env.clone()).unwrap().value;
    let mut extensions = McpExtensionRegistryBuilder::new();
    hosted_apps::install(&mut extensions);
    let manager = McpManager::new(extensions.build());
    manager.effective_servers(&Arc::new(host), &Arc::default(), auth).await
}

/// A view whose Apps server is this one.
pub(crate) async fn view_of(server: &Value) -> View {
    struct Fixed(Arc<ServerConfig>);
    impl McpServerContributor for Fixed {
        fn id(&self) -> &str {
            "fixed"
        }
        fn contribute<'a>(
            &'a self,
            _: &'a HostConfig,
        ) -> mcp_overlay_host::BoxFuture<'a, Vec<McpServerContribution>> {
            let server = Arc::clone(&self.0);
            let name = hosted_apps::CODEX_APPS.into();
            Box::pin(async move { vec![McpServerContribution::Set { name, server }] })
        }
    }
    let server = ServerConfig::from_json(server, Profile::default()).unwrap().value;
    let mut extensions = McpExtensionRegistryBuilder::new();
    extensions.contributor(Arc::new(Fixed(Arc::new(server))));
    let host = HostConfig::from_json(&json!({}), Environment::default()).unwrap().value;
    let manager = McpManager::new(extensions.build());
    manager.effective_servers(&Arc::new(host), &Arc::default(), Some(Auth::ChatGpt)).await
}

/// Connects with the usual credentials and no environment.
pub(crate) async fn connect(view: &View) -> Result<AppsConnection, ConnectError> {
    let options = ConnectOptions::default();
    connect_apps(view, Some(&credentials()), &Environment::default(), options).await
}

/// The Apps server in errors.
pub(crate) fn apps_at(server: &MockServer) -> ServerAddress {
    ServerAddress { server: hosted_apps::CODEX_APPS.into(), at: server.uri() }
}

/// The content type of a response.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Json,
    Events,
}

pub(crate) fn answer(form: Form, id: &Value, result: &Value) -> ResponseTemplate {
    let message = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    match form {
        Form::Json => ResponseTemplate::new(200).set_body_json(message),
        Form::Events => {
            let body = format!("event: message\ndata: {message}\n\n");
            ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
        }
    }
}

pub(crate) fn id_of(request: &Request) -> Value {
    serde_json::from_slice::<Value>(&request.body).unwrap()["id"].clone()
}

pub(crate) fn initialize_result() -> Value {
    json!({
        "protocolVersion": "2025-06-18",
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "apps", "version": "1" },
    })
}

pub(crate) fn tool(name: &str) -> Value {
    json!({ "name": name, "inputSchema": { "type": "object" } })
}

/// Responds to `initialize` and the notification after it.
pub(crate) async fn mount_initialize(server: &MockServer, form: Form) {
    Mock::given(method("POST"))
        .and(path(APPS_PATH))
        .and(body_partial_json(json!({ "method": "initialize" })))
        .respond_with(move |request: &Request| answer(form, &id_of(request), &initialize_result()))
        .mount(server)
        .await;
    Mock::given(method("POST"))
        .and(path(APPS_PATH))
        .and(body_partial_json(json!({ "method": "notifications/initialized" })))
        .respond_with(ResponseTemplate::new(202))
        .mount(server)
        .await;
}

/// Responds to `tools/list` with `respond`.
pub(crate) async fn mount_tools(
    server: &MockServer,
    respond: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static,
) {
    Mock::given(method("POST"))
        .and(path(APPS_PATH))
        .and(body_partial_json(json!({ "method": "tools/list" })))
        .respond_with(respond)
        .mount(server)
        .await;
}

/// A server with two pages of tools, one tool each.
pub(crate) async fn working(form: Form) -> MockServer {
    let server = MockServer::start().await;
    mount_initialize(&server, form).await;
    mount_tools(&server, move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let page = if body["params"]["cursor"] == "next" {
            json!({ "tools": [tool("second")] })
        } else {
            json!({ "tools": [tool("first")], "nextCursor": "next" })
        };
        answer(form, &body["id"], &page)
    })
    .await;
    server
}

/// The JSON-RPC methods of the received POST requests, in order.
pub(crate) async fn methods(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let posts = requests.iter().filter(|request| request.method.as_str() == "POST");
    posts
        .map(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            body["method"].as_str().unwrap().to_owned()
        })
        .collect()
}
