//! The MCP requests of a connection.

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, CustomResult, ErrorCode,
    JsonObject, ListResourceTemplatesRequest, ListResourcesRequest, ListToolsRequest, MetaObject,
    PaginatedRequestParams, ReadResourceRequest, ReadResourceRequestParams, ReadResourceResult,
    RequestMetaObject, Resource, ResourceTemplate, ServerCapabilities, ServerResult, Tool,
};
use serde_json::Value;

use super::error::ConnectError;
use super::options::ConnectOptions;
use super::session::Connection;
use crate::extension::BoxFuture;

impl Connection {
    /// Lists the tools and keeps the list.
    pub(super) async fn keep_tools(&mut self) -> Result<(), ConnectError> {
        self.tools = self.all_tools().await?;
        Ok(())
    }

    /// The server's current tools, without those that the configuration disables: all pages, within
    /// the server's tool timeout (60 seconds by default).
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn list_tools(&self) -> BoxFuture<'_, Result<Vec<Tool>, ConnectError>> {
        Box::pin(async move { self.in_time(self.all_tools()).await })
    }

    /// The server's current resources: all pages, within the server's tool timeout. Empty if the
    /// server lacks the capability.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn list_resources(&self) -> BoxFuture<'_, Result<Vec<Resource>, ConnectError>> {
        Box::pin(async move {
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
        })
    }

    /// The server's current resource templates, as [`Connection::list_resources`].
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn list_resource_templates(
        &self,
    ) -> BoxFuture<'_, Result<Vec<ResourceTemplate>, ConnectError>> {
        Box::pin(async move {
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
        })
    }

    /// Reads a resource, within the server's tool timeout.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn read_resource<'a>(
        &'a self,
        uri: &'a str,
    ) -> BoxFuture<'a, Result<ReadResourceResult, ConnectError>> {
        Box::pin(async move {
            let request = ClientRequest::ReadResourceRequest(ReadResourceRequest::new(
                ReadResourceRequestParams::new(uri),
            ));
            match self.in_time(self.call("resources/read", request)).await? {
                ServerResult::ReadResourceResult(result) => Ok(result),
                _ => Err(self.protocol("it is not a response to `resources/read`")),
            }
        })
    }

    /// Calls a tool with `meta` as the request's `_meta`, within the server's tool timeout (60
    /// seconds by default). A tool that the configuration disables is refused without a request. A
    /// call that times out or is dropped is cancelled at the server.
    ///
    /// # Errors
    /// See [`ConnectError`]. A failure of the tool itself is a result.
    pub fn call_tool<'a>(
        &'a self,
        tool: &'a str,
        arguments: Option<JsonObject>,
        meta: Option<JsonObject>,
    ) -> BoxFuture<'a, Result<CallToolResult, ConnectError>> {
        Box::pin(async move {
            if !self.offer.has(tool) {
                let (server, tool) = (self.address.server.clone(), tool.to_owned());
                return Err(ConnectError::UnknownTool { server, tool });
            }
            let mut params = CallToolRequestParams::new(tool.to_owned());
            params.arguments = arguments;
            params.meta = meta.map(request_meta);
            let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
            let result = self.in_time(self.call("tools/call", request)).await?;
            tool_result(result).ok_or_else(|| self.protocol("it is not a response to `tools/call`"))
        })
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
            // Tools are requested even without the capability, so the method may be unknown.
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

    /// All pages of a list, within the bounds.
    async fn all_pages<T>(
        &self,
        what: &'static str,
        ask: impl Fn(Option<PaginatedRequestParams>) -> ClientRequest,
        read: impl Fn(ServerResult) -> Option<(Vec<T>, Option<String>)>,
    ) -> Result<Vec<T>, ConnectError> {
        let too_large =
            |reason| Err(ConnectError::TooLarge { address: self.address.clone(), reason });
        let ConnectOptions { max_items, max_pages, .. } = self.options;
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..max_pages {
            let params =
                cursor.take().map(|c| PaginatedRequestParams::default().with_cursor(Some(c)));
            let result = self.request(ask(params)).await?;
            let result = result.map_err(|refused| ConnectError::Refused {
                address: self.address.clone(),
                code: refused.code.0,
            })?;
            let Some((page, next)) = read(result) else {
                return Err(self.protocol("it is not the requested list"));
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

/// A request's `_meta`. rmcp adds the progress token.
fn request_meta(meta: JsonObject) -> RequestMetaObject {
    RequestMetaObject(MetaObject(meta))
}

/// The result of a tool call. rmcp parses one without `content` as another kind of result.
fn tool_result(result: ServerResult) -> Option<CallToolResult> {
    match result {
        ServerResult::CallToolResult(result) => Some(result),
        ServerResult::EmptyResult(_) => Some(CallToolResult::default()),
        ServerResult::CustomResult(CustomResult(mut custom)) => {
            let fields = custom.as_object_mut()?;
            let known = |name: &String| matches!(name.as_str(), "_meta" | "isError");
            if !fields.keys().all(known) {
                return None;
            }
            fields.insert("content".to_owned(), Value::Array(Vec::new()));
            serde_json::from_value(custom).ok()
        }
        _ => None,
    }
}
