//! The end of a connection.

use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

/// How long to wait for the exit status of a process that closed its output.
const SETTLE: Duration = Duration::from_millis(500);

/// Signals of a process.
pub(super) struct Process {
    /// Cancelled when the process itself has exited.
    pub(super) exited: CancellationToken,
    /// Cancelled when its process group is gone, or has been killed.
    pub(super) finished: CancellationToken,
}

/// Signals of the end of a connection.
pub(super) struct Ending {
    /// Cancelled to end the connection and all its requests.
    pub(super) stop: CancellationToken,
    /// Cancels `stop` when the connection is dropped.
    _alive: DropGuard,
    /// Cancelled when the transport has ended.
    pub(super) ended: CancellationToken,
    pub(super) process: Option<Process>,
}

impl Default for Ending {
    fn default() -> Self {
        let stop = CancellationToken::new();
        let _alive = stop.clone().drop_guard();
        Self { stop, _alive, ended: CancellationToken::new(), process: None }
    }
}

impl Ending {
    /// Waits for the reason why the connection broke: a process closes its output a moment before it
    /// exits.
    pub(super) async fn settle(&self) {
        if let Some(process) = &self.process {
            let _ = tokio::time::timeout(SETTLE, process.exited.cancelled()).await;
        }
    }

    pub(super) async fn finish(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
        if let Some(process) = &self.process {
            process.finished.cancelled().await;
        }
    }
}
