//! The host's side of one executor.

use std::collections::BTreeMap;
use std::io;
use std::process::Stdio as Pipe;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::group::Group;
use super::wire::{Data, Event, Lines, MAX_PROCESSES, MAX_UNREAD, Request, VERSION, line};
use crate::config::{EnvVar, Environment, Stdio};

/// How long an executor may take to say hello.
const START: Duration = Duration::from_secs(10);
/// How long it may take to read a file.
const READ: Duration = Duration::from_secs(10);
/// How long to wait for its exit status after its output ended.
const SETTLE: Duration = Duration::from_millis(500);
/// The requests that wait for the executor to read them.
const MAX_WAITING: usize = 64;

/// An executor that runs. It ends with its last owner.
pub(super) struct Executor {
    pub(super) requests: mpsc::Sender<Request>,
    live: Arc<Live>,
    next: AtomicU64,
    _alive: DropGuard,
}

/// What waits for the executor.
#[derive(Default)]
struct Live(Mutex<Waiting>);

/// A file, if there is one, or why it cannot be read.
type FileRead = Result<Option<Vec<u8>>, String>;

#[derive(Default)]
struct Waiting {
    hello: Option<oneshot::Sender<()>>,
    processes: BTreeMap<u64, Attached>,
    files: BTreeMap<u64, oneshot::Sender<FileRead>>,
    /// Why the executor is gone.
    gone: Option<String>,
}

/// The host's end of a process.
struct Attached {
    started: Option<oneshot::Sender<Result<(), String>>>,
    output: mpsc::UnboundedSender<Vec<u8>>,
    unread: Arc<AtomicUsize>,
    end: oneshot::Sender<End>,
}

/// How a process ended.
pub(super) enum End {
    /// It exited with this status.
    Exited(String),
    /// It wrote more than the host read.
    Flooded,
    /// Its executor is gone, for this reason.
    Gone(String),
}

/// A process that was started.
pub(super) struct Remote {
    pub(super) id: u64,
    pub(super) output: mpsc::UnboundedReceiver<Vec<u8>>,
    /// The bytes that the host has not read.
    pub(super) unread: Arc<AtomicUsize>,
    pub(super) end: oneshot::Receiver<End>,
}

/// What is started.
pub(super) struct Spawn {
    pub(super) stdio: Stdio,
    pub(super) env: BTreeMap<String, String>,
    pub(super) env_vars: Vec<String>,
}

impl Executor {
    /// Starts it. It gets the variables that its definition names and gives, and no others.
    pub(super) async fn start(
        definition: &Stdio,
        environment: &Environment,
    ) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("it cannot be started: {error}");
        let mut command = command(definition, environment);
        let (mut child, mut group) = Group::start(&mut command).map_err(cannot)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("it has no pipe".to_owned());
        };
        let (requests, waiting) = mpsc::channel(MAX_WAITING);
        let (hello, said_hello) = oneshot::channel();
        let live = Arc::new(Live::default());
        live.lock().hello = Some(hello);
        let stop = CancellationToken::new();
        let (reading, stopped) = (Arc::clone(&live), stop.clone());
        tokio::spawn(async move {
            let writing = tokio::spawn(write(stdin, waiting));
            let read = stopped.run_until_cancelled(reading.read(stdout)).await;
            let reason = match read {
                Some(Some(reason)) => reason,
                // It closes its output a moment before it exits.
                Some(None) => match tokio::time::timeout(SETTLE, group.wait(&mut child)).await {
                    Ok(Ok(status)) => format!("it exited ({status})"),
                    _ => "it closed its output".to_owned(),
                },
                None => "it was ended".to_owned(),
            };
            writing.abort();
            reading.end(&reason);
            // Kills it, if it lives.
            drop(group);
        });
        let _alive = stop.drop_guard();
        let executor = Self { requests, live, next: AtomicU64::new(1), _alive };
        match tokio::time::timeout(START, said_hello).await {
            Ok(Ok(())) => Ok(executor),
            Ok(Err(_)) => Err(executor.gone().unwrap_or_default()),
            Err(_) => Err(format!("it does not say hello within {} seconds", START.as_secs())),
        }
    }

    /// Why it is gone, if it is.
    pub(super) fn gone(&self) -> Option<String> {
        self.live.lock().gone.clone()
    }

    fn was_gone(&self) -> String {
        self.gone().unwrap_or_else(|| "it does not answer".to_owned())
    }

    /// Starts a process. `Err(Ok(…))` is why the process cannot be started, `Err(Err(…))` why the
    /// executor cannot start any.
    pub(super) async fn spawn(&self, spawn: Spawn) -> Result<Remote, Result<String, String>> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let ((output, read), unread) = (mpsc::unbounded_channel(), Arc::new(AtomicUsize::new(0)));
        let ((started, is_started), (ended, end)) = (oneshot::channel(), oneshot::channel());
        {
            let mut waiting = self.live.lock();
            if let Some(reason) = &waiting.gone {
                return Err(Err(reason.clone()));
            }
            if waiting.processes.len() >= MAX_PROCESSES {
                return Err(Err(format!("it runs {MAX_PROCESSES} processes already")));
            }
            let started = Some(started);
            let attached = Attached { started, output, unread: Arc::clone(&unread), end: ended };
            waiting.processes.insert(id, attached);
        }
        // Ends the process if the caller gives up before it has started.
        let mut unused = Unused { id: Some(id), executor: self };
        let Spawn { stdio: Stdio { command, args, cwd, .. }, env, env_vars } = spawn;
        let request = Request::Spawn { process: id, command, args, cwd, env, env_vars };
        self.requests.send(request).await.map_err(|_| Err(self.was_gone()))?;
        match is_started.await {
            Ok(Ok(())) => {
                unused.id = None;
                Ok(Remote { id, output: read, unread, end })
            }
            Ok(Err(reason)) => Err(Ok(reason)),
            Err(_) => Err(Err(self.was_gone())),
        }
    }

    /// The text of a file of the plugin at `root`; `None` if there is none.
    pub(super) async fn read(&self, root: &str, path: &str) -> Result<Option<String>, String> {
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.live.lock();
            if let Some(reason) = &waiting.gone {
                return Err(reason.clone());
            }
            waiting.files.insert(request, answer);
        }
        let (root, path) = (root.to_owned(), path.to_owned());
        let read = async {
            let sent = self.requests.send(Request::Read { request, root, path }).await;
            sent.map_err(|_| self.was_gone())?;
            answered.await.map_err(|_| self.was_gone())?
        };
        let read = tokio::time::timeout(READ, read).await;
        self.live.lock().files.remove(&request);
        let late = || format!("it does not answer within {} seconds", READ.as_secs());
        let bytes = read.map_err(|_| late())??;
        bytes.map(String::from_utf8).transpose().map_err(|_| "the file is not UTF-8".to_owned())
    }
}

/// A process that nothing uses yet, unless it has no id. It is ended with this value.
struct Unused<'a> {
    id: Option<u64>,
    executor: &'a Executor,
}

impl Drop for Unused<'_> {
    fn drop(&mut self) {
        let Some(process) = self.id else { return };
        self.executor.live.lock().processes.remove(&process);
        // Fails if the executor does not read; then it has bigger problems.
        let _ = self.executor.requests.try_send(Request::Kill { process });
    }
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the executor says until its end. Returns why it cannot go on; `None` if the output
    /// ended.
    async fn read(&self, stdout: ChildStdout) -> Option<String> {
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, stdout));
        loop {
            match lines.next().await {
                Ok(Some(line)) => {
                    let Ok(event) = serde_json::from_slice(&line) else {
                        return Some("it does not speak the protocol of executors".to_owned());
                    };
                    if let Err(reason) = self.handle(event) {
                        return Some(reason);
                    }
                }
                Ok(None) => return None,
                Err(error) => return Some(error.to_string()),
            }
        }
    }

    /// Unknown processes and requests are those that the host gave up.
    fn handle(&self, event: Event) -> Result<(), String> {
        let mut waiting = self.lock();
        match event {
            Event::Hello { version: VERSION } => {
                if let Some(hello) = waiting.hello.take() {
                    let _ = hello.send(());
                }
            }
            Event::Hello { version } => {
                return Err(format!("it speaks version {version} of the protocol, not {VERSION}"));
            }
            Event::Spawned { process } => {
                let attached = waiting.processes.get_mut(&process);
                if let Some(started) = attached.and_then(|attached| attached.started.take()) {
                    let _ = started.send(Ok(()));
                }
            }
            Event::Failed { process, reason } => {
                let attached = waiting.processes.remove(&process);
                if let Some(started) = attached.and_then(|attached| attached.started) {
                    let _ = started.send(Err(reason));
                }
            }
            Event::Stdout { process, data: Data(data) } => {
                let Some(attached) = waiting.processes.get(&process) else { return Ok(()) };
                let size = data.len();
                if attached.unread.fetch_add(size, Ordering::Relaxed) + size > MAX_UNREAD {
                    let attached = waiting.processes.remove(&process);
                    attached.map(|attached| attached.end.send(End::Flooded));
                } else {
                    let _ = attached.output.send(data);
                }
            }
            Event::Exit { process, status } => {
                let attached = waiting.processes.remove(&process);
                attached.map(|attached| attached.end.send(End::Exited(status)));
            }
            Event::File { request, data, error } => {
                if let Some(answer) = waiting.files.remove(&request) {
                    let data = data.map(|Data(data)| data);
                    let _ = answer.send(error.map_or(Ok(data), Err));
                }
            }
        }
        Ok(())
    }

    /// Tells everyone that the executor is gone.
    fn end(&self, reason: &str) {
        let mut waiting = self.lock();
        let Waiting { processes, .. } = std::mem::take(&mut *waiting);
        waiting.gone = Some(reason.to_owned());
        for attached in processes.into_values() {
            let _ = attached.end.send(End::Gone(reason.to_owned()));
        }
    }
}

/// Writes requests until the executor is gone. Closing its input ends it.
async fn write(mut stdin: ChildStdin, mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.recv().await {
        if stdin.write_all(&line(&request)).await.is_err() {
            return;
        }
    }
}

/// The command of an executor. Its program is looked for as the host would, and what it gets of the
/// host's environment is what its definition says.
fn command(definition: &Stdio, environment: &Environment) -> Command {
    let is_bare = !definition.command.contains(std::path::MAIN_SEPARATOR);
    let path = environment.get("PATH").filter(|_| is_bare);
    let found = path.and_then(|path| {
        let mut candidates =
            std::env::split_paths(path).map(|folder| folder.join(&definition.command));
        candidates.find(|candidate| candidate.is_file())
    });
    let mut command = Command::new(found.unwrap_or_else(|| definition.command.clone().into()));
    command.args(&definition.args).env_clear();
    for variable in &definition.env_vars {
        let (EnvVar::Name(name) | EnvVar::Sourced { name, .. }) = variable;
        if let Some(value) = environment.get(name) {
            command.env(name, value);
        }
    }
    for (name, value) in definition.env.iter().flatten() {
        command.env(name, value.expose());
    }
    if let Some(folder) = &definition.cwd {
        command.current_dir(folder);
    }
    command.stdin(Pipe::piped()).stdout(Pipe::piped());
    // Discarded: it may hold secrets.
    command.stderr(Pipe::null()).kill_on_drop(true);
    command
}
