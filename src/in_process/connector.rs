//! Connections to the servers in memory. The production host decides what each request carries, as
//! for a connection over the network.

use std::sync::LazyLock;

use mcp_overlay_host::connection::{
    CallToolResult, ConnectContext, ConnectError, Implementation, JsonObject, ReadResourceResult,
    RequestHeaders, Resource, ResourceTemplate, ServerAddress, Tool,
};
use mcp_overlay_host::host::{Connector, Resolved, ServerConnection};
use mcp_overlay_host::oauth::AuthStatus;
use mcp_overlay_host::{BoxFuture, ServerConfig, Transport};
use serde_json::json;

use super::world::{Refusal, World};

/// The tool of every server.
pub const TOOL: &str = "look";

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let tools = json!([{"name": TOOL, "inputSchema": {"type": "object"}}]);
    serde_json::from_value(tools).unwrap_or_default()
});

/// Reaches the servers in memory.
pub struct InMemory {
    /// The servers.
    pub world: World,
    /// What the production host decides a connection's headers from.
    pub context: ConnectContext,
}

/// A connection to one of them.
pub struct Session {
    world: World,
    address: ServerAddress,
    url: String,
    headers: RequestHeaders,
}

impl InMemory {
    /// Opens a connection: a handshake and the list of tools, each a request of its own.
    ///
    /// # Errors
    /// The server is no HTTP server, or the host has no credentials for it.
    pub async fn open(
        &self,
        name: &str,
        server: &ServerConfig,
        context: &ConnectContext,
    ) -> Result<Session, ConnectError> {
        let Transport::StreamableHttp(http) = &server.transport else {
            let environment = server.environment_id.to_string();
            return Err(ConnectError::NeedsExecutor { server: name.into(), environment });
        };
        let headers = RequestHeaders::of(name, http, context).await?;
        let address = ServerAddress { server: name.into(), at: http.url.clone() };
        let session =
            Session { world: self.world.clone(), address, url: http.url.clone(), headers };
        for _request in ["initialize", "notifications/initialized", "tools/list"] {
            session.other_request().await?;
        }
        Ok(session)
    }
}

impl Session {
    async fn other_request(&self) -> Result<String, ConnectError> {
        // A request takes a moment, in which other things happen.
        tokio::task::yield_now().await;
        let headers = self.headers.next().await?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let sent = (text("authorization"), text("chatgpt-account-id"));
        Ok(self.world.other_request(&self.url, sent))
    }

    fn no_result(&self, reason: &'static str) -> ConnectError {
        ConnectError::Protocol { address: self.address.clone(), reason }
    }

    /// Sends a tool call.
    ///
    /// # Errors
    /// The credentials of the connection are gone, or the server refuses the call.
    pub async fn call(
        &self,
        arguments: Option<&JsonObject>,
    ) -> Result<CallToolResult, ConnectError> {
        tokio::task::yield_now().await;
        let headers = self.headers.next().await?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let sent = (text("authorization"), text("chatgpt-account-id"));
        let call = arguments.and_then(|arguments| arguments.get("call")?.as_u64());
        let answer = self.world.tool_call(&self.url, sent, call).await;
        let text = answer.map_err(|Refusal(status)| ConnectError::HttpStatus {
            address: self.address.clone(),
            status,
        })?;
        let result = json!({"content": [{"type": "text", "text": text}], "isError": false});
        serde_json::from_value(result).map_err(|_| self.no_result("it is not a result of a tool"))
    }
}

impl Connector for InMemory {
    fn connect<'a>(
        &'a self,
        view: &'a Resolved,
        name: &'a str,
        server: &'a ServerConfig,
    ) -> BoxFuture<'a, Result<Box<dyn ServerConnection>, ConnectError>> {
        Box::pin(async move {
            let context = view.bound(self.context.clone());
            let session = self.open(name, server, &context).await?;
            Ok(Box::new(session) as Box<dyn ServerConnection>)
        })
    }

    fn auth_status<'a>(&'a self, _: &'a str, _: &'a ServerConfig) -> BoxFuture<'a, AuthStatus> {
        Box::pin(std::future::ready(AuthStatus::Unsupported))
    }
}

impl ServerConnection for Session {
    fn is_closed(&self) -> bool {
        false
    }

    fn server_info(&self) -> Option<Implementation> {
        None
    }

    fn tools(&self) -> &[Tool] {
        &TOOLS
    }

    fn list_tools(&self) -> BoxFuture<'_, Result<Vec<Tool>, ConnectError>> {
        Box::pin(async {
            self.other_request().await?;
            Ok(TOOLS.clone())
        })
    }

    fn list_resources(&self) -> BoxFuture<'_, Result<Vec<Resource>, ConnectError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn list_resource_templates(
        &self,
    ) -> BoxFuture<'_, Result<Vec<ResourceTemplate>, ConnectError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn read_resource<'a>(
        &'a self,
        uri: &'a str,
    ) -> BoxFuture<'a, Result<ReadResourceResult, ConnectError>> {
        Box::pin(async move {
            let text = self.other_request().await?;
            let result = json!({"contents": [{"uri": uri, "text": text}]});
            serde_json::from_value(result).map_err(|_| self.no_result("it is no resource"))
        })
    }

    fn call_tool<'a>(
        &'a self,
        _: &'a str,
        arguments: Option<JsonObject>,
        _: Option<JsonObject>,
    ) -> BoxFuture<'a, Result<CallToolResult, ConnectError>> {
        Box::pin(async move { self.call(arguments.as_ref()).await })
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
