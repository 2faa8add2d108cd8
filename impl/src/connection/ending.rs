//! How a connection ends.

use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a process whose output ended has to end itself, for its status to be known.
const SETTLE: Duration = Duration::from_millis(500);

/// What becomes of a process.
pub(super) struct Process {
    /// Cancelled when the process itself has ended.
    pub(super) exited: CancellationToken,
    /// Cancelled when nothing of its group is left, or as much as can be done is done.
    pub(super) finished: CancellationToken,
}

/// How a connection ends.
pub(super) struct Ending {
    /// Cancelled when the connection is to end. All its requests end with it.
    pub(super) stop: CancellationToken,
    /// Cancels `stop` when the connection is dropped.
    _alive: DropGuard,
    /// Cancelled when nothing is received any more.
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
    /// Waits until it is known why the connection broke: a process closes its output a moment
    /// before it has ended.
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
