//! Threads, each with its own connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::outgoing::Client;
use super::wire::{RpcError, echo};
use crate::host::{
    ConfigLayer, ConfigNowError, Configuration, Connector, Host, ServerSet, StartupEvent,
    StartupEvents,
};

/// The maximum number of threads: each may run a process per server.
const MAX_THREADS: usize = 1_000;

/// A thread of the client.
pub(crate) struct Thread {
    id: Uuid,
    /// The thread's own overrides of the configuration.
    layer: Option<ConfigLayer>,
    servers: Mutex<Servers>,
}

struct Servers {
    configuration: Configuration,
    set: Arc<ServerSet>,
}

impl Thread {
    /// Starts a thread and its servers; returns the startup events too.
    pub(crate) fn start(
        host: &Host,
        layer: Option<ConfigLayer>,
        configuration: Configuration,
        connector: Arc<dyn Connector>,
        tasks: TaskTracker,
    ) -> (Self, Events) {
        let id = Uuid::now_v7();
        let (sender, events) = mpsc::unbounded_channel();
        let resolved = host.resolved(&configuration);
        let set = ServerSet::start(resolved, connector, Arc::new(EventSender(sender)), tasks);
        let servers = Servers { configuration, set: Arc::new(set) };
        (Self { id, layer, servers: Mutex::new(servers) }, Events { thread: id, events })
    }

    /// Its layer of the configuration, if it selects plugins.
    pub(crate) fn selecting_layer(&self) -> Option<&Option<ConfigLayer>> {
        self.layer.as_ref().filter(|layer| layer.selects_plugins()).map(|_| &self.layer)
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The configuration with the thread's own overrides; `base` if it has none.
    pub(crate) async fn configuration(
        &self,
        host: &Host,
        base: &Configuration,
    ) -> Result<Configuration, ConfigNowError> {
        match &self.layer {
            None => Ok(base.clone()),
            layer => host.latest_of(layer).await,
        }
    }

    /// Gives the thread this configuration. New servers start now, so that the next call need not
    /// wait for them; calls that began earlier keep the servers they have. Clients wait for the
    /// status of every server after a reload, so kept ones are announced too.
    pub(crate) fn reload(&self, host: &Host, configuration: Configuration) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let resolved = host.resolved(&configuration);
        servers.configuration = configuration;
        let set = servers.set.succeeded_by(resolved, |_| true);
        set.announce_kept(&servers.set);
        servers.set = Arc::new(set);
    }

    /// The thread's servers for its next use, for the account that is signed in now. Calls that
    /// began earlier keep the servers they have.
    pub(crate) fn servers(&self, host: &Host) -> Arc<ServerSet> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let resolved = host.resolved(&servers.configuration);
        if !resolved.is_same(servers.set.resolved()) {
            servers.set = Arc::new(servers.set.succeeded_by(resolved, |_| false));
        }
        Arc::clone(&servers.set)
    }

    /// The thread's servers for a use of this one, which is started again if it failed or broke:
    /// once for all uses that wait for the start.
    pub(crate) fn servers_with(&self, host: &Host, name: &str) -> Arc<ServerSet> {
        self.servers(host);
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = servers.set.recovered(name) {
            servers.set = Arc::new(set);
        }
        Arc::clone(&servers.set)
    }

    /// Restarts this server if it failed or broke.
    pub(crate) fn retry(&self, host: &Host, name: &str) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let resolved = host.resolved(&servers.configuration);
        servers.set = Arc::new(servers.set.succeeded_by(resolved, |other| other == name));
    }
}

/// All threads.
#[derive(Default)]
pub(crate) struct Threads(Mutex<BTreeMap<Uuid, Arc<Thread>>>);

impl Threads {
    /// Whether there is room for one more.
    pub(crate) fn have_room(&self) -> Result<(), RpcError> {
        if self.with(|threads| threads.len()) < MAX_THREADS {
            return Ok(());
        }
        let message = format!("there are {MAX_THREADS} threads already: unsubscribe from one");
        Err(RpcError::invalid_request(message))
    }

    /// Adds a thread.
    pub(crate) fn add(&self, thread: Arc<Thread>) {
        self.with(|threads| threads.insert(thread.id, thread));
    }

    /// The thread of this id.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Thread>, RpcError> {
        let not_found = || RpcError::invalid_request(format!("thread not found: {}", echo(id)));
        let parsed = Uuid::parse_str(id).map_err(|_| not_found())?;
        self.with(|threads| threads.get(&parsed).cloned()).ok_or_else(not_found)
    }

    /// Removes the thread of this id; its connections close when no call uses them.
    pub(crate) fn remove(&self, id: Uuid) -> bool {
        self.with(|threads| threads.remove(&id)).is_some()
    }

    /// All current threads.
    pub(crate) fn all(&self) -> Vec<Arc<Thread>> {
        self.with(|threads| threads.values().cloned().collect())
    }

    /// Removes all threads.
    pub(crate) fn clear(&self) {
        // Taken out first, so that connections are not closed under the lock.
        drop(self.with(std::mem::take));
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<Uuid, Arc<Thread>>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Queues the startup events of a thread.
struct EventSender(mpsc::UnboundedSender<StartupEvent>);

impl StartupEvents for EventSender {
    fn happened(&self, event: StartupEvent) {
        // Fails at the end of the host, when nothing receives.
        let _ = self.0.send(event);
    }
}

/// The queued startup events of a thread. Each start has a few events, and starts are bounded like
/// the requests that cause them.
pub(crate) struct Events {
    thread: Uuid,
    events: mpsc::UnboundedReceiver<StartupEvent>,
}

impl Events {
    /// Sends all queued and future events to the client.
    pub(crate) async fn announce(mut self, client: Client) {
        while let Some(event) = self.events.recv().await {
            let params = json!({
                "threadId": self.thread,
                "name": event.name,
                "status": event.status.as_str(),
                "error": event.error,
            });
            client.notify("mcpServer/startupStatus/updated", &params).await;
        }
    }
}
