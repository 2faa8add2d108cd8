//! `mcpServerStatus/list`: every server of the effective view, and what it offers.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::methods::Work;
use super::page::{Page, page};
use super::wire::{Reply, RpcError};
use super::{AppServer, Ready, internal};
use crate::auth::Auth;
use crate::config::ServerConfig;
use crate::connection::{Connection, connect};
use crate::host::Resolved;

/// The params of `mcpServerStatus/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    thread_id: Option<String>,
    detail: Option<Detail>,
    #[serde(flatten)]
    page: Page,
}

/// How much is asked of each server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Detail {
    /// Tools, resources and resource templates.
    #[default]
    Full,
    /// Tools only.
    ToolsAndAuthOnly,
}

/// The status of every server, in the order of their names.
type Snapshot = Arc<Vec<Value>>;

/// The looks at all servers that are under way. A request that would look at the same view in the
/// same way shares one that is: ten thousand requests do not start ten thousand processes a server.
#[derive(Default)]
pub(crate) struct Looks(Mutex<Vec<Look>>);

#[derive(Clone)]
struct Look {
    resolved: Resolved,
    detail: Detail,
    /// How many logins there had been.
    logins: u64,
    snapshot: watch::Receiver<Option<Snapshot>>,
}

pub(crate) fn list(server: &Arc<AppServer>, params: Params) -> Result<Work, RpcError> {
    // The latest configuration counts with a thread too; the thread has to exist.
    if let Some(id) = &params.thread_id {
        server.threads.get(id)?;
    }
    Ok(Work::later(answer(Arc::clone(server), params)))
}

async fn answer(server: Arc<AppServer>, params: Params) -> Result<Reply, RpcError> {
    let resolved = server.host()?.resolve().await.map_err(internal)?;
    let detail = params.detail.unwrap_or_default();
    let snapshot = server.looks.look(&server, resolved, detail).await?;
    let (range, next_cursor) = page(&params.page, snapshot.len())?;
    // Made when there is room for it at the client: until then many requests share one snapshot.
    Ok(Reply::later(
        move || json!({ "data": snapshot.get(range).unwrap_or_default(), "nextCursor": next_cursor }),
    ))
}

impl Looks {
    async fn look(
        &self,
        server: &Arc<AppServer>,
        resolved: Resolved,
        detail: Detail,
    ) -> Result<Snapshot, RpcError> {
        let mut snapshot = self.shared(server, resolved, detail);
        let found = snapshot.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        found.ok_or_else(|| RpcError::internal("the host is shutting down"))
    }

    fn shared(
        &self,
        server: &Arc<AppServer>,
        resolved: Resolved,
        detail: Detail,
    ) -> watch::Receiver<Option<Snapshot>> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is done is not shared: its answer may be old.
        looks
            .retain(|look| look.snapshot.borrow().is_none() && look.snapshot.has_changed().is_ok());
        let logins = server.logins.load(Ordering::SeqCst);
        let same = |look: &&Look| {
            (look.detail, look.logins) == (detail, logins) && look.resolved.is_same(&resolved)
        };
        if let Some(look) = looks.iter().find(same) {
            return look.snapshot.clone();
        }
        let (publish, snapshot) = watch::channel(None);
        looks.push(Look { resolved: resolved.clone(), detail, logins, snapshot: snapshot.clone() });
        let server = Arc::clone(server);
        server.tasks.spawn({
            let server = Arc::clone(&server);
            async move {
                let looked = statuses(&server, &resolved, detail);
                if let Some(statuses) = server.closing.run_until_cancelled(looked).await {
                    // Whoever asked may be gone.
                    let _ = publish.send(Some(Arc::new(statuses)));
                }
            }
        });
        snapshot
    }
}

/// Looks at all servers at the same time.
async fn statuses(server: &AppServer, resolved: &Resolved, detail: Detail) -> Vec<Value> {
    let looked =
        resolved.view().iter().map(|(name, config)| status(server, resolved, name, config, detail));
    join_all(looked).await
}

/// Looks at one server: connects, lists and closes. A server that cannot be used has nothing to
/// list; the starts of a thread's servers tell why.
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
        let Ok(connection) = connect(name, config, &ready.context).await else {
            return Offer::default();
        };
        let offer = Offer::of(&connection, detail).await;
        // The answer does not wait for it.
        server.tasks.spawn(async move { connection.shutdown().await });
        offer
    };
    let (offer, auth) = tokio::join!(listed, auth_status(ready, resolved, name, config));
    json!({
        "name": name,
        "serverInfo": offer.server_info,
        "tools": offer.tools,
        "resources": offer.resources,
        "resourceTemplates": offer.resource_templates,
        "authStatus": auth,
    })
}

/// How the host authorises itself to this server, in the word of the protocol. Rule `status.auth`. A
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
    let signed_in = resolved.auth().auth.is_some_and(Auth::uses_codex_backend);
    if signed_in && resolved.is_authorised_by_host(name, config) {
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
