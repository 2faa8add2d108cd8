//! `app/list`: the connectors found as tools of the Apps server.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::{Page, page};
use super::wire::{Reply, RpcError};
use super::{AppServer, internal, resources, tools};
use crate::connection::{Connection, Tool};
use crate::host::{Configuration, Resolved};
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

pub(crate) async fn list(server: Arc<AppServer>, params: Params) -> Result<Reply, RpcError> {
    let host = server.host()?;
    let (tools, configuration) = match &params.thread_id {
        Some(id) => {
            let set = server.threads.get(id)?.servers(host);
            let configuration = set.resolved().configuration().clone();
            let tools = if has_apps(set.resolved()) {
                let connection = tools::lease(&set, CODEX_APPS).await?;
                // The list of the start is as good, unless the client says that it is not.
                match params.force_refetch {
                    true => connection.list_tools().await.map_err(internal)?,
                    false => connection.tools().to_vec(),
                }
            } else {
                Vec::new()
            };
            (tools, configuration)
        }
        None => {
            let resolved = host.resolve().await.map_err(internal)?;
            let tools = if has_apps(&resolved) {
                let tools = async |connection: &Connection| Ok(connection.tools().to_vec());
                resources::for_the_call(&server, &resolved, CODEX_APPS, tools).await?
            } else {
                Vec::new()
            };
            (tools, resolved.configuration().clone())
        }
    };
    let apps = apps(&tools, &configuration);
    let (range, next_cursor) = page(&params.page, apps.len())?;
    let data = apps.get(range).unwrap_or_default();
    Ok(Reply::Now(json!({ "data": data, "nextCursor": next_cursor })))
}

/// Whether the gate is open and the Apps server enabled.
fn has_apps(resolved: &Resolved) -> bool {
    resolved.view().get(CODEX_APPS).is_some_and(|apps| apps.enabled)
}

/// The connectors of these tools, by id. A connector is described by the first of its tools that
/// says anything.
fn apps(tools: &[Tool], configuration: &Configuration) -> Vec<Value> {
    let mut found: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for tool in tools {
        let said = |key: &str| tool.meta.as_ref()?.0.get(key)?.as_str();
        if let Some(id) = said("connector_id").filter(|id| !id.is_empty()) {
            let (name, description) = found.entry(id).or_default();
            *name = name.or_else(|| said("connector_name"));
            *description = description.or_else(|| said("connector_description"));
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
