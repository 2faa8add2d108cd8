//! `mcpServer/tool/call`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::server::AppServer;
use super::wire::{INVALID_PARAMS, Reply, RpcError, echo};
use super::work::Work;
use crate::host::{Lease, ServerSet};

/// The params of `mcpServer/tool/call`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    thread_id: String,
    server: String,
    tool: String,
    #[serde(default)]
    arguments: Value,
    #[serde(default, rename = "_meta")]
    meta: Value,
}

/// Takes the thread's servers immediately, in the order of requests, so that a later reload does not
/// close the call's connection.
pub(crate) fn call(server: &Arc<AppServer>, params: Params) -> Result<Work, RpcError> {
    let thread = server.threads.get(&params.thread_id)?;
    let arguments = object("arguments", params.arguments)?;
    let mut meta = object("_meta", params.meta)?.unwrap_or_default();
    meta.insert("threadId".to_owned(), Value::String(thread.id().to_string()));
    let set = thread.servers_with(server.host()?, &params.server);
    Ok(Work::later(async move {
        let connection = lease(set, &params.server).await?;
        let result = connection.call_tool(&params.tool, arguments, Some(meta)).await;
        let result = result.map_err(RpcError::failed)?;
        serde_json::to_value(result).map(Reply::Now).map_err(RpcError::failed)
    }))
}

/// Waits for the connection to a thread's server. The set is not kept, so its other connections may
/// close during the call.
pub(crate) async fn lease(set: Arc<ServerSet>, server: &str) -> Result<Lease, RpcError> {
    let unknown = || RpcError::internal(format!("unknown MCP server '{}'", echo(server)));
    set.lease(server).await.ok_or_else(unknown)?.map_err(RpcError::failed)
}

fn object(name: &str, value: Value) -> Result<Option<Map<String, Value>>, RpcError> {
    match value {
        Value::Null => Ok(None),
        Value::Object(object) => Ok(Some(object)),
        _ => Err(RpcError {
            code: INVALID_PARAMS,
            message: format!("invalid params: `{name}`: expected an object"),
        }),
    }
}
