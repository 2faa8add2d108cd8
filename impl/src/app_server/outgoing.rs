//! Writes lines to the client.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::wire::{self, Reply, RequestId, RpcError};

/// How many lines may wait for the client to read. A further sender waits for room before it builds
/// its line.
const MAX_WAITING: usize = 64;

/// A line, and the place of its request, which is freed once the line is written.
struct Outgoing {
    line: Vec<u8>,
    _place: Option<OwnedSemaphorePermit>,
}

/// Sends lines to the client.
#[derive(Clone)]
pub(crate) struct Client {
    lines: mpsc::Sender<Outgoing>,
    /// The notifications that the client opted out of in `initialize`.
    opted_out: Arc<OnceLock<BTreeSet<String>>>,
}

impl Client {
    /// A client that reads `output`, and the future that writes to it, which ends when all senders
    /// are dropped or the client closes its end.
    pub(crate) fn new(
        mut output: impl AsyncWrite + Unpin + Send + 'static,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (lines, mut waiting) = mpsc::channel::<Outgoing>(MAX_WAITING);
        let write = async move {
            while let Some(next) = waiting.recv().await {
                if output.write_all(&next.line).await.is_err() {
                    return;
                }
                // Only when no line waits: flushing each line would take a system call per line.
                if waiting.is_empty() && output.flush().await.is_err() {
                    return;
                }
            }
            // The client may be gone.
            let _ = output.flush().await;
        };
        (Self { lines, opted_out: Arc::default() }, write)
    }

    /// Stops these notifications.
    pub(crate) fn opt_out(&self, methods: BTreeSet<String>) {
        // Set once: `initialize` succeeds once.
        let _ = self.opted_out.set(methods);
    }

    /// Responds to a request, and frees its place when the response is written.
    pub(crate) async fn respond(
        &self,
        id: Option<&RequestId>,
        outcome: Result<Reply, RpcError>,
        place: Option<OwnedSemaphorePermit>,
    ) {
        // Fails if the client closed its end.
        if let Ok(room) = self.lines.reserve().await {
            room.send(Outgoing { line: wire::response(id, outcome), _place: place });
        }
    }

    /// Notifies the client, unless it opted out.
    pub(crate) async fn notify(&self, method: &str, params: &Value) {
        if self.opted_out.get().is_some_and(|opted_out| opted_out.contains(method)) {
            return;
        }
        if let Ok(room) = self.lines.reserve().await {
            room.send(Outgoing { line: wire::notification(method, params), _place: None });
        }
    }
}
