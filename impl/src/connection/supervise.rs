//! Supervises a server's process from its start to the end of its process group.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::ending::{Ending, Process, SharedStrays};
use super::failure::{Failure, Slot};
use super::group::{Group, Signal};
use super::pipe::{Breaker, PipeTransport};

/// How long the process may take to exit after its input is closed, and again after the request to
/// exit.
const GRACE: Duration = Duration::from_millis(500);
/// The time between two checks whether a process group is gone.
const POLL: Duration = Duration::from_millis(10);

/// Starts a process, and a task that ends its group when `ending` is cancelled, the process exits or
/// the runtime ends.
pub(super) fn spawn(
    mut command: Command,
    max_line: usize,
    session: Slot,
    ending: &Ending,
) -> io::Result<(PipeTransport, Process)> {
    let (mut child, group) = Group::start(&mut command)?;
    let pipe = || io::Error::other("it has no pipe");
    let stdin = child.stdin.take().ok_or_else(pipe)?;
    let stdout = child.stdout.take().ok_or_else(pipe)?;
    let mut stderr = child.stderr.take().ok_or_else(pipe)?;
    // Read so that the process does not block, and discarded: it may hold secrets.
    let drain = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    });
    let (exited, finished) = (CancellationToken::new(), CancellationToken::new());
    let strays = SharedStrays { leader: group.id(), strays: Arc::default() };
    let process =
        Process { exited: exited.clone(), finished: finished.clone(), strays: strays.clone() };
    let supervisor = Supervisor {
        child,
        group,
        session: session.clone(),
        stop: ending.stop.clone(),
        ended: ending.ended.clone(),
        exited,
        strays,
    };
    tokio::spawn(async move {
        let _finished = finished.drop_guard();
        supervisor.run().await;
        drain.abort();
    });
    let breaker = Breaker { session, stop: ending.stop.clone() };
    Ok((PipeTransport::new(Box::new(stdout), Box::new(stdin), max_line, breaker), process))
}

struct Supervisor {
    // Dropped before the process: once that is waited for, its id may be reused.
    group: Group,
    child: Child,
    session: Slot,
    stop: CancellationToken,
    ended: CancellationToken,
    exited: CancellationToken,
    strays: SharedStrays,
}

impl Supervisor {
    async fn run(mut self) {
        let (stop, ended) = (self.stop.clone(), self.ended.clone());
        tokio::select! {
            () = self.exit() => {
                // Its last output may not have been read yet.
                let _ = tokio::time::timeout(GRACE, ended.cancelled()).await;
            }
            // It closed its output, which also ends the connection.
            () = ended.cancelled() => {}
            () = stop.cancelled() => {}
        }
        self.end().await;
    }

    /// Waits for the exit of the process itself.
    async fn exit(&mut self) {
        if let Ok(status) = self.group.wait(&mut self.child).await {
            // A requested exit is not a failure.
            if !self.stop.is_cancelled() {
                self.session.set_first(Failure::Exited(status.to_string()));
            }
        }
        self.exited.cancel();
    }

    /// Ends the whole group, whose input is already closed: waits, then asks, then kills.
    async fn end(mut self) {
        for signal in [None, Some(Signal::Ask), Some(Signal::Kill)] {
            if !self.exited.is_cancelled() {
                self.strays.look();
            }
            if let Some(signal) = signal {
                if !self.stop.is_cancelled() {
                    self.session.set_first(Failure::Protocol("it closed its output"));
                    self.stop.cancel();
                }
                self.group.signal(&mut self.child, signal);
            }
            let gone = async {
                self.exit().await;
                while self.group.is_alive() {
                    tokio::time::sleep(POLL).await;
                }
            };
            if tokio::time::timeout(GRACE, gone).await.is_ok() {
                break;
            }
        }
        self.strays.kill();
        self.stop.cancel();
        self.exited.cancel();
    }
}
