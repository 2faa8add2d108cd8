//! One server of a thread, which is starting, ready or failed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::connector::{Connector, ServerConnection};
use super::recovery::Recovery;
use super::resolved::Resolved;
use crate::auth::AuthNow;
use crate::config::ServerConfig;
use crate::connection::ConnectError;

/// The status of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartupStatus {
    /// In progress.
    Starting,
    /// The server can be used.
    Ready,
    /// The server cannot be used.
    Failed,
    /// The server was superseded before it was ready.
    Cancelled,
}

impl StartupStatus {
    /// The value in the app-server protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A change of a start's status.
#[derive(Debug, Clone)]
pub struct StartupEvent {
    /// The server.
    pub name: Arc<str>,
    /// The new status.
    pub status: StartupStatus,
    /// The error of a failed start.
    pub error: Option<String>,
}

/// Receives startup events.
pub trait StartupEvents: Send + Sync {
    /// Receives an event. Must not block: the start would block too.
    fn happened(&self, event: StartupEvent);
}

/// The context of starts.
#[derive(Clone)]
pub(super) struct Starter {
    pub(super) connector: Arc<dyn Connector>,
    /// The view of the servers, whose sign-in decides what they get.
    pub(super) view: Resolved,
    pub(super) events: Arc<dyn StartupEvents>,
    pub(super) tasks: TaskTracker,
}

pub(super) type Outcome = Result<Arc<dyn ServerConnection>, Arc<ConnectError>>;

/// One server and its connection, which is closed with the last owner.
pub(super) struct Slot {
    server: Arc<ServerConfig>,
    /// The sign-in that the connection depends on, if any.
    auth: Option<Arc<AuthNow>>,
    outcome: watch::Receiver<Option<Outcome>>,
    recovery: Recovery,
    _alive: DropGuard,
}

/// A use of a connection, which stays open meanwhile.
pub struct Lease {
    connection: Arc<dyn ServerConnection>,
    _slot: Arc<Slot>,
}

impl std::ops::Deref for Lease {
    type Target = dyn ServerConnection;

    fn deref(&self) -> &Self::Target {
        &*self.connection
    }
}

impl Slot {
    /// Starts this server in a task.
    pub(super) fn start(
        name: &Arc<str>,
        server: &Arc<ServerConfig>,
        auth: Option<Arc<AuthNow>>,
        starter: &Starter,
    ) -> Arc<Self> {
        Self::start_after(Duration::ZERO, name, server, auth, starter, Recovery::new())
    }

    fn start_after(
        delay: Duration,
        name: &Arc<str>,
        server: &Arc<ServerConfig>,
        auth: Option<Arc<AuthNow>>,
        starter: &Starter,
        recovery: Recovery,
    ) -> Arc<Self> {
        let superseded = CancellationToken::new();
        let (publish, outcome) = watch::channel(None);
        let run =
            run(Arc::clone(name), Arc::clone(server), starter.clone(), superseded.clone(), publish);
        let waited = superseded.clone();
        starter.tasks.spawn(async move {
            if waited.run_until_cancelled(tokio::time::sleep(delay)).await.is_some() {
                run.await;
            }
        });
        let server = Arc::clone(server);
        Arc::new(Self { server, auth, outcome, recovery, _alive: superseded.drop_guard() })
    }

    /// Starts the server again if the start failed or the connection broke. `None` if it is in use,
    /// or if another start would fail in the same way.
    pub(super) fn recovered(&self, name: &Arc<str>, starter: &Starter) -> Option<Arc<Self>> {
        let can_recover = match &*self.outcome.borrow() {
            None => false,
            Some(Ok(connection)) => connection.is_closed(),
            Some(Err(error)) => error.can_pass(),
        };
        let (delay, recovery) = can_recover.then(|| self.recovery.restarted())?;
        let auth = self.auth.clone();
        Some(Self::start_after(delay, name, &self.server, auth, starter, recovery))
    }

    /// Whether this slot fits the server and the sign-in. With `retry`, a failed or broken one does
    /// not.
    pub(super) fn serves(
        &self,
        server: &Arc<ServerConfig>,
        auth: Option<&Arc<AuthNow>>,
        retry: bool,
    ) -> bool {
        let (same_account, unchanged) = match (&self.auth, auth) {
            (None, None) => (true, true),
            (Some(mine), Some(other)) => (mine.same_account(other), Arc::ptr_eq(mine, other)),
            _ => return false,
        };
        let usable = match &*self.outcome.borrow() {
            None => true,
            Some(Ok(connection)) => !connection.is_closed(),
            Some(Err(_)) => false,
        };
        // A new sign-in restarts servers that failed without it.
        same_account && *self.server == **server && (usable || (unchanged && !retry))
    }

    /// Whether the start succeeded.
    pub(super) fn is_ready(&self) -> bool {
        matches!(&*self.outcome.borrow(), Some(Ok(_)))
    }

    /// The outcome of the start.
    pub(super) fn outcome(&self) -> watch::Receiver<Option<Outcome>> {
        self.outcome.clone()
    }

    /// Waits for the connection. `None` only at the end of the host.
    pub(super) async fn lease(self: &Arc<Self>) -> Option<Result<Lease, Arc<ConnectError>>> {
        let mut outcome = self.outcome.clone();
        let outcome = outcome.wait_for(Option::is_some).await.ok()?.clone()?;
        Some(outcome.map(|connection| Lease { connection, _slot: Arc::clone(self) }))
    }
}

/// Starts a server, keeps its connection until it is superseded, and closes it.
async fn run(
    name: Arc<str>,
    server: Arc<ServerConfig>,
    starter: Starter,
    superseded: CancellationToken,
    publish: watch::Sender<Option<Outcome>>,
) {
    let report = |status, error| {
        let event = StartupEvent { name: Arc::clone(&name), status, error };
        starter.events.happened(event);
    };
    report(StartupStatus::Starting, None);
    let started = starter.connector.connect(&starter.view, &name, &server);
    let Some(started) = superseded.run_until_cancelled(started).await else {
        report(StartupStatus::Cancelled, None);
        return;
    };
    match started {
        Ok(connection) => {
            let connection: Arc<dyn ServerConnection> = connection.into();
            // Fails if the slot is gone; then the token is already cancelled.
            let _ = publish.send(Some(Ok(Arc::clone(&connection))));
            report(StartupStatus::Ready, None);
            superseded.cancelled().await;
            connection.shutdown().await;
        }
        Err(error) => {
            let message = error.to_string();
            let _ = publish.send(Some(Err(Arc::new(error))));
            report(StartupStatus::Failed, Some(message));
        }
    }
}
