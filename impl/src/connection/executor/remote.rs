//! A stdio server that runs behind an executor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::super::ending::{Ending, Process, SharedStrays};
use super::super::error::{ConnectError, ServerAddress};
use super::super::failure::{Failure, Slot};
use super::super::pipe::{Breaker, PipeTransport};
use super::super::secrets::Secrets;
use super::client::{End, Executor, Remote, Spawn};
use super::pool::Environments;
use super::wire::{Data, MAX_CHUNK, Request};
use crate::config::{EnvVar, EnvVarSource, Environment, Stdio};

/// How long the process may take to exit after its input is closed.
const GRACE: Duration = Duration::from_millis(500);
/// How long its executor may take to end it.
const KILL: Duration = Duration::from_secs(2);
/// The bytes between the process and the protocol.
const BUFFER: usize = 64 * 1024;

/// Where a server runs, and what the host gives it.
pub(in super::super) struct Place<'a> {
    pub(in super::super) environments: &'a Environments,
    pub(in super::super) environment: &'a str,
    pub(in super::super) variables: &'a Environment,
    pub(in super::super) secrets: &'a Secrets,
    pub(in super::super) max_line: usize,
}

/// Starts the server in its environment, and tasks that end it when `ending` is cancelled or its
/// executor is gone.
pub(in super::super) async fn spawn(
    address: &ServerAddress,
    stdio: &Stdio,
    place: Place<'_>,
    session: Slot,
    ending: &Ending,
) -> Result<(PipeTransport, Process), ConnectError> {
    let environment = place.environment.to_owned();
    let gone = |reason: String| ConnectError::Executor {
        address: address.clone(),
        environment: environment.clone(),
        reason,
    };
    let executor = place.environments.executor(&environment, place.variables).await;
    let executor = executor.ok_or_else(|| ConnectError::NeedsExecutor {
        server: address.server.clone(),
        environment: environment.clone(),
    })?;
    let executor = executor.map_err(gone)?;
    let (env, env_vars) = variables(stdio, place.variables, place.secrets);
    let started = executor.spawn(Spawn { stdio: stdio.clone(), env, env_vars }).await;
    let remote = started.map_err(|failure| match failure {
        Ok(reason) => ConnectError::SpawnFailed { address: address.clone(), reason },
        Err(reason) => gone(reason),
    })?;
    let ((stdin, given), (output, stdout)) = (duplex(BUFFER), duplex(BUFFER));
    let Remote { id, output: read, unread, end } = remote;
    tokio::spawn(write(given, id, Arc::clone(&executor)));
    tokio::spawn(async move {
        let (mut output, mut read) = (output, read);
        while let Some(data) = read.recv().await {
            if output.write_all(&data).await.is_err() {
                return;
            }
            unread.fetch_sub(data.len(), Ordering::Relaxed);
        }
    });
    let (exited, finished) = (CancellationToken::new(), CancellationToken::new());
    let strays = SharedStrays { leader: None, strays: Arc::default() };
    let process = Process { exited: exited.clone(), finished: finished.clone(), strays };
    let supervisor = Supervisor {
        id,
        executor,
        environment,
        session: session.clone(),
        stop: ending.stop.clone(),
        ended: ending.ended.clone(),
        exited,
    };
    tokio::spawn(async move {
        let _finished = finished.drop_guard();
        supervisor.run(end).await;
    });
    let breaker = Breaker { session, stop: ending.stop.clone() };
    let transport = PipeTransport::new(Box::new(stdout), Box::new(stdin), place.max_line, breaker);
    Ok((transport, process))
}

/// What the host gives the process, and what it gets from its own environment. The host's own short
/// list of variables is not for another environment.
fn variables(
    stdio: &Stdio,
    host: &Environment,
    secrets: &Secrets,
) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut env, mut env_vars) = (BTreeMap::new(), Vec::new());
    for variable in &stdio.env_vars {
        match variable {
            EnvVar::Sourced { name, source: Some(EnvVarSource::Remote) } => {
                env_vars.push(name.clone());
            }
            EnvVar::Name(name) | EnvVar::Sourced { name, .. } => {
                let value = host.get(name).and_then(|value| value.to_str());
                env.extend(value.map(|value| (name.clone(), value.to_owned())));
            }
        }
    }
    let own = stdio.env.iter().flatten();
    env.extend(own.map(|(name, value)| (name.clone(), value.expose().to_owned())));
    env.values().for_each(|value| secrets.add(value));
    (env, env_vars)
}

/// Sends what the host writes to the process.
async fn write(mut given: DuplexStream, process: u64, executor: Arc<Executor>) {
    let mut buffer = vec![0; MAX_CHUNK];
    while let Ok(read) = given.read(&mut buffer).await {
        let data = Data(buffer.get(..read).unwrap_or_default().to_vec());
        let request = match read {
            0 => Request::Close { process },
            _ => Request::Stdin { process, data },
        };
        if executor.requests.send(request).await.is_err() || read == 0 {
            return;
        }
    }
}

struct Supervisor {
    id: u64,
    executor: Arc<Executor>,
    environment: String,
    session: Slot,
    stop: CancellationToken,
    ended: CancellationToken,
    exited: CancellationToken,
}

impl Supervisor {
    async fn run(self, mut end: oneshot::Receiver<End>) {
        let has_ended = tokio::select! {
            end = &mut end => {
                self.note(end);
                // Its last output may not have been read yet.
                let _ = tokio::time::timeout(GRACE, self.ended.cancelled()).await;
                true
            }
            // It closed its output, which also ends the connection.
            () = self.ended.cancelled() => false,
            () = self.stop.cancelled() => false,
        };
        if !has_ended {
            self.end(end).await;
        }
        self.stop.cancel();
        self.exited.cancel();
    }

    /// Keeps the reason of the end. A requested one is not a failure.
    fn note(&self, end: Result<End, oneshot::error::RecvError>) {
        if !self.stop.is_cancelled() {
            self.session.set_first(match end {
                Ok(End::Exited(status)) => Failure::Exited(status),
                Ok(End::Flooded) => Failure::Protocol("it writes faster than it is read"),
                Ok(End::Gone(reason)) => self.gone(reason),
                Err(_) => self.gone("it is gone".to_owned()),
            });
        }
        self.exited.cancel();
    }

    fn gone(&self, reason: String) -> Failure {
        Failure::Executor { environment: self.environment.clone(), reason }
    }

    /// Ends the process, whose input is already closed: waits, then has it killed.
    async fn end(&self, mut end: oneshot::Receiver<End>) {
        if let Ok(end) = tokio::time::timeout(GRACE, &mut end).await {
            return self.note(end);
        }
        if !self.stop.is_cancelled() {
            self.session.set_first(Failure::Protocol("it closed its output"));
            self.stop.cancel();
        }
        // If the executor does not read, the process ends with it.
        let kill = Request::Kill { process: self.id };
        let _ = tokio::time::timeout(KILL, self.executor.requests.send(kill)).await;
        let _ = tokio::time::timeout(KILL, end).await;
    }
}
