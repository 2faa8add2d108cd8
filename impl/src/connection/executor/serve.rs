//! The reference executor.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::process::{Command, Process};
use super::wire::{Data, Event, Lines, MAX_PROCESSES, Request, VERSION, line};
use crate::bounded;
use crate::config::Environment;
use crate::plugin::read_inside;

/// The messages that wait for the host to read them. A host that does not read stops the processes.
const MAX_WAITING: usize = 64;
/// How long the processes may take to end after the host is gone.
const END: Duration = Duration::from_secs(2);

/// Serves the protocol of executors on these streams until the input ends, then ends all processes. A
/// process gets a short list of the variables of `environment`, those that the host names, and those
/// that the host gives.
///
/// # Errors
/// The input cannot be read, or is not the protocol.
pub async fn serve_executor(
    input: impl AsyncBufRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    environment: Environment,
) -> io::Result<()> {
    let (events, waiting) = mpsc::channel(MAX_WAITING);
    let writing = tokio::spawn(write(output, waiting));
    let mut executor =
        Executor { environment, events, processes: BTreeMap::new(), tasks: TaskTracker::new() };
    let served = executor.serve(Lines::new(input)).await;
    executor.processes.values().for_each(Process::kill);
    executor.tasks.close();
    // What still runs is killed when its task is dropped with the runtime.
    let _ = tokio::time::timeout(END, executor.tasks.wait()).await;
    drop(executor);
    let _ = tokio::time::timeout(END, writing).await;
    served
}

async fn write(mut output: impl AsyncWrite + Unpin, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        // The input ends with the output, and with it the executor.
        if output.write_all(&line(&event)).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

struct Executor {
    environment: Environment,
    events: mpsc::Sender<Event>,
    processes: BTreeMap<u64, Process>,
    tasks: TaskTracker,
}

impl Executor {
    async fn serve(&mut self, mut lines: Lines<impl AsyncBufRead + Unpin>) -> io::Result<()> {
        self.say(Event::Hello { version: VERSION }).await;
        while let Some(line) = lines.next().await? {
            let request = serde_json::from_slice(&line);
            // Without the text of the line, which may hold secrets.
            self.handle(request.map_err(|_| io::Error::other("a line is not a request"))?).await;
        }
        Ok(())
    }

    async fn say(&self, event: Event) {
        // Fails if the host does not listen; then the input ends too.
        let _ = self.events.send(event).await;
    }

    async fn handle(&mut self, request: Request) {
        match request {
            Request::Spawn { process, command, args, cwd, env, env_vars } => {
                let command = Command { command, args, cwd, env, env_vars };
                let event = match self.spawn(process, command) {
                    Ok(()) => Event::Spawned { process },
                    Err(reason) => Event::Failed { process, reason },
                };
                self.say(event).await;
                if let Some(process) = self.processes.get_mut(&process) {
                    process.listen();
                }
            }
            Request::Stdin { process, data: Data(data) } => {
                if let Some(process) = self.processes.get(&process) {
                    process.write(data);
                }
            }
            Request::Close { process } => {
                if let Some(process) = self.processes.get_mut(&process) {
                    process.close();
                }
            }
            Request::Kill { process } => {
                self.processes.get(&process).inspect(|process| process.kill());
            }
            Request::Read { request, root, path } => {
                let events = self.events.clone();
                let read = move || read_inside(Path::new(&root), &path);
                self.tasks.spawn(async move {
                    let limited = || bounded::FILES.run(bounded::LIMIT, read);
                    let read = tokio::task::spawn_blocking(limited).await.ok().flatten();
                    let (data, error) = match read {
                        Some(Ok(text)) => (text.map(|text| Data(text.into_bytes())), None),
                        Some(Err(reason)) => (None, Some(reason)),
                        None => (None, Some(bounded::too_long())),
                    };
                    let _ = events.send(Event::File { request, data, error }).await;
                });
            }
        }
    }

    fn spawn(&mut self, process: u64, command: Command) -> Result<(), String> {
        self.processes.retain(|_, process| process.is_alive());
        if self.processes.contains_key(&process) {
            return Err(format!("there is a process {process} already"));
        }
        if self.processes.len() >= MAX_PROCESSES {
            return Err(format!("the executor runs {MAX_PROCESSES} processes already"));
        }
        let events = self.events.clone();
        let started = Process::start(process, command, &self.environment, events, &self.tasks)?;
        self.processes.insert(process, started);
        Ok(())
    }
}
