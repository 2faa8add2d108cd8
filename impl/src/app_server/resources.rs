//! `mcpServer/resource/read`: on a thread's connection, or on one for this request.

use std::sync::Arc;

use serde::Deserialize;
use tokio_util::task::TaskTracker;

use super::server::AppServer;
use super::tools;
use super::wire::{Reply, RpcError, echo};
use super::work::Work;
use crate::connection::ReadResourceResult;
use crate::host::{Resolved, ServerConnection};

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
        let connection = connect_once(&server, &resolved, &name).await?;
        contents(connection.read_resource(&uri).await.map_err(RpcError::failed)?)
    }))
}

fn contents(result: ReadResourceResult) -> Result<Reply, RpcError> {
    serde_json::to_value(result).map(Reply::Now).map_err(RpcError::failed)
}

/// A connection for a single use, which is closed with this value.
pub(crate) struct Once {
    connection: Arc<dyn ServerConnection>,
    tasks: TaskTracker,
}

impl std::ops::Deref for Once {
    type Target = dyn ServerConnection;

    fn deref(&self) -> &Self::Target {
        &*self.connection
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        // Without a runtime the connection is gone.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let connection = Arc::clone(&self.connection);
        // The response does not wait for it.
        self.tasks.spawn_on(async move { connection.shutdown().await }, &runtime);
    }
}

/// Connects to a server of this view for a single use.
pub(crate) async fn connect_once(
    server: &AppServer,
    resolved: &Resolved,
    name: &str,
) -> Result<Once, RpcError> {
    let unknown = || RpcError::internal(format!("unknown MCP server '{}'", echo(name)));
    let config = resolved.view().get(name).filter(|config| config.enabled).ok_or_else(unknown)?;
    let connector = &server.ready()?.connector;
    let connection = connector.connect(resolved, name, config).await.map_err(RpcError::failed)?;
    Ok(Once { connection: connection.into(), tasks: server.tasks.clone() })
}
