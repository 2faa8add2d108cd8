//! `config/mcpServer/reload`: the configuration is read again, and every thread takes it over.

use std::sync::Arc;

use serde_json::Value;

use super::initialize::Orchestrator;
use super::options::Mode;
use super::server::AppServer;
use super::wire::{Reply, RpcError, params as typed};
use crate::host::ConfigSource;

/// Reads the configuration and gives it to every thread. A broken configuration changes nothing.
pub(crate) async fn reload(server: &Arc<AppServer>, params: Value) -> Result<Reply, RpcError> {
    let host = server.host()?;
    let configuration = if server.options.mode == Mode::Orchestrator {
        // Without a disk, the new configuration comes with the request.
        let Orchestrator { config, auth } = typed(params)?;
        let configuration = match config {
            Some(config) => host.replace_config(ConfigSource::Given(config)).await,
            None => host.latest().await,
        };
        let configuration = configuration.map_err(RpcError::failed)?;
        if let Some(auth) = auth {
            host.auth().replace(auth.map(|auth| auth.to_string()));
        }
        configuration
    } else {
        refuse_orchestrator_params(&params)?;
        host.latest().await.map_err(RpcError::failed)?
    };
    // All are read before the first one is taken over: an error changes nothing.
    let mut threads = Vec::new();
    for thread in server.threads.all() {
        let configuration = thread.configuration(host, &configuration).await;
        threads.push((thread, configuration.map_err(RpcError::failed)?));
    }
    for (thread, configuration) in threads {
        thread.reload(host, configuration);
    }
    Ok(Reply::empty())
}

/// Refuses params of orchestrator mode: ignoring `auth` would leave a user signed in whom the client
/// wanted to sign out.
fn refuse_orchestrator_params(params: &Value) -> Result<(), RpcError> {
    match ["config", "auth", "orchestrator"].iter().find(|name| params.get(name).is_some()) {
        Some(name) => Err(RpcError::invalid_request(format!(
            "`{name}`: this app-server was not started with --orchestrator"
        ))),
        None => Ok(()),
    }
}
