//! What the faults about wide cases share.

use mcp_overlay_model::wide::SelectedRoot;
use mcp_overlay_model::{Case, Contribution, Contributor, ContributorKind, ServerView};
use serde_json::{Value, json};

use super::fault::change::{changed, edited};

/// Disables a server in a view.
pub(super) fn disabled_in(view: &mut ServerView, name: &str) {
    if let Some(server) = view.get_mut(name) {
        *server = changed(server, |server| drop(server.insert("enabled".into(), json!(false))));
    }
}

/// A case with a change made to each of the thread's selected plugins.
pub(super) fn with_roots(case: &Case, change: impl Fn(&mut SelectedRoot)) -> Option<Case> {
    edited(case, |case| {
        let roots = case.thread.iter_mut().flat_map(|thread| &mut thread.selected_plugins);
        roots.for_each(change);
    })
}

/// The servers of the thread's selected plugins, each with its plugin, if a contributor asks for them.
pub(super) fn root_entries(
    case: &Case,
) -> impl Iterator<Item = (usize, &SelectedRoot, &String, &Value)> {
    let is_asked = case.contributors.iter().any(|c| c.kind == ContributorKind::ExecutorPlugins);
    let roots = case.thread.iter().filter(move |_| is_asked).flat_map(|t| &t.selected_plugins);
    roots.enumerate().flat_map(|(position, root)| {
        root.mcp_servers.iter().map(move |(name, entry)| (position, root, name, entry))
    })
}

/// A case in which these servers of the thread's plugins are offered as they are written.
pub(super) fn offered(
    case: &Case,
    is_meant: impl Fn(&SelectedRoot, &Value) -> bool,
) -> Option<Case> {
    let offers: Vec<Contribution> = root_entries(case)
        .filter(|(_, root, _, entry)| is_meant(root, entry))
        .filter_map(|(position, root, name, entry)| {
            let mut server = entry.as_object()?.clone();
            server.insert("environment_id".into(), root.environment_id.as_str().into());
            Some(Contribution::SelectedPlugin {
                name: name.clone(),
                plugin_id: root.id.clone(),
                selection_order: position as u64,
                server: Value::Object(server),
            })
        })
        .collect();
    (!offers.is_empty()).then(|| {
        let mut case = case.clone();
        let kind = ContributorKind::Scripted(offers);
        case.contributors.push(Contributor { id: "offers".into(), kind });
        case
    })
}

/// A case with a change made to each contribution.
pub(super) fn with_contributions(case: &Case, change: impl Fn(&mut Contribution)) -> Option<Case> {
    edited(case, |case| {
        for contributor in &mut case.contributors {
            if let ContributorKind::Scripted(list) = &mut contributor.kind {
                list.iter_mut().for_each(&change);
            }
        }
    })
}
