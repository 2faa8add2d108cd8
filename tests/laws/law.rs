//! What a law is, and laws that hold in every profile besides those of the specification's table
//! (`consequences`).
//!
//! A law says whether it applied to a case, so that a law that never applies is noticed.

use std::collections::BTreeSet;

use mcp_overlay::judge::compare::same;
use mcp_overlay::judge::judge;
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::subject::{InProcess, Subject};
use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, ServerView, Views,
};
use serde_json::{Map, Value, json};

/// What a law says about a case: it holds (`true`), it does not apply (`false`), or it is broken.
pub(crate) type Said = Result<bool, String>;

/// A law, asked of a subject's answers.
pub(crate) type Law = fn(&dyn Subject, &Case) -> Said;

pub(crate) fn resolved(subject: &dyn Subject, case: &Case) -> Option<Views> {
    match subject.resolve(case) {
        Answer::Resolved { views, .. } => Some(views),
        _ => None,
    }
}

/// The views of a case that was made from one that resolves, and so must resolve too.
pub(crate) fn must_resolve(subject: &dyn Subject, case: &Case) -> Result<Views, String> {
    resolved(subject, case).ok_or_else(|| format!("it no longer resolves: {}", text(case)))
}

fn text(case: &Case) -> String {
    serde_json::to_string(case).unwrap_or_default()
}

fn same_view(before: &ServerView, after: &ServerView) -> bool {
    before.len() == after.len()
        && before.iter().all(|(name, server)| after.get(name).is_some_and(|s| same(server, s)))
}

pub(crate) fn equal_views(
    what: &str,
    before: &ServerView,
    after: &ServerView,
) -> Result<(), String> {
    if same_view(before, after) {
        return Ok(());
    }
    Err(format!("{what}:\n  before: {}\n  after:  {}", json!(before), json!(after)))
}

pub(crate) fn equal(before: &Views, after: &Views) -> Result<(), String> {
    equal_views("configured", &before.configured, &after.configured)?;
    equal_views("runtime", &before.runtime, &after.runtime)?;
    equal_views("effective", &before.effective, &after.effective)
}

pub(crate) fn scripted(id: &str, list: Vec<Contribution>) -> Contributor {
    Contributor { id: id.into(), kind: ContributorKind::Scripted(list) }
}

pub(crate) fn is_hosted(contributor: &Contributor) -> bool {
    contributor.kind == ContributorKind::HostedApps
}

/// The names that a contributor speaks of.
pub(crate) fn names(contributor: &Contributor) -> BTreeSet<&str> {
    match &contributor.kind {
        ContributorKind::HostedApps => [CODEX_APPS].into(),
        ContributorKind::ExecutorPlugins => BTreeSet::new(),
        ContributorKind::Scripted(list) => list.iter().map(Contribution::name).collect(),
    }
}

/// The host config's servers with `change` made to them.
pub(crate) fn with_servers(case: &Case, change: impl FnOnce(&mut Map<String, Value>)) -> Case {
    let mut case = case.clone();
    if let Value::Object(host) = &mut case.host {
        let mut servers = match host.remove("mcp_servers") {
            Some(Value::Object(servers)) => servers,
            _ => Map::new(),
        };
        change(&mut servers);
        host.insert("mcp_servers".into(), Value::Object(servers));
    }
    case
}

/// Two contributors with a list each are one contributor with both lists.
pub(crate) fn two_lists_are_one_list(s: &dyn Subject, case: &Case) -> Said {
    let Some(apart) = resolved(s, case) else { return Ok(false) };
    let mut contributors: Vec<Contributor> = Vec::new();
    let mut joined = false;
    for contributor in &case.contributors {
        match (contributors.last_mut().map(|last| &mut last.kind), &contributor.kind) {
            (Some(ContributorKind::Scripted(before)), ContributorKind::Scripted(list)) => {
                joined |= !before.is_empty() && !list.is_empty();
                before.extend(list.iter().cloned());
            }
            _ => contributors.push(contributor.clone()),
        }
    }
    equal(&apart, &must_resolve(s, &Case { contributors, ..case.clone() })?)?;
    Ok(joined)
}

/// Without ChatGPT auth `codex_apps` is never in `effective`, whatever else changes.
pub(crate) fn without_backend_auth_codex_apps_is_gone(s: &dyn Subject, case: &Case) -> Said {
    let mut reserved_in_runtime = false;
    for auth in [None, Some(Auth::ApiKey)] {
        let case = Case { auth, ..case.clone() };
        let Some(views) = resolved(s, &case) else { return Ok(false) };
        if views.effective.contains_key(CODEX_APPS) {
            return Err(format!("codex_apps is in effective with auth {auth:?}"));
        }
        reserved_in_runtime |= views.runtime.contains_key(CODEX_APPS);
    }
    Ok(reserved_in_runtime)
}

/// Auth matters to `codex_apps` in `effective` and to nothing else.
pub(crate) fn auth_matters_to_the_gate_only(s: &dyn Subject, case: &Case) -> Said {
    let mut without = case.clone();
    without.auth = None;
    let Some(before) = resolved(s, &without) else { return Ok(false) };
    for auth in Auth::ALL {
        let mut after = must_resolve(s, &Case { auth: Some(auth), ..case.clone() })?;
        after.effective.remove(CODEX_APPS);
        equal(&before, &after)?;
    }
    Ok(true)
}

/// The same question has the same answer.
pub(crate) fn answers_are_deterministic(s: &dyn Subject, case: &Case) -> Said {
    let (first, second) = (s.resolve(case), s.resolve(case));
    if first == second { Ok(true) } else { Err(format!("{first:?}\n  and then\n{second:?}")) }
}

/// The answer is the specification's.
pub(crate) fn the_answer_is_the_specifications(s: &dyn Subject, case: &Case) -> Said {
    match judge(&InProcess(s), case) {
        (_, Verdict::Agree) => Ok(true),
        (_, Verdict::NotComparable(_)) => Ok(false),
        (_, verdict) => Err(format!("{verdict:?}")),
    }
}

/// Map order does not matter: names that sort the other way round are resolved the same.
pub(crate) fn renaming_servers_renames_the_views(s: &dyn Subject, case: &Case) -> Said {
    let Some(before) = resolved(s, case) else { return Ok(false) };
    let mut renamed = with_servers(case, |servers| *servers = renamed_keys(servers));
    for plugin in &mut renamed.plugins {
        plugin.mcp_servers = renamed_keys(&plugin.mcp_servers);
    }
    for contributor in &mut renamed.contributors {
        if let ContributorKind::Scripted(list) = &mut contributor.kind {
            for contribution in list {
                let name = contribution.name_mut();
                *name = new_name(name);
            }
        }
    }
    let after = must_resolve(s, &renamed)?;
    let view = |view: &ServerView| -> ServerView {
        view.iter().map(|(name, server)| (new_name(name), server.clone())).collect()
    };
    let expected = Views {
        configured: view(&before.configured),
        runtime: view(&before.runtime),
        effective: view(&before.effective),
    };
    equal(&expected, &after)?;
    Ok(before.configured.len() > 1)
}

/// Another name for each but the reserved one; their byte order is turned round.
fn new_name(name: &str) -> String {
    if name == CODEX_APPS {
        return name.into();
    }
    let mut turned: String = name.bytes().map(|byte| format!("{:02x}", 255 - byte)).collect();
    turned.push('~');
    turned
}

fn renamed_keys(servers: &Map<String, Value>) -> Map<String, Value> {
    servers.iter().map(|(name, server)| (new_name(name), server.clone())).collect()
}
