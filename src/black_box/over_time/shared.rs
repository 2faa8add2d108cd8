//! What each server of a sequence does, and every request that reached it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use hyper::body::Bytes;
use mcp_overlay_model::lifecycle::Behaviour;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::grants::Grants;
pub(in crate::black_box) use super::target::{Origin, Target};
use crate::black_box::stdio_server;

/// The most requests to record for one sequence.
const MOST_REQUESTS: usize = 10_000;

/// A result of a tool begins with this, and ends with the number of the request.
pub(super) const ANSWERS: &str = "the answer to request ";

/// The Apps server has a tool that begins with this, and ends with the number of the request for its
/// tools, which tells the account that they are for.
pub(super) const OF_REQUEST: &str = "look_for_";

/// The tools of every server; the second one only after it changed them.
pub(super) const TOOLS: [&str; 2] = ["look", "look_again"];

/// A request of a host.
#[derive(Clone, Debug)]
pub(in crate::black_box) struct Received {
    /// When its head arrived.
    pub(in crate::black_box) at: Instant,
    pub(in crate::black_box) target: Target,
    /// The `Authorization` header.
    pub(in crate::black_box) authorization: Option<String>,
    /// The `ChatGPT-Account-ID` header, or the id of an account elsewhere in the request.
    pub(in crate::black_box) account: Option<String>,
    /// Whether it is a tool call that the server took. Its result has the number of the request.
    pub(in crate::black_box) is_call: bool,
    /// The number of a call or a read that the server took: the player numbers them.
    pub(in crate::black_box) call: Option<u64>,
    /// The number of its HTTP session, or of its process.
    pub(in crate::black_box) connection: Option<u64>,
    /// What else an MCP request has; of other ones nothing is kept.
    pub(super) got: Option<Arc<Got>>,
}

/// What an MCP request is and has besides credentials, or what its process was started with.
#[derive(Clone, Debug, Default)]
pub(super) struct Got {
    /// The method.
    pub(super) what: String,
    /// The headers, with names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    /// The arguments of the process.
    pub(super) args: Vec<String>,
    /// Its variables with names of one capital letter.
    pub(super) env: BTreeMap<String, String>,
}

/// The recorded requests and the behaviours of one sequence.
#[derive(Debug, Default)]
pub(super) struct Playing {
    pub(super) received: Vec<Received>,
    /// The behaviours of the servers: a held call waits for a change.
    pub(super) behaviours: watch::Sender<BTreeMap<Target, Behaviour>>,
    /// The servers that have both tools.
    pub(super) new_tools: BTreeSet<Target>,
    /// The sessions of HTTP servers.
    pub(super) sessions: BTreeMap<u64, Target>,
    pub(super) next_session: u64,
    /// The event streams of HTTP servers and the pipes of processes that are open.
    pub(super) open: BTreeMap<u64, Open>,
    pub(super) next_open: u64,
    /// The logins to servers behind OAuth.
    pub(super) grants: Grants,
}

/// A leak: only this header is for a bearer.
pub(super) const OUTSIDE_OF_AUTHORIZATION: &str = "sent a secret outside of `Authorization`";

/// An open event stream, or a process.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) target: Target,
    /// The session of a stream.
    pub(super) session: Option<u64>,
    /// The number of a process.
    pub(super) process: Option<u32>,
    pub(super) messages: mpsc::UnboundedSender<Bytes>,
}

/// What a server does with a request.
pub(super) struct Taken {
    /// The number of the request.
    pub(super) number: usize,
    pub(super) behaviours: watch::Receiver<BTreeMap<Target, Behaviour>>,
}

/// The state that all servers of all sequences share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) playing: Mutex<BTreeMap<String, Playing>>,
    /// Something was closed.
    pub(super) closed: Condvar,
    /// Descriptions of secrets in other places than the two headers for them, each with the mark of
    /// its sequence.
    pub(super) strays: Mutex<Vec<(String, String)>>,
    /// Where servers redirect to.
    pub(super) elsewhere: OnceLock<SocketAddr>,
}

impl Shared {
    pub(super) fn processes(&self, mark: &str, counts: impl Fn(&Open) -> bool) -> Vec<u32> {
        let all = lock(&self.playing);
        let open = all.get(mark).into_iter().flat_map(|playing| playing.open.values());
        open.filter(|open| counts(open)).filter_map(|open| open.process).collect()
    }

    /// Records a leak of the sequence with this mark.
    pub(super) fn stray(&self, mark: &str, what: &str) {
        lock(&self.strays).push((mark.into(), what.into()));
    }

    /// How a server behaves; `None` without a sequence of this mark.
    pub(super) fn behaviour(&self, mark: &str, target: &Target) -> Option<Behaviour> {
        let all = lock(&self.playing);
        Some(of(&all.get(mark)?.behaviours.borrow(), target))
    }

    /// Records a request; `None` if there are too many, or none of its sequence.
    pub(super) fn record(&self, mark: &str, received: Received) -> Option<Taken> {
        let mut all = lock(&self.playing);
        let playing = all.get_mut(mark)?;
        if playing.received.len() == MOST_REQUESTS {
            return None;
        }
        playing.received.push(received);
        let number = playing.received.len() - 1;
        Some(Taken { number, behaviours: playing.behaviours.subscribe() })
    }

    /// A new session with an HTTP server.
    pub(super) fn session(&self, mark: &str, target: &Target) -> Option<u64> {
        let mut all = lock(&self.playing);
        let playing = all.get_mut(mark)?;
        playing.next_session += 1;
        let session = playing.next_session;
        playing.sessions.insert(session, target.clone());
        Some(session)
    }

    /// Whether the server knows this session.
    pub(super) fn knows(&self, mark: &str, session: u64) -> bool {
        let all = lock(&self.playing);
        all.get(mark).is_some_and(|playing| playing.sessions.contains_key(&session))
    }

    /// Ends a session and its streams.
    pub(super) fn forget(&self, mark: &str, session: u64) {
        let mut all = lock(&self.playing);
        let Some(playing) = all.get_mut(mark) else { return };
        playing.sessions.remove(&session);
        playing.open.retain(|_, open| open.session != Some(session));
        self.closed.notify_all();
    }

    /// Opens a stream or a process: its number, and the messages that the server sends by itself.
    pub(super) fn open(
        &self,
        mark: &str,
        target: &Target,
        session: Option<u64>,
        process: Option<u32>,
    ) -> Option<(u64, mpsc::UnboundedReceiver<Bytes>)> {
        let mut all = lock(&self.playing);
        let playing = all.get_mut(mark)?;
        if playing.open.len() == MOST_REQUESTS {
            return None;
        }
        playing.next_open += 1;
        let (messages, received) = mpsc::unbounded_channel();
        let open = Open { target: target.clone(), session, process, messages };
        playing.open.insert(playing.next_open, open);
        Some((playing.next_open, received))
    }

    /// The stream or process of this number is gone.
    pub(super) fn close(&self, mark: &str, number: u64) {
        if let Some(playing) = lock(&self.playing).get_mut(mark) {
            playing.open.remove(&number);
        }
        self.closed.notify_all();
    }

    /// The answer to the MCP request of this number, other than a tool call.
    pub(super) fn answer(
        &self,
        mark: &str,
        target: &Target,
        message: &Value,
        number: usize,
    ) -> Option<Value> {
        if message.get("method").and_then(Value::as_str) == Some("tools/list") {
            let all = lock(&self.playing);
            let changed = all.get(mark).is_some_and(|playing| playing.new_tools.contains(target));
            let count = if changed { TOOLS.len() } else { 1 };
            let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
            let mut tools: Vec<Value> = TOOLS.iter().take(count).map(|name| tool(name)).collect();
            if target.0 == Origin::Apps {
                tools.push(tool(&format!("{OF_REQUEST}{number}")));
            }
            let id = message.get("id")?;
            return Some(json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools}}));
        }
        if message.get("method").and_then(Value::as_str) == Some("resources/read") {
            return resource(message, number);
        }
        stdio_server::answer(message)
    }
}

/// How a server behaves. The host chooses the path of the Apps server.
pub(super) fn of(all: &BTreeMap<Target, Behaviour>, target: &Target) -> Behaviour {
    let behaviour = match target {
        (Origin::Apps, _) => all.get(&(Origin::Apps, String::new())),
        other => all.get(other),
    };
    behaviour.copied().unwrap_or_default()
}

/// How the server behaves once it does not hold the call any more; [`Behaviour::Refuse`] if the
/// sequence is over.
pub(super) async fn released(
    target: &Target,
    mut behaviours: watch::Receiver<BTreeMap<Target, Behaviour>>,
) -> Behaviour {
    match behaviours.wait_for(|all| of(all, target) != Behaviour::Hold).await {
        Ok(all) => of(&all, target),
        Err(_) => Behaviour::Refuse,
    }
}

/// Waits while the server holds handshakes.
pub(super) async fn starts(
    target: &Target,
    mut behaviours: watch::Receiver<BTreeMap<Target, Behaviour>>,
) {
    // An error means that the sequence is over.
    let _ = behaviours.wait_for(|all| of(all, target) != Behaviour::HoldStart).await;
}

/// The URIs of the resources begin with this, and end with the number of the read.
pub(super) const RESOURCES: &str = "test:///";

/// The argument `call` of a tool call, or the number in the URI of a resource.
pub(super) fn number_of_call(message: &Value) -> Option<u64> {
    let in_uri = || uri(message)?.strip_prefix(RESOURCES)?.parse().ok();
    message.pointer("/params/arguments/call").and_then(Value::as_u64).or_else(in_uri)
}

fn uri(message: &Value) -> Option<&str> {
    message.pointer("/params/uri").and_then(Value::as_str)
}

/// The text of the resource that this request reads, with the number of the request.
fn resource(message: &Value, number: usize) -> Option<Value> {
    let text = format!("{ANSWERS}{number}");
    let result = json!({"contents": [{"uri": uri(message)?, "text": text}]});
    Some(json!({"jsonrpc": "2.0", "id": message.get("id")?, "result": result}))
}

/// The result of a tool call, with the number of its request.
pub(super) fn result(message: &Value, number: usize) -> Value {
    let text = format!("{ANSWERS}{number}");
    let result = json!({"content": [{"type": "text", "text": text}], "isError": false});
    json!({"jsonrpc": "2.0", "id": message.get("id"), "result": result})
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
