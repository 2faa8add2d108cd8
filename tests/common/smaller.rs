//! Cases that are one step smaller than another.

use mcp_overlay_model::{Case, Contribution, Contributor, ContributorKind};
use serde_json::Value;

/// Every case that lacks one contributor, contribution, plugin, server, field, feature, variable
/// or host key of `case`, or its auth. Independent of the minimiser, which it checks.
pub(crate) fn lacking_one_part(case: &Case) -> Vec<Case> {
    let mut smaller = Vec::new();
    let mut keep = |change: &dyn Fn(&mut Case)| {
        let mut candidate = case.clone();
        change(&mut candidate);
        smaller.push(candidate);
    };
    if case.auth.is_some() {
        keep(&|case| case.auth = None);
    }
    for i in 0..case.plugins.len() {
        keep(&|case| drop(case.plugins.remove(i)));
        for name in case.plugins[i].mcp_servers.keys() {
            keep(&|case| drop(case.plugins[i].mcp_servers.remove(name)));
            for field in fields(&case.plugins[i].mcp_servers[name]) {
                keep(&|case| remove_field(&mut case.plugins[i].mcp_servers[name], &field));
            }
        }
    }
    for i in 0..case.contributors.len() {
        keep(&|case| drop(case.contributors.remove(i)));
        for j in 0..list(&case.contributors[i]).len() {
            keep(&|case| drop(list_mut(&mut case.contributors[i]).remove(j)));
            if let Some(server) = list(&case.contributors[i])[j].server() {
                for field in fields(server) {
                    keep(&|case| {
                        let contribution = &mut list_mut(&mut case.contributors[i])[j];
                        remove_field(contribution.server_mut().unwrap(), &field);
                    });
                }
            }
        }
    }
    for key in fields(&case.host) {
        keep(&|case| remove_field(&mut case.host, &key));
        for inner in fields(&case.host[&key]) {
            keep(&|case| remove_field(&mut case.host[&key], &inner));
            for field in fields(&case.host[&key][&inner]) {
                keep(&|case| remove_field(&mut case.host[&key][&inner], &field));
            }
        }
    }
    smaller
}

fn fields(value: &Value) -> Vec<String> {
    value.as_object().map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

fn remove_field(value: &mut Value, field: &str) {
    if let Value::Object(table) = value {
        table.remove(field);
    }
}

pub(crate) fn list(contributor: &Contributor) -> &[Contribution] {
    match &contributor.kind {
        ContributorKind::Scripted(list) => list,
        ContributorKind::HostedApps | ContributorKind::ExecutorPlugins => &[],
    }
}

fn list_mut(contributor: &mut Contributor) -> &mut Vec<Contribution> {
    match &mut contributor.kind {
        ContributorKind::Scripted(list) => list,
        ContributorKind::HostedApps | ContributorKind::ExecutorPlugins => {
            panic!("it has no list")
        }
    }
}
