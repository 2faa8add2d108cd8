//! Ways to change a case or an answer.

use std::sync::Arc;

use mcp_overlay_host::{Profile as HostProfile, ServerConfig};
use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, ServerView, Views,
};
use serde_json::{Map, Value};

use crate::subject::{ProductionSubject, Subject};

pub(super) type Entry = Map<String, Value>;

/// A case with a change made to it; nothing if it changes nothing.
pub(super) fn edited(case: &Case, change: impl FnOnce(&mut Case)) -> Option<Case> {
    let mut edited = case.clone();
    change(&mut edited);
    (edited != *case).then_some(edited)
}

/// An answer with a change made to its views; nothing if it changes nothing.
pub(super) fn with_views(answer: &Answer, change: impl FnOnce(&mut Views)) -> Option<Answer> {
    let mut edited = answer.clone();
    if let Answer::Resolved { views, .. } = &mut edited {
        change(views);
    }
    (edited != *answer).then_some(edited)
}

/// A server with a change made to it.
pub(super) fn changed(server: &Value, change: impl FnOnce(&mut Entry)) -> Arc<Value> {
    let mut server = server.as_object().cloned().unwrap_or_default();
    change(&mut server);
    Arc::new(Value::Object(server))
}

pub(super) fn is_disabled(server: &Value) -> bool {
    server.get("enabled") == Some(&Value::Bool(false))
}

/// Puts into `view` what another view holds, under the names that `keep` speaks for.
pub(super) fn put_back(view: &mut ServerView, from: &ServerView, keep: impl Fn(&str) -> bool) {
    for (name, server) in from {
        if keep(name) && !view.contains_key(name) {
            view.insert(name.clone(), Arc::clone(server));
        }
    }
}

/// The host config's own server entries.
pub(super) fn host_entries(case: &Case) -> impl Iterator<Item = (&String, &Value)> {
    case.host.get("mcp_servers").and_then(Value::as_object).into_iter().flatten()
}

pub(super) fn list_of(contributor: &Contributor) -> &[Contribution] {
    match &contributor.kind {
        ContributorKind::Scripted(list) => list,
        ContributorKind::HostedApps => &[],
    }
}

pub(super) fn is_hosted(contributor: &Contributor) -> bool {
    contributor.kind == ContributorKind::HostedApps
}

/// Whether any contribution, the hosted one included, names the Apps server.
pub(super) fn speaks_of_apps(case: &Case) -> bool {
    case.contributors.iter().any(|contributor| {
        is_hosted(contributor) || list_of(contributor).iter().any(|c| c.name() == CODEX_APPS)
    })
}

pub(super) fn is_valid(entry: &Value) -> bool {
    ServerConfig::from_json(entry, HostProfile::default()).is_ok()
}

/// A case in which the entries that `meant` speaks for are read otherwise, wherever they are.
pub(super) fn with_entries(
    case: &Case,
    meant: fn(&Entry) -> bool,
    change: fn(&mut Entry),
) -> Option<Case> {
    let is_meant = |entry: &Value| entry.as_object().is_some_and(meant);
    let contributed = |contribution: &Contribution| match contribution {
        Contribution::Set { server, .. } => is_meant(server),
        Contribution::Remove { .. } => false,
    };
    let any = host_entries(case).any(|(_, entry)| is_meant(entry))
        || case.plugins.iter().any(|plugin| plugin.mcp_servers.values().any(is_meant))
        || case.contributors.iter().flat_map(list_of).any(contributed);
    any.then(|| {
        let mut case = case.clone();
        let change = |entry: &mut Value| match entry.as_object_mut() {
            Some(entry) if meant(entry) => change(entry),
            _ => {}
        };
        if let Some(own) = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut) {
            own.values_mut().for_each(change);
        }
        case.plugins.iter_mut().flat_map(|plugin| plugin.mcp_servers.values_mut()).for_each(change);
        for contributor in &mut case.contributors {
            if let ContributorKind::Scripted(list) = &mut contributor.kind {
                for contribution in list {
                    if let Contribution::Set { server, .. } = contribution {
                        change(server);
                    }
                }
            }
        }
        case
    })
}

/// Changes the Apps server that the host builds itself, in `runtime` and in `effective`.
pub(super) fn with_apps_server(
    case: &Case,
    answer: &Answer,
    change: impl Fn(&mut Entry),
) -> Option<Answer> {
    let Answer::Resolved { views, .. } = answer else {
        return None;
    };
    let built = views.effective.get(CODEX_APPS).or(views.runtime.get(CODEX_APPS))?;
    let apps = apps_server(case)?;
    if *built != apps {
        return None;
    }
    with_views(answer, |views| {
        for view in [&mut views.runtime, &mut views.effective] {
            if let Some(server) = view.get_mut(CODEX_APPS)
                && *server == apps
            {
                *server = changed(server, &change);
            }
        }
    })
}

/// The Apps server of this host, as the production implementation builds it.
fn apps_server(case: &Case) -> Option<Arc<Value>> {
    let mut alone = Case {
        plugins: Vec::new(),
        contributors: Vec::new(),
        auth: Some(Auth::ChatGpt),
        ..case.clone()
    };
    if let Some(own) = alone.host.as_object_mut() {
        own.remove("mcp_servers");
    }
    match ProductionSubject.resolve(&alone) {
        Answer::Resolved { mut views, .. } => views.effective.remove(CODEX_APPS),
        _ => None,
    }
}

/// The base URL that is written, without its trailing slashes.
pub(super) fn written_base(case: &Case) -> Option<&str> {
    Some(case.host.get("chatgpt_base_url")?.as_str()?.trim_end_matches('/'))
}

/// A case with another base URL.
pub(super) fn with_base(case: &Case, base: String) -> Option<Case> {
    edited(case, |case| {
        if let Some(host) = case.host.as_object_mut() {
            host.insert("chatgpt_base_url".into(), Value::from(base));
        }
    })
}

/// The table of features, as written.
pub(super) fn features(case: &Case) -> Option<&Entry> {
    case.host.get("features")?.as_object()
}

/// A case with another value of a feature.
pub(super) fn with_feature(case: &Case, name: &str, value: Value) -> Option<Case> {
    edited(case, |case| {
        if let Some(host) = case.host.as_object_mut()
            && let Some(features) = host
                .entry("features")
                .or_insert_with(|| Value::Object(Entry::new()))
                .as_object_mut()
        {
            features.insert(name.into(), value);
        }
    })
}
