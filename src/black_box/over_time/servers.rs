//! The servers of sequences: what each does, and every request that reached it. `http.rs` and
//! `processes.rs` answer.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use mcp_overlay_model::lifecycle::Behaviour;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::{http, processes};
use crate::black_box::stdio_server;

/// The most requests to record for one sequence.
const MOST_REQUESTS: usize = 10_000;

/// A result of a tool begins with this, and ends with the number of the request.
pub(super) const ANSWERS: &str = "the answer to request ";

/// The tools of every server; the second one only after it changed them.
pub(super) const TOOLS: [&str; 2] = ["look", "look_again"];

const TOOLS_CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// The origin of a request's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::black_box) enum Origin {
    Apps,
    Servers,
}

/// Where a request went: the origin, and the path after the mark of the sequence. The path of a stdio
/// server is `/` and its number.
pub(in crate::black_box) type Target = (Origin, String);

/// A request of a host.
#[derive(Clone, Debug)]
pub(in crate::black_box) struct Received {
    /// When its head arrived.
    pub(in crate::black_box) at: Instant,
    pub(in crate::black_box) target: Target,
    /// The `Authorization` header.
    pub(in crate::black_box) authorization: Option<String>,
    /// The `ChatGPT-Account-ID` header.
    pub(in crate::black_box) account: Option<String>,
    /// Whether it is a tool call that the server took. Its result has the number of the request.
    pub(in crate::black_box) is_call: bool,
    /// The argument `call` of a tool call: the player numbers its calls.
    pub(in crate::black_box) call: Option<u64>,
}

/// The recorded requests and the behaviours of one sequence.
#[derive(Debug, Default)]
struct Playing {
    received: Vec<Received>,
    /// The behaviours of the servers: a held call waits for a change.
    behaviours: watch::Sender<BTreeMap<Target, Behaviour>>,
    /// The servers that have both tools.
    new_tools: BTreeSet<Target>,
    /// The sessions of HTTP servers.
    sessions: BTreeMap<u64, Target>,
    next_session: u64,
    /// The event streams of HTTP servers and the pipes of processes that are open.
    open: BTreeMap<u64, Open>,
    next_open: u64,
}

/// An open event stream, or a process.
#[derive(Debug)]
struct Open {
    target: Target,
    /// The session of a stream.
    session: Option<u64>,
    /// The number of a process.
    process: Option<u32>,
    messages: mpsc::UnboundedSender<Bytes>,
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
    playing: Mutex<BTreeMap<String, Playing>>,
    /// Something was closed.
    closed: Condvar,
    /// Descriptions of secrets in other places than the two headers for them.
    strays: Mutex<Vec<String>>,
}

/// All servers, for all sequences of a run.
#[derive(Debug)]
pub(in crate::black_box) struct Servers {
    pub(in crate::black_box) apps: SocketAddr,
    pub(in crate::black_box) servers: SocketAddr,
    /// Where the processes of stdio servers connect to.
    pub(in crate::black_box) processes: SocketAddr,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

impl Servers {
    /// Starts all on loopback.
    ///
    /// # Errors
    /// No port, or no thread.
    pub(in crate::black_box) fn start() -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let shared = Arc::<Shared>::default();
        let listen = |origin| runtime.block_on(http::listen(origin, Arc::clone(&shared)));
        let (apps, servers) = (listen(Origin::Apps)?, listen(Origin::Servers)?);
        let processes = runtime.block_on(processes::listen(Arc::clone(&shared)))?;
        Ok(Servers { apps, servers, processes, shared, _runtime: runtime })
    }

    /// Removes and returns the descriptions of secrets in wrong places, of any sequence.
    pub(super) fn take_strays(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.shared.strays))
    }

    /// Starts recording the requests of the sequence with this mark.
    pub(super) fn begin(&self, mark: &str) {
        lock(&self.shared.playing).insert(mark.into(), Playing::default());
    }

    /// The requests so far.
    pub(super) fn received(&self, mark: &str) -> Vec<Received> {
        let playing = lock(&self.shared.playing);
        playing.get(mark).map(|playing| playing.received.clone()).unwrap_or_default()
    }

    /// The first request that is this call, and its number.
    pub(super) fn of_call(&self, mark: &str, call: u64) -> Option<(usize, Received)> {
        let playing = lock(&self.shared.playing);
        let mut received = playing.get(mark)?.received.iter().enumerate();
        let found = received.find(|(_, received)| received.is_call && received.call == Some(call));
        found.map(|(number, received)| (number, received.clone()))
    }

    pub(super) fn behave(&self, mark: &str, target: &Target, behaviour: Behaviour) {
        let mut all = lock(&self.shared.playing);
        let Some(playing) = all.get_mut(mark) else { return };
        match behaviour {
            Behaviour::Forget => {
                playing.sessions.retain(|_, of| of != target);
                playing.open.retain(|_, open| open.target != *target || open.session.is_none());
            }
            Behaviour::NewTools => {
                playing.new_tools.insert(target.clone());
                for open in playing.open.values().filter(|open| open.target == *target) {
                    let message = match open.process {
                        Some(_) => format!("{TOOLS_CHANGED}\n"),
                        None => format!("data: {TOOLS_CHANGED}\n\n"),
                    };
                    // A connection that has just ended needs no message.
                    let _ = open.messages.send(message.into());
                }
            }
            Behaviour::Down => {
                // Its processes end, and so does every one that starts.
                playing.open.retain(|_, open| open.target != *target || open.process.is_none());
            }
            _ => {}
        }
        let behaviour = match behaviour {
            Behaviour::Forget | Behaviour::NewTools => Behaviour::Well,
            other => other,
        };
        playing.behaviours.send_modify(|all| {
            all.insert(target.clone(), behaviour);
        });
    }

    /// Kills the processes of a stdio server, and waits for their ends.
    pub(super) fn kill(&self, mark: &str, target: &Target, limit: Duration) {
        let processes = self.shared.processes(mark, |open| open.target == *target);
        processes::kill(&processes);
        let is_there = |open: &Open| open.process.is_some_and(|id| processes.contains(&id));
        self.wait_closed(mark, limit, is_there);
    }

    /// The servers with open streams or processes that are none of these, after `limit` at the latest.
    pub(super) fn left_over(
        &self,
        mark: &str,
        used: &[Target],
        limit: Duration,
    ) -> BTreeSet<Target> {
        let is_left = |open: &Open| !used.contains(&open.target) && open.target.0 != Origin::Apps;
        self.wait_closed(mark, limit, is_left)
    }

    fn wait_closed(
        &self,
        mark: &str,
        limit: Duration,
        counts: impl Fn(&Open) -> bool,
    ) -> BTreeSet<Target> {
        let left = |all: &BTreeMap<String, Playing>| -> BTreeSet<Target> {
            let open = all.get(mark).into_iter().flat_map(|playing| playing.open.values());
            open.filter(|open| counts(open)).map(|open| open.target.clone()).collect()
        };
        let all = lock(&self.shared.playing);
        let waited = self.shared.closed.wait_timeout_while(all, limit, |all| !left(all).is_empty());
        left(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Stops recording. Held calls are given up, and processes that are still there are killed.
    pub(super) fn end(&self, mark: &str) {
        processes::kill(&self.shared.processes(mark, |_| true));
        lock(&self.shared.playing).remove(mark);
    }
}

impl Shared {
    fn processes(&self, mark: &str, counts: impl Fn(&Open) -> bool) -> Vec<u32> {
        let all = lock(&self.playing);
        let open = all.get(mark).into_iter().flat_map(|playing| playing.open.values());
        open.filter(|open| counts(open)).filter_map(|open| open.process).collect()
    }

    pub(super) fn stray(&self) {
        lock(&self.strays).push("sent a secret outside of `Authorization`".into());
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

    /// The answer to an MCP request other than a tool call.
    pub(super) fn answer(&self, mark: &str, target: &Target, message: &Value) -> Option<Value> {
        if message.get("method").and_then(Value::as_str) == Some("tools/list") {
            let all = lock(&self.playing);
            let changed = all.get(mark).is_some_and(|playing| playing.new_tools.contains(target));
            let count = if changed { TOOLS.len() } else { 1 };
            let tool = |name: &&str| json!({"name": name, "inputSchema": {"type": "object"}});
            let tools: Vec<Value> = TOOLS.iter().take(count).map(tool).collect();
            let id = message.get("id")?;
            return Some(json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools}}));
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

/// The argument `call` of a tool call.
pub(super) fn number_of_call(message: &Value) -> Option<u64> {
    message.pointer("/params/arguments/call").and_then(Value::as_u64)
}

/// The result of a tool call, with the number of its request.
pub(super) fn result(message: &Value, number: usize) -> Value {
    let text = format!("{ANSWERS}{number}");
    let result = json!({"content": [{"type": "text", "text": text}], "isError": false});
    json!({"jsonrpc": "2.0", "id": message.get("id"), "result": result})
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
