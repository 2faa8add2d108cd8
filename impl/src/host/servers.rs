//! The running servers of a thread, and the transition from one set to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::connector::Connector;
use super::resolved::Resolved;
use super::slot::{Lease, Outcome, Slot, Starter, StartupEvent, StartupEvents, StartupStatus};
use crate::connection::ConnectError;

/// The started servers of one resolved view. Dropping it closes every connection that neither a call
/// nor a later set uses.
pub struct ServerSet {
    resolved: Resolved,
    starter: Starter,
    slots: BTreeMap<Arc<str>, Arc<Slot>>,
}

impl ServerSet {
    /// Starts all enabled servers of this view concurrently. `tasks` ends when all of them are
    /// closed.
    #[must_use]
    pub fn start(
        resolved: Resolved,
        connector: Arc<dyn Connector>,
        events: Arc<dyn StartupEvents>,
        tasks: TaskTracker,
    ) -> Self {
        let starter = Starter { connector, view: resolved.clone(), events, tasks };
        Self { resolved, starter, slots: BTreeMap::new() }.filled(&BTreeMap::new(), |_| false)
    }

    /// The set for another view: keeps the servers that are the same there and starts the others.
    /// Restarts failed and broken servers whose names satisfy `retry`.
    #[must_use]
    pub fn succeeded_by(&self, resolved: Resolved, retry: impl Fn(&str) -> bool) -> Self {
        let mut starter = self.starter.clone();
        starter.view = resolved.clone();
        Self { resolved, starter, slots: BTreeMap::new() }.filled(&self.slots, retry)
    }

    /// The set in which this server is started again; `None` unless it failed or broke, in a way
    /// that may pass.
    #[must_use]
    pub fn recovered(&self, name: &str) -> Option<Self> {
        let (name, slot) = self.slots.get_key_value(name)?;
        let slot = slot.recovered(name, &self.starter)?;
        let mut slots = self.slots.clone();
        slots.insert(Arc::clone(name), slot);
        Some(Self { resolved: self.resolved.clone(), starter: self.starter.clone(), slots })
    }

    fn filled(
        mut self,
        earlier: &BTreeMap<Arc<str>, Arc<Slot>>,
        retry: impl Fn(&str) -> bool,
    ) -> Self {
        for (name, server) in self.resolved.view().iter().filter(|(_, server)| server.enabled) {
            let auth = self.resolved.auth_for(name, server);
            let kept = earlier
                .get(name)
                .filter(|slot| slot.serves(server, auth.as_ref(), retry(name)))
                .cloned();
            let slot = kept.unwrap_or_else(|| Slot::start(name, server, auth, &self.starter));
            self.slots.insert(Arc::clone(name), slot);
        }
        self
    }

    /// Reports the ready servers that this set took over from `earlier`.
    pub fn announce_kept(&self, earlier: &Self) {
        for (name, slot) in &self.slots {
            let kept = earlier.slots.get(name).is_some_and(|other| Arc::ptr_eq(slot, other));
            if kept && slot.is_ready() {
                let (name, status) = (Arc::clone(name), StartupStatus::Ready);
                self.starter.events.happened(StartupEvent { name, status, error: None });
            }
        }
    }

    /// The view of these servers.
    #[must_use]
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// Waits for the connection to this server. `None` if there is no such server, or it is
    /// disabled.
    pub async fn lease(&self, name: &str) -> Option<Result<Lease, Arc<ConnectError>>> {
        self.slots.get(name)?.lease().await
    }

    /// The required servers that are enabled. Waiting for them does not keep them open.
    #[must_use]
    pub fn required(&self) -> Required {
        let required = |name: &str| self.resolved.view().get(name).is_some_and(|s| s.required);
        let slots = self.slots.iter().filter(|(name, _)| required(name));
        Required(slots.map(|(name, slot)| (Arc::clone(name), slot.outcome())).collect())
    }
}

/// The required servers of a set.
pub struct Required(Vec<(Arc<str>, watch::Receiver<Option<Outcome>>)>);

impl Required {
    /// Waits for the starts, and returns the servers that failed with their errors. A server that is
    /// superseded meanwhile does not count.
    pub async fn missing(self) -> Vec<(Arc<str>, Arc<ConnectError>)> {
        let mut missing = Vec::new();
        for (name, mut outcome) in self.0 {
            let outcome = match outcome.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.clone(),
                Err(_) => None,
            };
            if let Some(Err(error)) = outcome {
                missing.push((name, error));
            }
        }
        missing
    }
}
