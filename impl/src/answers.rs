//! What each contributor contributed last, so that only one that reports a change is asked again.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::config::{HostConfig, Sought};
use crate::extension::{McpExtensionRegistry, McpServerContribution};
use crate::hosted_apps::CODEX_APPS;
use crate::selected::{self, Selected};
use crate::view::{Layer, find, last_of_each};

/// The contributions of one contributor for one host.
#[derive(Debug)]
pub(crate) struct Answer {
    revision: u64,
    /// What it offers of selected plugins.
    pub(crate) selected: Vec<Selected>,
    /// Its other contributions: the last one to each name.
    pub(crate) changes: Layer,
    /// Whether these name the reserved server.
    pub(crate) names_apps: bool,
}

impl Answer {
    fn new(revision: u64, contributions: Vec<McpServerContribution>) -> Self {
        let (selected, changes) = selected::split(contributions);
        let changes = last_of_each(changes);
        let names_apps = find(&changes, Sought::from(CODEX_APPS)).is_some();
        Self { revision, selected, changes, names_apps }
    }
}

/// The answers of all contributors for this host, in registration order. `last` are earlier ones for
/// it, or none; only contributors with another revision than in theirs are asked, concurrently.
pub(crate) async fn ask(
    registry: &McpExtensionRegistry,
    host: &HostConfig,
    last: &[Arc<Answer>],
) -> Vec<Arc<Answer>> {
    let mut last = last.iter();
    let known = registry.contributors().iter().map(|contributor| {
        // Read first: if a revision changes during the call, the next call asks again.
        let revision = contributor.revision();
        (revision, last.next().filter(|answer| answer.revision == revision))
    });
    let known: Vec<_> = known.collect();
    let unknown =
        registry.contributors().iter().zip(&known).filter(|(_, (_, answer))| answer.is_none());
    let asked = unknown.map(|(contributor, (revision, _))| async {
        Arc::new(Answer::new(*revision, contributor.contribute(host).await))
    });
    let mut new = join_all(asked).await.into_iter();
    known.into_iter().filter_map(|(_, answer)| answer.cloned().or_else(|| new.next())).collect()
}

/// Whether the contributors report no change since these answers.
pub(crate) fn are_current(answers: &[Arc<Answer>], registry: &McpExtensionRegistry) -> bool {
    let mut contributors = registry.contributors().iter().zip(answers);
    contributors.all(|(contributor, answer)| contributor.revision() == answer.revision)
}
