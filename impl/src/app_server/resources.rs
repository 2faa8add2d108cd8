//! `mcpServer/resource/read`: on a thread's connection, or on one made for the call.

use std::sync::Arc;

use serde::Deserialize;

use super::wire::{Reply, RpcError, echo};
use super::{AppServer, internal, tools};
use crate::connection::{ConnectError, Connection, connect};
use crate::host::Resolved;

/// The params of `mcpServer/resource/read`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    thread_id: Option<String>,
    server: String,
    uri: String,
}

pub(crate) async fn read(server: Arc<AppServer>, params: Params) -> Result<Reply, RpcError> {
    let contents = match &params.thread_id {
        Some(id) => {
            let thread = server.threads.get(id)?;
            let set = thread.servers(server.host()?);
            let connection = tools::lease(&set, &params.server).await?;
            drop(set);
            connection.read_resource(&params.uri).await.map_err(internal)?
        }
        None => {
            let resolved = server.host()?.resolve().await.map_err(internal)?;
            let read = async |connection: &Connection| connection.read_resource(&params.uri).await;
            for_the_call(&server, &resolved, &params.server, read).await?
        }
    };
    serde_json::to_value(contents).map(Reply::Now).map_err(internal)
}

/// Connects to a server of this view, uses it once and closes it.
pub(crate) async fn for_the_call<T>(
    server: &AppServer,
    resolved: &Resolved,
    name: &str,
    work: impl AsyncFnOnce(&Connection) -> Result<T, ConnectError>,
) -> Result<T, RpcError> {
    let unknown = || RpcError::internal(format!("unknown MCP server '{}'", echo(name)));
    let config = resolved.view().get(name).filter(|config| config.enabled).ok_or_else(unknown)?;
    let connection = connect(name, config, &server.ready()?.context).await.map_err(internal)?;
    let outcome = work(&connection).await;
    connection.shutdown().await;
    outcome.map_err(internal)
}
