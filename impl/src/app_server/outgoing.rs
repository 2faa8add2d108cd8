//! What goes to the client: whole lines, one after another.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::wire::{self, Reply, RequestId, RpcError};

/// How many lines may wait for the client to read. Whoever has one more waits for room, and makes
/// its line only then.
const MAX_WAITING: usize = 64;

/// A line, and the place in the queue of requests that is free once it is written.
struct Outgoing {
    line: Vec<u8>,
    _place: Option<OwnedSemaphorePermit>,
}

/// The way to the client.
#[derive(Clone)]
pub(crate) struct Client {
    lines: mpsc::Sender<Outgoing>,
    /// The notifications the client does not want, once it has said so.
    unwanted: Arc<OnceLock<BTreeSet<String>>>,
}

impl Client {
    /// A client that reads `output`, and the work of writing to it, which ends when nobody has
    /// anything more to say or the client reads no more.
    pub(crate) fn new(
        mut output: impl AsyncWrite + Unpin + Send + 'static,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (lines, mut waiting) = mpsc::channel::<Outgoing>(MAX_WAITING);
        let write = async move {
            while let Some(next) = waiting.recv().await {
                if output.write_all(&next.line).await.is_err() {
                    return;
                }
                // Only when nothing waits: a flush a line would be a system call a line.
                if waiting.is_empty() && output.flush().await.is_err() {
                    return;
                }
            }
            // The client may be gone; there is nobody to tell.
            let _ = output.flush().await;
        };
        (Self { lines, unwanted: Arc::default() }, write)
    }

    /// From now on these notifications are not sent.
    pub(crate) fn opt_out(&self, methods: BTreeSet<String>) {
        // Said once, in `initialize`, which is taken once.
        let _ = self.unwanted.set(methods);
    }

    /// Answers a request, whose place in the queue is free when the answer is written.
    pub(crate) async fn answer(
        &self,
        id: Option<&RequestId>,
        outcome: Result<Reply, RpcError>,
        place: Option<OwnedSemaphorePermit>,
    ) {
        // A client that reads no more gets no more.
        if let Ok(room) = self.lines.reserve().await {
            room.send(Outgoing { line: wire::answer(id, outcome), _place: place });
        }
    }

    /// Notifies the client, unless it does not want that.
    pub(crate) async fn notify(&self, method: &str, params: &Value) {
        if self.unwanted.get().is_some_and(|unwanted| unwanted.contains(method)) {
            return;
        }
        if let Ok(room) = self.lines.reserve().await {
            room.send(Outgoing { line: wire::notification(method, params), _place: None });
        }
    }
}
