//! `mcpServerStatus/list`: every server of the effective view, and what it offers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::{Page, page};
use super::server::{AppServer, Ready};
use super::snapshots::{Detail, Snapshot, SnapshotKey};
use super::wire::{Reply, RpcError};
use super::work::Work;
use crate::config::ServerConfig;
use crate::connection::{Connection, connect};
use crate::host::Resolved;
use crate::hosted_apps::CODEX_APPS;

/// The params of `mcpServerStatus/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    thread_id: Option<String>,
    detail: Option<Detail>,
    #[serde(flatten)]
    page: Page,
}

pub(crate) fn list(server: &Arc<AppServer>, params: Params) -> Result<Work, RpcError> {
    // The latest configuration counts with a thread too; the thread has to exist.
    if let Some(id) = &params.thread_id {
        server.threads.get(id)?;
    }
    Ok(Work::later(answer(Arc::clone(server), params)))
}

async fn answer(server: Arc<AppServer>, params: Params) -> Result<Reply, RpcError> {
    let resolved = server.host()?.resolve().await.map_err(RpcError::failed)?;
    let detail = params.detail.unwrap_or_default();
    let snapshot = snapshot(&server, resolved, detail).await?;
    let (range, next_cursor) = page(&params.page, snapshot.len())?;
    // Made when there is room for it at the client: until then many requests share one snapshot.
    Ok(Reply::later(
        move || json!({ "data": snapshot.get(range).unwrap_or_default(), "nextCursor": next_cursor }),
    ))
}

/// The status of every server: a snapshot that is being taken for another request, or a new one.
async fn snapshot(
    server: &Arc<AppServer>,
    resolved: Resolved,
    detail: Detail,
) -> Result<Snapshot, RpcError> {
    let logins = server.logins.load(Ordering::SeqCst);
    let key = SnapshotKey { resolved, detail, logins };
    let (mut taken, publish) = server.snapshots.share(&key);
    if let Some(publish) = publish {
        let server = Arc::clone(server);
        server.tasks.clone().spawn(async move {
            let statuses = statuses(&server, &key.resolved, detail);
            if let Some(statuses) = server.closing.run_until_cancelled(statuses).await {
                // The requests may have been given up.
                let _ = publish.send(Some(Arc::new(statuses)));
            }
        });
    }
    let snapshot = taken.wait_for(Option::is_some).await.ok().and_then(|taken| taken.clone());
    snapshot.ok_or_else(|| RpcError::internal("the host is shutting down"))
}

/// Asks all servers at the same time.
async fn statuses(server: &AppServer, resolved: &Resolved, detail: Detail) -> Vec<Value> {
    let looked = resolved.view().iter().map(|(name, config)| status(server, name, config, detail));
    join_all(looked).await
}

/// Looks at one server: connects, lists and closes. A server that cannot be used has nothing to
/// list; the starts of a thread's servers tell why.
async fn status(server: &AppServer, name: &str, config: &ServerConfig, detail: Detail) -> Value {
    let Ok(ready) = server.ready() else { return Value::Null };
    let listed = async {
        if !config.enabled {
            return Offer::default();
        }
        let Ok(connection) = connect(name, config, &ready.context).await else {
            return Offer::default();
        };
        let offer = Offer::of(&connection, detail).await;
        // The answer does not wait for it.
        server.tasks.spawn(async move { connection.shutdown().await });
        offer
    };
    let (offer, auth) = tokio::join!(listed, auth_status(ready, name, config));
    json!({
        "name": name,
        "serverInfo": offer.server_info,
        "tools": offer.tools,
        "resources": offer.resources,
        "resourceTemplates": offer.resource_templates,
        "authStatus": auth,
    })
}

/// How the host authorises itself to this server, in the word of the protocol. A disabled server
/// is not asked.
async fn auth_status(ready: &Ready, name: &str, config: &ServerConfig) -> &'static str {
    if !config.enabled {
        return "unsupported";
    }
    // The gate is open, else it would not be in the view: the host's credentials or a variable's.
    if name == CODEX_APPS {
        return "bearerToken";
    }
    ready.oauth.auth_status(name, config, &ready.context.environment).await.as_str()
}

/// What a server offers, as the protocol shows it.
#[derive(Default)]
struct Offer {
    server_info: Value,
    tools: BTreeMap<String, Value>,
    resources: Vec<Value>,
    resource_templates: Vec<Value>,
}

impl Offer {
    async fn of(connection: &Connection, detail: Detail) -> Self {
        let mut offer = Self {
            server_info: connection.server_info().map(shown).unwrap_or_default(),
            ..Self::default()
        };
        let tools = connection.tools().iter();
        offer.tools = tools.map(|tool| (tool.name.to_string(), shown(tool))).collect();
        if detail == Detail::Full {
            // What a server cannot list it does not offer.
            let (resources, templates) =
                tokio::join!(connection.list_resources(), connection.list_resource_templates());
            offer.resources = resources.unwrap_or_default().iter().map(shown).collect();
            offer.resource_templates = templates.unwrap_or_default().iter().map(shown).collect();
        }
        offer
    }
}

/// A part of a server's answer as JSON. What was read as JSON can be written as JSON.
fn shown(part: impl serde::Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}
