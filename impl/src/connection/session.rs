//! An open connection.

use std::fmt;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ErrorCode,
    Implementation, JsonObject, ListResourceTemplatesRequest, ListResourcesRequest,
    ListToolsRequest, PaginatedRequestParams, ReadResourceRequest, ReadResourceRequestParams,
    ReadResourceResult, Resource, ResourceTemplate, ServerCapabilities, ServerResult, Tool,
};
use rmcp::service::Peer;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::failure::Slot;
use super::request::{request_meta, tool_result};
use super::supervise::Process;
use super::target::Authorization;
use super::{ConnectError, ConnectOptions, Place};
use crate::config::ServerConfig;
use crate::extension::BoxFuture;

/// How long a later request may take unless the server says otherwise.
const DEFAULT_TOOL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an end may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a process whose output ended has to end itself, for its status to be known.
const SETTLE: Duration = Duration::from_millis(500);
/// What a server's configuration says about its use.
pub(super) struct Offer {
    pub(super) tool_timeout: Duration,
    enabled_tools: Option<Vec<String>>,
    disabled_tools: Vec<String>,
}

impl Offer {
    pub(super) fn of(server: &ServerConfig) -> Self {
        Self {
            tool_timeout: server.tool_timeout.unwrap_or(DEFAULT_TOOL_TIMEOUT),
            enabled_tools: server.enabled_tools.clone(),
            disabled_tools: server.disabled_tools.clone().unwrap_or_default(),
        }
    }

    /// Whether the configuration offers this tool.
    fn has(&self, tool: &str) -> bool {
        let listed = |names: &[String]| names.iter().any(|name| name == tool);
        self.enabled_tools.as_deref().is_none_or(listed) && !listed(&self.disabled_tools)
    }
}

/// How a connection ends.
pub(super) struct Ending {
    /// Cancelled when the connection is to end. All its requests end with it.
    pub(super) stop: CancellationToken,
    /// Cancels `stop` when the connection is dropped.
    _alive: DropGuard,
    /// Cancelled when nothing is received any more.
    pub(super) ended: CancellationToken,
    pub(super) process: Option<Process>,
}

impl Default for Ending {
    fn default() -> Self {
        let stop = CancellationToken::new();
        let _alive = stop.clone().drop_guard();
        Self { stop, _alive, ended: CancellationToken::new(), process: None }
    }
}

impl Ending {
    /// Waits until it is known why the connection broke: a process closes its output a moment
    /// before it has ended.
    pub(super) async fn settle(&self) {
        if let Some(process) = &self.process {
            let _ = tokio::time::timeout(SETTLE, process.exited.cancelled()).await;
        }
    }

    async fn finish(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
        if let Some(process) = &self.process {
            process.finished.cancelled().await;
        }
    }
}

/// An open connection to a server. Dropping it ends it too, but does not wait for that.
pub struct Connection {
    pub(super) place: Place,
    pub(super) authorization: Authorization,
    /// Why the connection broke, if it did.
    pub(super) session: Slot,
    pub(super) ending: Ending,
    pub(super) offer: Offer,
    options: ConnectOptions,
    pub(super) peer: Peer<RoleClient>,
    tools: Vec<Tool>,
}

impl Connection {
    pub(super) fn new(
        place: Place,
        authorization: Authorization,
        session: Slot,
        ending: Ending,
        offer: Offer,
        options: ConnectOptions,
        peer: Peer<RoleClient>,
    ) -> Self {
        let tools = Vec::new();
        Self { place, authorization, session, ending, offer, options, peer, tools }
    }

    /// Lists the tools, to have them at hand.
    pub(super) async fn keep_tools(&mut self) -> Result<(), ConnectError> {
        self.tools = self.all_tools().await?;
        Ok(())
    }

    /// Whether the connection broke or ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ending.stop.is_cancelled() || self.ending.ended.is_cancelled()
    }

    /// The server's name in configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.place.server
    }

    /// How the server introduced itself.
    #[must_use]
    pub fn server_info(&self) -> Option<Implementation> {
        self.peer.peer_info()?.server_info.clone()
    }

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
    pub fn list_tools(&self) -> BoxFuture<'_, Result<Vec<Tool>, ConnectError>> {
        Box::pin(self.list_tools_unboxed())
    }

    async fn list_tools_unboxed(&self) -> Result<Vec<Tool>, ConnectError> {
        self.in_time(self.all_tools()).await
    }

    /// The resources the server has now, all pages, within the server's tool timeout. None if it
    /// does not have the capability.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn list_resources(&self) -> BoxFuture<'_, Result<Vec<Resource>, ConnectError>> {
        Box::pin(self.list_resources_unboxed())
    }

    async fn list_resources_unboxed(&self) -> Result<Vec<Resource>, ConnectError> {
        if !self.has(|capabilities| capabilities.resources.is_some()) {
            return Ok(Vec::new());
        }
        let ask = |params| {
            ClientRequest::ListResourcesRequest(ListResourcesRequest {
                method: Default::default(),
                params,
                extensions: Default::default(),
            })
        };
        let read = |result| match result {
            ServerResult::ListResourcesResult(page) => Some((page.resources, page.next_cursor)),
            _ => None,
        };
        self.in_time(self.all_pages("resources", ask, read)).await
    }

    /// The resource templates the server has now, as [`Connection::list_resources`].
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn list_resource_templates(
        &self,
    ) -> BoxFuture<'_, Result<Vec<ResourceTemplate>, ConnectError>> {
        Box::pin(self.list_resource_templates_unboxed())
    }

    async fn list_resource_templates_unboxed(&self) -> Result<Vec<ResourceTemplate>, ConnectError> {
        if !self.has(|capabilities| capabilities.resources.is_some()) {
            return Ok(Vec::new());
        }
        let ask = |params| {
            ClientRequest::ListResourceTemplatesRequest(ListResourceTemplatesRequest {
                method: Default::default(),
                params,
                extensions: Default::default(),
            })
        };
        let read = |result| match result {
            ServerResult::ListResourceTemplatesResult(page) => {
                Some((page.resource_templates, page.next_cursor))
            }
            _ => None,
        };
        self.in_time(self.all_pages("resource templates", ask, read)).await
    }

    /// Reads a resource, within the server's tool timeout.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn read_resource<'a>(
        &'a self,
        uri: &'a str,
    ) -> BoxFuture<'a, Result<ReadResourceResult, ConnectError>> {
        Box::pin(self.read_resource_unboxed(uri))
    }

    async fn read_resource_unboxed(&self, uri: &str) -> Result<ReadResourceResult, ConnectError> {
        let request = ClientRequest::ReadResourceRequest(ReadResourceRequest::new(
            ReadResourceRequestParams::new(uri),
        ));
        match self.in_time(self.call("resources/read", request)).await? {
            ServerResult::ReadResourceResult(result) => Ok(result),
            _ => Err(self.protocol("it is not an answer to `resources/read`")),
        }
    }

    /// Calls a tool with `meta` as the request's `_meta`, within the server's tool timeout (60
    /// seconds by default). A tool that the configuration does not offer is refused without a
    /// request. A call that takes too long, or that nobody waits for any more, is cancelled at the
    /// server.
    ///
    /// # Errors
    /// See [`ConnectError`]. That the tool itself failed is a result.
    pub fn call_tool<'a>(
        &'a self,
        tool: &'a str,
        arguments: Option<JsonObject>,
        meta: Option<JsonObject>,
    ) -> BoxFuture<'a, Result<CallToolResult, ConnectError>> {
        Box::pin(self.call_tool_unboxed(tool, arguments, meta))
    }

    async fn call_tool_unboxed(
        &self,
        tool: &str,
        arguments: Option<JsonObject>,
        meta: Option<JsonObject>,
    ) -> Result<CallToolResult, ConnectError> {
        if !self.offer.has(tool) {
            let (server, tool) = (self.place.server.clone(), tool.to_owned());
            return Err(ConnectError::UnknownTool { server, tool });
        }
        let mut params = CallToolRequestParams::new(tool.to_owned());
        params.arguments = arguments;
        params.meta = meta.map(request_meta);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let result = self.in_time(self.call("tools/call", request)).await?;
        tool_result(result).ok_or_else(|| self.protocol("it is not an answer to `tools/call`"))
    }

    /// Waits until the connection broke or was ended.
    pub async fn closed(&self) {
        self.ending.ended.cancelled().await;
    }

    /// Ends the session, telling the server so, and the process, by force if it must be. Gives up
    /// waiting after 2 seconds.
    pub async fn shutdown(&self) {
        // How the session ended matters to nobody: the connection is gone either way.
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.ending.finish()).await;
    }

    fn has(&self, capability: impl Fn(&ServerCapabilities) -> bool) -> bool {
        self.peer.peer_info().is_some_and(|info| capability(&info.capabilities))
    }

    async fn all_tools(&self) -> Result<Vec<Tool>, ConnectError> {
        let ask = |params| {
            ClientRequest::ListToolsRequest(ListToolsRequest {
                method: Default::default(),
                params,
                extensions: Default::default(),
            })
        };
        let read = |result| match result {
            ServerResult::ListToolsResult(page) => Some((page.tools, page.next_cursor)),
            _ => None,
        };
        let mut tools: Vec<Tool> = match self.all_pages("tools", ask, read).await {
            // A server that never spoke of tools is asked all the same, and may not know of them.
            Err(ConnectError::Refused { code, .. })
                if code == ErrorCode::METHOD_NOT_FOUND.0
                    && !self.has(|capabilities| capabilities.tools.is_some()) =>
            {
                Vec::new()
            }
            tools => tools?,
        };
        tools.retain(|tool| self.offer.has(&tool.name));
        Ok(tools)
    }

    /// All pages of a list, within bounds.
    async fn all_pages<T>(
        &self,
        what: &'static str,
        ask: impl Fn(Option<PaginatedRequestParams>) -> ClientRequest,
        read: impl Fn(ServerResult) -> Option<(Vec<T>, Option<String>)>,
    ) -> Result<Vec<T>, ConnectError> {
        let too_large = |reason| Err(ConnectError::TooLarge { place: self.place.clone(), reason });
        let ConnectOptions { max_items, max_pages, .. } = self.options;
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..max_pages {
            let params =
                cursor.take().map(|c| PaginatedRequestParams::default().with_cursor(Some(c)));
            let result = self.request(ask(params)).await?;
            let result = result.map_err(|refused| ConnectError::Refused {
                place: self.place.clone(),
                code: refused.code.0,
            })?;
            let Some((page, next)) = read(result) else {
                return Err(self.protocol("it is not the list that was asked for"));
            };
            if items.len() + page.len() > max_items {
                return too_large(format!("more than {max_items} {what}"));
            }
            items.extend(page);
            cursor = next;
            if cursor.is_none() {
                return Ok(items);
            }
        }
        too_large(format!("more than {max_pages} pages of {what}"))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("place", &self.place)
            .field("tools", &self.tools.len())
            .finish_non_exhaustive()
    }
}
