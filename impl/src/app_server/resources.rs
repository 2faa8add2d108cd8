//! `mcpServer/resource/read`: on a thread's connection, or on one for this request.

use std::sync::Arc;

use serde::Deserialize;

use super::server::AppServer;
use super::tools;
use super::wire::{Reply, RpcError, echo};
use super::work::Work;
use crate::connection::{ConnectError, Connection, ReadResourceResult, connect};
use crate::host::Resolved;

/// The params of `mcpServer/resource/read`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    thread_id: Option<String>,
    server: String,
    uri: String,
}

/// With a thread, takes its servers immediately, as a tool call does.
pub(crate) fn read(server: &Arc<AppServer>, params: Params) -> Result<Work, RpcError> {
    let Params { thread_id, server: name, uri } = params;
    if let Some(id) = thread_id {
        let set = server.threads.get(&id)?.servers_with(server.host()?, &name);
        return Ok(Work::later(async move {
            let connection = tools::lease(set, &name).await?;
            contents(connection.read_resource(&uri).await.map_err(RpcError::failed)?)
        }));
    }
    let server = Arc::clone(server);
    Ok(Work::later(async move {
        let resolved = server.host()?.resolve().await.map_err(RpcError::failed)?;
        let read = async |connection: &Connection| connection.read_resource(&uri).await;
        contents(connect_once(&server, &resolved, &name, read).await?)
    }))
}

fn contents(result: ReadResourceResult) -> Result<Reply, RpcError> {
    serde_json::to_value(result).map(Reply::Now).map_err(RpcError::failed)
}

/// Connects to a server of this view for a single use.
pub(crate) async fn connect_once<T>(
    server: &AppServer,
    resolved: &Resolved,
    name: &str,
    work: impl AsyncFnOnce(&Connection) -> Result<T, ConnectError>,
) -> Result<T, RpcError> {
    let unknown = || RpcError::internal(format!("unknown MCP server '{}'", echo(name)));
    let config = resolved.view().get(name).filter(|config| config.enabled).ok_or_else(unknown)?;
    let context = resolved.bound(server.ready()?.context.clone());
    let connection = connect(name, config, &context).await.map_err(RpcError::failed)?;
    let outcome = work(&connection).await;
    // The response does not wait for it.
    server.tasks.spawn(async move { connection.shutdown().await });
    outcome.map_err(RpcError::failed)
}
