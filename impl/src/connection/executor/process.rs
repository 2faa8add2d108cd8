//! A process of an executor.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::error::{ConnectError, ServerAddress};
use super::super::group::{Group, Signal};
use super::super::secrets::Secrets;
use super::super::stdio;
use super::super::strays::Strays;
use super::wire::{Data, Event, MAX_CHUNK, MAX_UNREAD};
use crate::config::{EnvVar, Environment, Redacted, Stdio};

/// How long a process may take to exit after the request to exit, and its output to end.
const GRACE: Duration = Duration::from_millis(500);

/// What is started.
pub(super) struct Command {
    pub(super) command: String,
    pub(super) args: Vec<String>,
    pub(super) cwd: Option<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) env_vars: Vec<String>,
}

/// A process that was started.
pub(super) struct Process {
    /// Dropped to close its input.
    input: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// The bytes that it has not read.
    unread: Arc<AtomicUsize>,
    kill: CancellationToken,
    /// Cancelled at its end.
    ended: CancellationToken,
    /// Lets its events begin, after the one that it was started.
    listen: Option<oneshot::Sender<()>>,
}

impl Process {
    /// Starts it, with tasks that send its output and its end.
    pub(super) fn start(
        id: u64,
        command: Command,
        environment: &Environment,
        events: mpsc::Sender<Event>,
        tasks: &TaskTracker,
    ) -> Result<Self, String> {
        let address = ServerAddress { server: String::new(), at: String::new() };
        let stdio = Stdio {
            command: command.command,
            args: command.args,
            env: Some(command.env.into_iter().map(|(n, v)| (n, Redacted::from(v))).collect()),
            env_vars: command.env_vars.into_iter().map(EnvVar::Name).collect(),
            cwd: command.cwd,
        };
        let prepared = stdio::command(&address, &stdio, environment, None, &Secrets::default());
        let mut prepared = prepared.map_err(|error| match error {
            ConnectError::SpawnFailed { reason, .. } => reason,
            error => error.to_string(),
        })?;
        // Discarded: it may hold secrets.
        prepared.stderr(std::process::Stdio::null());
        let (mut child, group) = Group::start(&mut prepared).map_err(|error| error.to_string())?;
        let pipes = (child.stdin.take(), child.stdout.take());
        let (Some(stdin), Some(stdout)) = pipes else { return Err("it has no pipe".to_owned()) };
        let unread = Arc::new(AtomicUsize::new(0));
        let (input, given) = mpsc::unbounded_channel();
        tasks.spawn(feed(stdin, given, Arc::clone(&unread)));
        let (kill, ended) = (CancellationToken::new(), CancellationToken::new());
        let (listen, listening) = oneshot::channel();
        let running = Running { id, child, group, kill: kill.clone() };
        let end = ended.clone();
        tasks.spawn(async move {
            let _end = end.drop_guard();
            // Fails if the executor is over; then the output goes nowhere anyway.
            let _ = listening.await;
            running.run(stdout, events).await;
        });
        Ok(Self { input: Some(input), unread, kill, ended, listen: Some(listen) })
    }

    /// Lets its events begin.
    pub(super) fn listen(&mut self) {
        if let Some(listen) = self.listen.take() {
            let _ = listen.send(());
        }
    }

    /// Writes to its input. A process that leaves too much unread is ended.
    pub(super) fn write(&self, data: Vec<u8>) {
        let Some(input) = &self.input else { return };
        if self.unread.fetch_add(data.len(), Ordering::Relaxed) > MAX_UNREAD {
            self.kill();
        }
        // Fails if its input is closed.
        let _ = input.send(data);
    }

    pub(super) fn close(&mut self) {
        self.input = None;
    }

    pub(super) fn kill(&self) {
        self.kill.cancel();
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.ended.is_cancelled()
    }
}

/// Writes what is given to a process, and closes its input at the end.
async fn feed(
    mut stdin: ChildStdin,
    mut given: mpsc::UnboundedReceiver<Vec<u8>>,
    unread: Arc<AtomicUsize>,
) {
    while let Some(data) = given.recv().await {
        if stdin.write_all(&data).await.is_err() {
            return;
        }
        unread.fetch_sub(data.len(), Ordering::Relaxed);
    }
}

struct Running {
    id: u64,
    // Dropped before the process: once that is waited for, its id may be reused.
    group: Group,
    child: Child,
    kill: CancellationToken,
}

impl Running {
    async fn run(mut self, stdout: ChildStdout, events: mpsc::Sender<Event>) {
        let id = self.id;
        let sending = tokio::spawn(send(id, stdout, events.clone()));
        let exited = tokio::select! {
            status = self.group.wait(&mut self.child) => status.ok(),
            () = self.kill.cancelled() => self.end().await,
        };
        let status = exited.map_or_else(|| "killed".to_owned(), |status| status.to_string());
        let aborted = sending.abort_handle();
        let _ = tokio::time::timeout(GRACE, sending).await;
        aborted.abort();
        // Kills what is left of the group.
        drop(self);
        let _ = events.send(Event::Exit { process: id, status }).await;
    }

    /// Asks the process to exit, then kills it.
    async fn end(&mut self) -> Option<ExitStatus> {
        let mut strays = Strays::default();
        if let Some(leader) = self.group.id() {
            strays.look(leader);
        }
        let mut status = None;
        for signal in [Signal::Ask, Signal::Kill] {
            self.group.signal(&mut self.child, signal);
            let exit = tokio::time::timeout(GRACE, self.group.wait(&mut self.child)).await;
            if let Ok(exit) = exit {
                status = exit.ok();
                break;
            }
        }
        strays.kill();
        status
    }
}

async fn send(process: u64, mut stdout: ChildStdout, events: mpsc::Sender<Event>) {
    let mut buffer = vec![0; MAX_CHUNK];
    while let Ok(read) = stdout.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        let data = buffer.get(..read).unwrap_or_default().to_vec();
        if events.send(Event::Stdout { process, data: Data(data) }).await.is_err() {
            return;
        }
    }
}
