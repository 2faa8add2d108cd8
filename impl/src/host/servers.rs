//! The servers of a thread, and how one set of them takes the place of another.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::Resolved;
use super::slot::{Lease, Slot, Starter, StartupEvents};
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
        Self { resolved, starter, slots: BTreeMap::new() }.filled(&BTreeMap::new(), true)
    }

    /// The set for another view: servers that are the same there go on, others are started. `retry`:
    /// those that failed or broke are started once more.
    #[must_use]
    pub fn succeeded_by(&self, resolved: Resolved, retry: bool) -> Self {
        let starter = self.starter.clone();
        Self { resolved, starter, slots: BTreeMap::new() }.filled(&self.slots, retry)
    }

    fn filled(mut self, earlier: &BTreeMap<Arc<str>, Arc<Slot>>, retry: bool) -> Self {
        for (name, server) in self.resolved.view().iter().filter(|(_, server)| server.enabled) {
            let account = self.resolved.account_for(name);
            let kept = earlier
                .get(name)
                .filter(|slot| slot.serves(server, account.as_ref(), retry))
                .cloned();
            let slot = kept.unwrap_or_else(|| Slot::start(name, server, account, &self.starter));
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

    /// Which of the servers that the configuration requires cannot be used, and why. Waits for
    /// their starts.
    pub async fn missing(&self) -> Vec<(Arc<str>, Arc<ConnectError>)> {
        let mut missing = Vec::new();
        for (name, server) in self.resolved.view().iter().filter(|(_, server)| server.required) {
            if let Some(Err(error)) = self.lease(name).await
                && server.enabled
            {
                missing.push((Arc::clone(name), error));
            }
        }
        missing
    }
}
