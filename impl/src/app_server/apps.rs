//! `app/list`: the connectors of the Apps server, from its tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::{Page, page};
use super::server::AppServer;
use super::wire::{Reply, RpcError};
use super::work::Work;
use super::{resources, tools};
use crate::connection::Tool;
use crate::host::{Configuration, Resolved, ServerSet};
use crate::hosted_apps::CODEX_APPS;

/// The params of `app/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    thread_id: Option<String>,
    #[serde(default)]
    force_refetch: bool,
    #[serde(flatten)]
    page: Page,
}

/// With a thread, takes its servers immediately, as a tool call does.
pub(crate) fn list(server: &Arc<AppServer>, params: Params) -> Result<Work, RpcError> {
    let Params { thread_id, force_refetch, page } = params;
    let set = match thread_id {
        Some(id) => Some(server.threads.get(&id)?.servers_with(server.host()?, CODEX_APPS)),
        None => None,
    };
    let server = Arc::clone(server);
    Ok(Work::later(async move {
        let (tools, configuration) = match set {
            Some(set) => {
                let configuration = set.resolved().configuration().clone();
                (of_thread(set, force_refetch).await?, configuration)
            }
            None => {
                let resolved = server.host()?.resolve().await.map_err(RpcError::failed)?;
                (of_latest(&server, &resolved).await?, resolved.configuration().clone())
            }
        };
        response(&apps(&tools, &configuration), &page)
    }))
}

/// The Apps server's tools on a thread's connection: those of the start, unless the client wants them
/// fetched again.
async fn of_thread(set: Arc<ServerSet>, refetch: bool) -> Result<Vec<Tool>, RpcError> {
    if !has_apps(set.resolved()) {
        return Ok(Vec::new());
    }
    let connection = tools::lease(set, CODEX_APPS).await?;
    match refetch {
        true => connection.list_tools().await.map_err(RpcError::failed),
        false => Ok(connection.tools().to_vec()),
    }
}

/// The Apps server's tools on a connection for this request.
async fn of_latest(server: &AppServer, resolved: &Resolved) -> Result<Vec<Tool>, RpcError> {
    if !has_apps(resolved) {
        return Ok(Vec::new());
    }
    let connection = resources::connect_once(server, resolved, CODEX_APPS).await?;
    Ok(connection.tools().to_vec())
}

fn response(apps: &[Value], asked: &Page) -> Result<Reply, RpcError> {
    let (range, next_cursor) = page(asked, apps.len())?;
    let data = apps.get(range).unwrap_or_default();
    Ok(Reply::Now(json!({ "data": data, "nextCursor": next_cursor })))
}

/// Whether the gate is open and the Apps server enabled.
fn has_apps(resolved: &Resolved) -> bool {
    resolved.view().get(CODEX_APPS).is_some_and(|apps| apps.enabled)
}

/// The connectors of these tools, by id. Name and description come from the first of its tools that
/// has them.
fn apps(tools: &[Tool], configuration: &Configuration) -> Vec<Value> {
    let mut found: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for tool in tools {
        let text = |key: &str| tool.meta.as_ref()?.0.get(key)?.as_str();
        if let Some(id) = text("connector_id").filter(|id| !id.is_empty()) {
            let (name, description) = found.entry(id).or_default();
            *name = name.or_else(|| text("connector_name"));
            *description = description.or_else(|| text("connector_description"));
        }
    }
    let shown = |(id, (name, description)): (&str, (Option<&str>, Option<&str>))| {
        json!({
            "id": id,
            "name": name.unwrap_or(id),
            "description": description,
            "isAccessible": true,
            "isEnabled": configuration.app_is_enabled(id),
        })
    };
    found.into_iter().map(shown).collect()
}
