//! `thread/start` and `thread/unsubscribe`: open and close a thread's connections.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::selected_roots::{self, Root};
use super::server::AppServer;
use super::threads::Thread;
use super::wire::{Reply, RpcError};
use super::work::Work;
use crate::config::Override;

/// The params of `thread/start`. Other fields are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    /// Settings that override `config.toml` for this thread: dotted keys, nested objects, or both.
    config: Option<Map<String, Value>>,
    /// The roots of the plugins that this thread selects.
    selected_capability_roots: Option<Vec<Root>>,
}

/// Starts a thread and all its servers. The response waits for the required servers; if one of them
/// fails, so does the thread.
pub(crate) async fn start(server: &Arc<AppServer>, params: Params) -> Result<Work, RpcError> {
    let ready = server.ready()?;
    // Threads are started one after another, so the room is not taken in between.
    server.threads.have_room()?;
    let overrides = Override::of_json(&params.config.unwrap_or_default()).map_err(refused)?;
    let mut layer = ready.host.layer(overrides.clone(), None);
    let mut configuration = ready.host.latest_of(&layer).await.map_err(refused)?;
    let roots = params.selected_capability_roots.unwrap_or_default();
    let inputs = selected_roots::inputs(ready, &configuration, &roots).await.map_err(refused)?;
    if inputs.is_some() {
        layer = ready.host.layer(overrides, inputs);
        configuration = ready.host.latest_of(&layer).await.map_err(refused)?;
    }
    let connector = Arc::clone(&ready.connector);
    let (thread, events) =
        Thread::start(&ready.host, layer, configuration, connector, server.tasks.clone());
    let thread = Arc::new(thread);
    server.threads.add(Arc::clone(&thread));
    let required = thread.servers(&ready.host).required();
    let shown = shown(&thread, server);
    let outcome = {
        let (server, thread, shown) = (Arc::clone(server), Arc::clone(&thread), shown.clone());
        async move {
            let missing = required.missing().await;
            if missing.is_empty() {
                return Ok(Reply::Now(of_thread(shown)));
            }
            server.threads.remove(thread.id());
            let reasons = missing.iter().map(|(name, error)| format!("{name}: {error}"));
            let reasons = reasons.collect::<Vec<_>>().join("; ");
            Err(RpcError::internal(format!("required MCP servers failed to start: {reasons}")))
        }
    };
    let client = server.client.clone();
    let tasks = server.tasks.clone();
    let after = async move {
        client.notify("thread/started", &of_thread(shown)).await;
        tasks.spawn(events.announce(client));
    };
    Ok(Work::later(outcome).then(after))
}

/// Codex treats an invalid configuration as an invalid request to start a thread.
fn refused(error: impl Display) -> RpcError {
    RpcError::invalid_request(format!("failed to load configuration: {error}"))
}

/// The member `thread`. The macro `json!` would copy the value.
fn of_thread(shown: Value) -> Value {
    Value::Object(Map::from_iter([("thread".to_owned(), shown)]))
}

/// A thread in the format of the protocol.
fn shown(thread: &Thread, server: &AppServer) -> Value {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({
        "id": thread.id(),
        "preview": "",
        "ephemeral": true,
        "modelProvider": "none",
        "createdAt": since,
        "updatedAt": since,
        "status": { "type": "idle" },
        "path": null,
        "cwd": server.options.cwd.display().to_string(),
        "cliVersion": env!("CARGO_PKG_VERSION"),
        "source": "appServer",
        "turns": [],
    })
}

/// The params of `thread/unsubscribe`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unsubscribe {
    thread_id: String,
}

/// Ends a thread: this server has only one client.
pub(crate) fn unsubscribe(server: &Arc<AppServer>, params: Unsubscribe) -> Work {
    let Ok(thread) = server.threads.get(&params.thread_id) else {
        return Work::done(Ok(Reply::Now(json!({ "status": "notLoaded" }))));
    };
    server.threads.remove(thread.id());
    let client = server.client.clone();
    let id = thread.id();
    Work::done(Ok(Reply::Now(json!({ "status": "unsubscribed" })))).then(async move {
        client.notify("thread/closed", &json!({ "threadId": id })).await;
    })
}
