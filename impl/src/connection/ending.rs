//! The end of a connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::strays::Strays;

/// How long to wait for the exit status of a process that closed its output.
const SETTLE: Duration = Duration::from_millis(500);

/// Signals of a process.
pub(super) struct Process {
    /// Cancelled when the process itself has exited.
    pub(super) exited: CancellationToken,
    /// Cancelled when its process group is gone, or has been killed.
    pub(super) finished: CancellationToken,
    pub(super) strays: SharedStrays,
}

/// The strays of the process, which are looked for before and during its end.
#[derive(Clone)]
pub(super) struct SharedStrays {
    pub(super) leader: Option<i32>,
    pub(super) strays: Arc<Mutex<Strays>>,
}

impl SharedStrays {
    /// Looks for strays while the process exists.
    pub(super) fn look(&self) {
        if let Some(leader) = self.leader {
            self.strays.lock().unwrap_or_else(PoisonError::into_inner).look(leader);
        }
    }

    pub(super) fn kill(&self) {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }
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
        if let Some(process) = &self.process
            && !process.exited.is_cancelled()
        {
            // Before its input is closed: it may exit at once, and its strays would have no parent.
            process.strays.look();
        }
        self.stop.cancel();
        self.ended.cancelled().await;
        if let Some(process) = &self.process {
            process.finished.cancelled().await;
        }
    }
}
