//! One server of a thread: starting, ready or failed.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::auth::AuthNow;
use crate::config::ServerConfig;
use crate::connection::{ConnectContext, ConnectError, Connection, connect};

/// How the start of a server is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartupStatus {
    /// Under way.
    Starting,
    /// It can be used.
    Ready,
    /// It cannot be used.
    Failed,
    /// It was superseded before it was ready.
    Cancelled,
}

impl StartupStatus {
    /// The word of the app-server protocol.
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

/// News of a server's start.
#[derive(Debug, Clone)]
pub struct StartupEvent {
    /// The server.
    pub name: Arc<str>,
    /// How it is going.
    pub status: StartupStatus,
    /// Why it failed.
    pub error: Option<String>,
}

/// Who hears of the starts of servers.
pub trait StartupEvents: Send + Sync {
    /// Something happened. Must not wait: the server's start would.
    fn happened(&self, event: StartupEvent);
}

/// What connections are made with.
#[derive(Clone)]
pub(super) struct Starter {
    pub(super) context: ConnectContext,
    pub(super) events: Arc<dyn StartupEvents>,
    pub(super) tasks: TaskTracker,
}

pub(super) type Outcome = Result<Arc<Connection>, Arc<ConnectError>>;

/// One server and its connection. When the last owner is gone, the connection is closed.
pub(super) struct Slot {
    server: Arc<ServerConfig>,
    /// The sign-in whose credentials it carries, if it carries the host's.
    auth: Option<Arc<AuthNow>>,
    outcome: watch::Receiver<Option<Outcome>>,
    _alive: DropGuard,
}

/// The right to use a connection: as long as it is held, the connection is not closed.
pub struct Lease {
    connection: Arc<Connection>,
    _slot: Arc<Slot>,
}

impl std::ops::Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Slot {
    /// Starts this server in a task of its own.
    pub(super) fn start(
        name: &Arc<str>,
        server: &Arc<ServerConfig>,
        auth: Option<Arc<AuthNow>>,
        starter: &Starter,
    ) -> Arc<Self> {
        let superseded = CancellationToken::new();
        let (publish, outcome) = watch::channel(None);
        let task =
            run(Arc::clone(name), Arc::clone(server), starter.clone(), superseded.clone(), publish);
        starter.tasks.spawn(task);
        let server = Arc::clone(server);
        Arc::new(Self { server, auth, outcome, _alive: superseded.drop_guard() })
    }

    /// Whether it is the connection that this server and sign-in would get. `retry`: one that
    /// failed or broke is not.
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
        // Whoever signs in again wants what failed without it.
        same_account && *self.server == **server && (usable || (unchanged && !retry))
    }

    /// How its start ends.
    pub(super) fn outcome(&self) -> watch::Receiver<Option<Outcome>> {
        self.outcome.clone()
    }

    /// The connection, once it is there. `None` only at the end of the host.
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
    let tell = |status, error| {
        let event = StartupEvent { name: Arc::clone(&name), status, error };
        starter.events.happened(event);
    };
    tell(StartupStatus::Starting, None);
    let started = connect(&name, &server, &starter.context);
    let Some(started) = superseded.run_until_cancelled(started).await else {
        tell(StartupStatus::Cancelled, None);
        return;
    };
    match started {
        Ok(connection) => {
            let connection = Arc::new(connection);
            // Nobody may be waiting any more; then the token is cancelled already.
            let _ = publish.send(Some(Ok(Arc::clone(&connection))));
            tell(StartupStatus::Ready, None);
            superseded.cancelled().await;
            connection.shutdown().await;
        }
        Err(error) => {
            let message = error.to_string();
            let _ = publish.send(Some(Err(Arc::new(error))));
            tell(StartupStatus::Failed, Some(message));
        }
    }
}
