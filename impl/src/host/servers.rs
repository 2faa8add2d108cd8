//! The servers of a thread, and how one set of them takes the place of another.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::resolved::Resolved;
use super::slot::{Lease, Outcome, Slot, Starter, StartupEvents};
use crate::connection::{ConnectContext, ConnectError};

/// The started servers of one resolved view. Dropping it closes every connection that no call is
/// using any more and that no later set took over.
pub struct ServerSet {
    resolved: Resolved,
    starter: Starter,
    slots: BTreeMap<Arc<str>, Arc<Slot>>,
}

impl ServerSet {
    /// Starts all enabled servers of this view at the same time, none waiting for another. `tasks`
    /// is done when all of them are closed.
    #[must_use]
    pub fn start(
        resolved: Resolved,
        context: ConnectContext,
        events: Arc<dyn StartupEvents>,
        tasks: TaskTracker,
    ) -> Self {
        let starter = Starter { context, events, tasks };
        Self { resolved, starter, slots: BTreeMap::new() }.filled(&BTreeMap::new(), |_| false)
    }

    /// The set for another view: servers that are the same there go on, others are started. Those
    /// that failed or broke are started once more if `retry` says so of their names.
    #[must_use]
    pub fn succeeded_by(&self, resolved: Resolved, retry: impl Fn(&str) -> bool) -> Self {
        let starter = self.starter.clone();
        Self { resolved, starter, slots: BTreeMap::new() }.filled(&self.slots, retry)
    }

    fn filled(
        mut self,
        earlier: &BTreeMap<Arc<str>, Arc<Slot>>,
        retry: impl Fn(&str) -> bool,
    ) -> Self {
        for (name, server) in self.resolved.view().iter().filter(|(_, server)| server.enabled) {
            let auth = self.resolved.auth_for(name);
            let kept = earlier
                .get(name)
                .filter(|slot| slot.serves(server, auth.as_ref(), retry(name)))
                .cloned();
            let slot = kept.unwrap_or_else(|| Slot::start(name, server, auth, &self.starter));
            self.slots.insert(Arc::clone(name), slot);
        }
        self
    }

    /// What these servers were started for.
    #[must_use]
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The connection to this server, once it is there. `None` if there is no such server, or it is
    /// disabled.
    pub async fn lease(&self, name: &str) -> Option<Result<Lease, Arc<ConnectError>>> {
        self.slots.get(name)?.lease().await
    }

    /// The enabled servers that the configuration requires. Waiting for them keeps none of them
    /// open.
    #[must_use]
    pub fn required(&self) -> Required {
        let required = |name: &str| self.resolved.view().get(name).is_some_and(|s| s.required);
        let slots = self.slots.iter().filter(|(name, _)| required(name));
        Required(slots.map(|(name, slot)| (Arc::clone(name), slot.outcome())).collect())
    }
}

/// Servers that must be there.
pub struct Required(Vec<(Arc<str>, watch::Receiver<Option<Outcome>>)>);

impl Required {
    /// Which of them cannot be used, and why. Waits for their starts; one that is superseded
    /// meanwhile is not missed.
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
