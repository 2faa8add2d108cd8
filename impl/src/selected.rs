//! What selected plugins offer, and which of it counts. Rules `selected.*`.

use std::sync::Arc;

use crate::config::{Name, ServerConfig};
use crate::extension::McpServerContribution;
use crate::view::Change;

/// A server of a selected plugin.
#[derive(Debug, Clone)]
pub(crate) struct Selected {
    pub(crate) name: Name,
    plugin_id: Arc<str>,
    order: u64,
    server: Arc<ServerConfig>,
}

impl Selected {
    /// What it changes in the view of host config and installed plugins.
    pub(crate) fn change(&self) -> Change {
        (self.name.clone(), Some(Arc::clone(&self.server)))
    }

    /// Its name and the id of its plugin.
    pub(crate) fn owner(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(self.name.text()), Arc::clone(&self.plugin_id))
    }
}

/// What selected plugins offer, and all other contributions.
pub(crate) fn split(contributions: Vec<McpServerContribution>) -> (Vec<Selected>, Vec<Change>) {
    let (mut selected, mut changes) = (Vec::new(), Vec::with_capacity(contributions.len()));
    for contribution in contributions {
        match contribution {
            McpServerContribution::SelectedPlugin { name, plugin_id, selection_order, server } => {
                let name = Name::from(name);
                selected.push(Selected { name, plugin_id, order: selection_order, server });
            }
            McpServerContribution::Set { name, server } => {
                changes.push((Name::from(name), Some(server)));
            }
            McpServerContribution::Remove { name } => changes.push((Name::from(name), None)),
        }
    }
    (selected, changes)
}

/// The one offer of each name that counts, sorted by name, without those that the host config
/// overrides. Rules `selected.first-selected-wins` and `selected.between-plugins-and-config`.
pub(crate) fn winners(
    mut offers: Vec<Selected>,
    is_configured: impl Fn(&str) -> bool,
) -> Vec<Selected> {
    offers.retain(|offer| !is_configured(offer.name.text()));
    // Stable, so from the end the last of equal ones comes first.
    offers.reverse();
    offers.sort_by(|a, b| a.name.cmp(&b.name).then(a.order.cmp(&b.order)));
    offers.dedup_by(|later, kept| later.name == kept.name);
    offers
}
