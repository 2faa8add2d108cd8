//! `account/logout`.

use std::sync::Arc;

use serde_json::json;

use super::server::AppServer;
use super::wire::{Reply, RpcError};
use super::work::Work;

/// Signs out. The gate is closed when this returns.
pub(crate) fn logout(server: &Arc<AppServer>) -> Result<Work, RpcError> {
    let host = server.host()?;
    host.auth().logout().map_err(RpcError::failed)?;
    // Closes connections with the removed credentials now, not at the next call.
    for thread in server.threads.all() {
        drop(thread.servers(host));
    }
    let client = server.client.clone();
    Ok(Work::now(Reply::empty()).then(async move {
        client.notify("account/updated", &json!({ "authMode": null, "planType": null })).await;
    }))
}
