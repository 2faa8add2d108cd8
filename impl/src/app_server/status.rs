//! `mcpServerStatus/list`: every server of the effective view, with its tools and resources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::{Page, page};
use super::server::{AppServer, Ready};
use super::snapshots::{Detail, Snapshot, SnapshotKey};
use super::threads::Thread;
use super::wire::{Reply, RpcError};
use super::work::Work;
use crate::auth::Auth;
use crate::config::ServerConfig;
use crate::host::{Resolved, ServerConnection};
use crate::oauth::AuthStatus;

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
    // A thread must exist, but the latest configuration applies, with the plugins that it selects.
    let thread = params.thread_id.as_ref().map(|id| server.threads.get(id)).transpose()?;
    Ok(Work::later(response(Arc::clone(server), thread, params)))
}

async fn response(
    server: Arc<AppServer>,
    thread: Option<Arc<Thread>>,
    params: Params,
) -> Result<Reply, RpcError> {
    let host = server.host()?;
    let configuration = match thread.as_ref().and_then(|thread| thread.selecting_layer()) {
        Some(layer) => host.latest_of(layer).await,
        None => host.latest().await,
    };
    let resolved = host.resolved(&configuration.map_err(RpcError::failed)?);
    let detail = params.detail.unwrap_or_default();
    let snapshot = snapshot(&server, resolved, detail).await?;
    let (range, next_cursor) = page(&params.page, snapshot.len())?;
    // Built when the client has room for it: until then many requests share one snapshot.
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
                // All requests may have been dropped.
                let _ = publish.send(Some(Arc::new(statuses)));
            }
        });
    }
    let snapshot = taken.wait_for(Option::is_some).await.ok().and_then(|taken| taken.clone());
    snapshot.ok_or_else(|| RpcError::internal("the host is shutting down"))
}

/// Asks all servers at the same time.
async fn statuses(server: &AppServer, resolved: &Resolved, detail: Detail) -> Vec<Value> {
    let looked =
        resolved.view().iter().map(|(name, config)| status(server, resolved, name, config, detail));
    join_all(looked).await
}

/// The status of one server: connects, lists and closes. A server that cannot be used has an empty
/// status; the startup notifications of threads say why.
async fn status(
    server: &AppServer,
    resolved: &Resolved,
    name: &str,
    config: &ServerConfig,
    detail: Detail,
) -> Value {
    let Ok(ready) = server.ready() else { return Value::Null };
    let listed = async {
        if !config.enabled {
            return Offer::default();
        }
        let Ok(connection) = ready.connector.connect(resolved, name, config).await else {
            return Offer::default();
        };
        let offer = Offer::of(&*connection, detail).await;
        // The response does not wait for it.
        server.tasks.spawn(async move { connection.shutdown().await });
        offer
    };
    let (offer, mut auth) = tokio::join!(listed, auth_status(ready, resolved, name, config));
    // The login may have ended during the connection: the tokens may have been refused.
    if auth == AuthStatus::OAuth.as_str() && offer.server_info.is_null() {
        auth = auth_status(ready, resolved, name, config).await;
    }
    json!({
        "name": name,
        "serverInfo": offer.server_info,
        "tools": offer.tools,
        "resources": offer.resources,
        "resourceTemplates": offer.resource_templates,
        "authStatus": auth,
    })
}

/// How requests to this server are authorised, in the protocol's terms. Rule `status.auth`. A
/// disabled server is not asked.
async fn auth_status(
    ready: &Ready,
    resolved: &Resolved,
    name: &str,
    config: &ServerConfig,
) -> &'static str {
    if !config.enabled {
        return "unsupported";
    }
    // A server with `auth = "chatgpt"` is in the view without a sign-in, too.
    let signed_in = resolved.auth().auth.is_some_and(Auth::uses_codex_backend);
    if signed_in && resolved.is_authorised_by_host(name, config) {
        return "bearerToken";
    }
    ready.connector.auth_status(name, config).await.as_str()
}

/// The tools and resources of a server, in the format of the protocol.
#[derive(Default)]
struct Offer {
    server_info: Value,
    tools: BTreeMap<String, Value>,
    resources: Vec<Value>,
    resource_templates: Vec<Value>,
}

impl Offer {
    async fn of(connection: &dyn ServerConnection, detail: Detail) -> Self {
        let mut offer = Self {
            server_info: connection.server_info().map(shown).unwrap_or_default(),
            ..Self::default()
        };
        let tools = connection.tools().iter();
        offer.tools = tools.map(|tool| (tool.name.to_string(), shown(tool))).collect();
        if detail == Detail::Full {
            // A failed list counts as empty.
            let (resources, templates) =
                tokio::join!(connection.list_resources(), connection.list_resource_templates());
            offer.resources = resources.unwrap_or_default().iter().map(shown).collect();
            offer.resource_templates = templates.unwrap_or_default().iter().map(shown).collect();
        }
        offer
    }
}

/// A part of a server's response as JSON. It was parsed from JSON, so this does not fail.
fn shown(part: impl serde::Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}
