//! Ways to change a case or an answer.

use std::sync::Arc;

use mcp_overlay_host::{Profile as HostProfile, ServerConfig};
use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, ServerView, Views,
};
use serde_json::{Map, Value};

use crate::cases::entries::{entries, entries_mut};
use crate::subject::{ProductionSubject, Subject};

pub(in crate::rules) type Entry = Map<String, Value>;

/// A case with a change made to it; nothing if it changes nothing.
pub(in crate::rules) fn edited(case: &Case, change: impl FnOnce(&mut Case)) -> Option<Case> {
    let mut edited = case.clone();
    change(&mut edited);
    (edited != *case).then_some(edited)
}

/// An answer with a change made to its views; nothing if it changes nothing.
pub(in crate::rules) fn with_views(
    answer: &Answer,
    change: impl FnOnce(&mut Views),
) -> Option<Answer> {
    let mut edited = answer.clone();
    if let Answer::Resolved { views, .. } = &mut edited {
        change(views);
    }
    (edited != *answer).then_some(edited)
}

/// A server with a change made to it.
pub(in crate::rules) fn changed(server: &Value, change: impl FnOnce(&mut Entry)) -> Arc<Value> {
    let mut server = server.as_object().cloned().unwrap_or_default();
    change(&mut server);
    Arc::new(Value::Object(server))
}

pub(in crate::rules) fn is_disabled(server: &Value) -> bool {
    server.get("enabled") == Some(&Value::Bool(false))
}

/// Puts into `view` what another view holds, under the names that `keep` speaks for.
pub(in crate::rules) fn put_back(
    view: &mut ServerView,
    from: &ServerView,
    keep: impl Fn(&str) -> bool,
) {
    for (name, server) in from {
        if keep(name) && !view.contains_key(name) {
            view.insert(name.clone(), Arc::clone(server));
        }
    }
}

/// The host config's own server entries.
pub(in crate::rules) fn host_entries(case: &Case) -> impl Iterator<Item = (&String, &Value)> {
    case.host.get("mcp_servers").and_then(Value::as_object).into_iter().flatten()
}

pub(in crate::rules) fn list_of(contributor: &Contributor) -> &[Contribution] {
    match &contributor.kind {
        ContributorKind::Scripted(list) => list,
        ContributorKind::HostedApps | ContributorKind::ExecutorPlugins => &[],
    }
}

pub(in crate::rules) fn is_hosted(contributor: &Contributor) -> bool {
    contributor.kind == ContributorKind::HostedApps
}

/// Whether any contribution, the hosted one included, names the Apps server.
pub(in crate::rules) fn speaks_of_apps(case: &Case) -> bool {
    case.contributors.iter().any(|contributor| {
        is_hosted(contributor) || list_of(contributor).iter().any(|c| c.name() == CODEX_APPS)
    })
}

/// Whether the production implementation takes an entry in the profile of this case.
pub(in crate::rules) fn is_valid(case: &Case, entry: &Value) -> bool {
    let profile: HostProfile = case.profile.name().parse().unwrap_or_default();
    ServerConfig::from_json(entry, profile).is_ok()
}

/// A case in which the entries that `meant` speaks for are read otherwise, wherever they are.
pub(in crate::rules) fn with_entries(
    case: &Case,
    meant: impl Fn(&Entry) -> bool,
    change: fn(&mut Entry),
) -> Option<Case> {
    let is_meant = |entry: &Value| entry.as_object().is_some_and(&meant);
    entries(case).any(is_meant).then(|| {
        let mut case = case.clone();
        let read = entries_mut(&mut case).filter_map(Value::as_object_mut);
        read.filter(|entry| meant(entry)).for_each(change);
        case
    })
}

/// Changes the Apps server that the host builds itself, in `runtime` and in `effective`.
pub(in crate::rules) fn with_apps_server(
    case: &Case,
    answer: &Answer,
    change: impl Fn(&mut Entry),
) -> Option<Answer> {
    let Answer::Resolved { views, .. } = answer else {
        return None;
    };
    let present = views.effective.get(CODEX_APPS).or(views.runtime.get(CODEX_APPS))?;
    let built = built_servers(case);
    if !built.contains(&without_settings(present)) {
        return None;
    }
    with_views(answer, |views| {
        for view in [&mut views.runtime, &mut views.effective] {
            if let Some(server) = view.get_mut(CODEX_APPS)
                && built.contains(&without_settings(server))
            {
                *server = changed(server, &change);
            }
        }
    })
}

/// A server without what a view or a user decides about the Apps server.
fn without_settings(server: &Value) -> Arc<Value> {
    changed(server, |server| {
        server.remove("auth");
        server.remove("enabled");
    })
}

/// The Apps servers of this host, as the production implementation builds them: the legacy loader's
/// and the hosted-apps contributor's.
fn built_servers(case: &Case) -> Vec<Arc<Value>> {
    let hosted = Contributor { id: String::new(), kind: ContributorKind::HostedApps };
    let built = [Vec::new(), vec![hosted]].into_iter().filter_map(|contributors| {
        let mut alone =
            Case { plugins: Vec::new(), contributors, auth: Some(Auth::ChatGpt), ..case.clone() };
        alone.host.as_object_mut()?.remove("mcp_servers");
        match ProductionSubject.resolve(&alone) {
            Answer::Resolved { views, .. } => {
                Some(without_settings(views.effective.get(CODEX_APPS)?))
            }
            _ => None,
        }
    });
    built.collect()
}

/// Changes the URL of the Apps server.
pub(in crate::rules) fn with_url(
    case: &Case,
    answer: &Answer,
    change: impl Fn(&str) -> String,
) -> Option<Answer> {
    with_apps_server(case, answer, |server: &mut Entry| {
        if let Some(Value::String(url)) = server.get_mut("url") {
            *url = change(url);
        }
    })
}

/// Changes what the URL of the Apps server has after the base.
pub(in crate::rules) fn with_rest(
    case: &Case,
    answer: &Answer,
    base: &str,
    change: impl Fn(&str) -> String,
) -> Option<Answer> {
    with_url(case, answer, |url| match url.strip_prefix(base) {
        Some(rest) => format!("{base}{}", change(rest)),
        None => url.into(),
    })
}

/// The base URL that is written, without its trailing slashes.
pub(in crate::rules) fn written_base(case: &Case) -> Option<&str> {
    Some(case.host.get("chatgpt_base_url")?.as_str()?.trim_end_matches('/'))
}

/// A case with another base URL.
pub(in crate::rules) fn with_base(case: &Case, base: String) -> Option<Case> {
    edited(case, |case| {
        if let Some(host) = case.host.as_object_mut() {
            host.insert("chatgpt_base_url".into(), Value::from(base));
        }
    })
}

/// The table of features, as written.
pub(in crate::rules) fn features(case: &Case) -> Option<&Entry> {
    case.host.get("features")?.as_object()
}

/// A case with another value of a feature.
pub(in crate::rules) fn with_feature(case: &Case, name: &str, value: Value) -> Option<Case> {
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

/// The legacy loader puts back the Apps server that a contribution removed.
pub(in crate::rules) fn fallback_revived_after_remove(
    case: &Case,
    answer: &Answer,
) -> Option<Answer> {
    let Answer::Resolved { views, .. } = answer else {
        return None;
    };
    if views.effective.contains_key(CODEX_APPS) || !speaks_of_apps(case) {
        return None;
    }
    let silent = Case { contributors: Vec::new(), ..case.clone() };
    let Answer::Resolved { views: legacy, .. } = ProductionSubject.resolve(&silent) else {
        return None;
    };
    with_views(answer, |views| {
        put_back(&mut views.effective, &legacy.effective, |name| name == CODEX_APPS);
    })
}
