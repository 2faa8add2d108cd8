//! Shares pending status snapshots between requests.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::host::Resolved;

/// What each server is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Detail {
    /// Tools, resources and resource templates.
    #[default]
    Full,
    /// Tools only.
    ToolsAndAuthOnly,
}

/// The status of every server, in the order of their names.
pub(crate) type Snapshot = Arc<Vec<Value>>;

/// What a snapshot depends on.
#[derive(Clone)]
pub(crate) struct SnapshotKey {
    pub(crate) resolved: Resolved,
    pub(crate) detail: Detail,
    /// How many logins have succeeded: a login changes a server's status.
    pub(crate) logins: u64,
}

impl SnapshotKey {
    fn is_same(&self, other: &Self) -> bool {
        (self.detail, self.logins) == (other.detail, other.logins)
            && self.resolved.is_same(&other.resolved)
    }
}

/// The pending snapshots. Requests with the same key share one: ten thousand requests
/// do not start ten thousand processes for each server.
#[derive(Default)]
pub(crate) struct Snapshots(Mutex<Vec<(SnapshotKey, SnapshotReceiver)>>);

type SnapshotReceiver = watch::Receiver<Option<Snapshot>>;

impl Snapshots {
    /// The pending snapshot for this key. With a sender, the snapshot is new, and the caller takes
    /// and sends it.
    pub(crate) fn share(
        &self,
        key: &SnapshotKey,
    ) -> (SnapshotReceiver, Option<watch::Sender<Option<Snapshot>>>) {
        let mut snapshots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A finished snapshot is not shared: it may be out of date.
        snapshots.retain(|(_, taken)| taken.borrow().is_none() && taken.has_changed().is_ok());
        if let Some((_, taken)) = snapshots.iter().find(|(other, _)| other.is_same(key)) {
            return (taken.clone(), None);
        }
        let (publish, taken) = watch::channel(None);
        snapshots.push((key.clone(), taken.clone()));
        (taken, Some(publish))
    }
}
