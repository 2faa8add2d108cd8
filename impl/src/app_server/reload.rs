//! `config/mcpServer/reload`: the configuration is read again, and every thread gets it before its
//! next use.

use std::sync::Arc;

use serde_json::Value;

use super::initialize::Orchestrator;
use super::wire::{Reply, RpcError, params as typed};
use super::{AppServer, Mode, internal};
use crate::host::ConfigSource;

/// Reads the configuration and queues it for every thread. A broken one changes nothing.
pub(crate) async fn reload(server: &Arc<AppServer>, params: Value) -> Result<Reply, RpcError> {
    let host = server.host()?;
    if server.options.mode == Mode::Orchestrator {
        // Without a disk, what is new comes with the request.
        let Orchestrator { config, auth } = typed(params)?;
        if let Some(config) = config {
            host.replace_config(ConfigSource::Given(config));
        }
        if let Some(auth) = auth {
            host.auth().replace(Some(auth.to_string()));
        }
    }
    let configuration = host.latest().await.map_err(internal)?;
    for thread in server.threads.all() {
        thread.queue(configuration.clone());
        // Its new servers start now rather than at the next call, which then need not wait.
        drop(thread.servers(host));
    }
    Ok(Reply::empty())
}
