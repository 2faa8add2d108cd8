//! The laws. Each says whether it had anything to say about the case, so that a law that is never
//! tried shows.

use std::collections::BTreeSet;

use mcp_overlay::judge::compare::same;
use mcp_overlay::judge::judge;
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::subject::{InProcess, Subject};
use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, ServerView, Views,
};
use serde_json::{Map, Value, json};

/// What a law says of a case: it holds (`true`), it does not apply (`false`), or it is broken.
pub(crate) type Said = Result<bool, String>;

/// A law, asked of a subject's answers.
pub(crate) type Law = fn(&dyn Subject, &Case) -> Said;

fn resolved(subject: &dyn Subject, case: &Case) -> Option<Views> {
    match subject.resolve(case) {
        Answer::Resolved { views, .. } => Some(views),
        _ => None,
    }
}

/// The views of a case that was made from one that resolves, and so must resolve too.
fn must_resolve(subject: &dyn Subject, case: &Case) -> Result<Views, String> {
    resolved(subject, case).ok_or_else(|| format!("it no longer resolves: {}", text(case)))
}

fn text(case: &Case) -> String {
    serde_json::to_string(case).unwrap_or_default()
}

fn same_view(before: &ServerView, after: &ServerView) -> bool {
    before.len() == after.len()
        && before.iter().all(|(name, server)| after.get(name).is_some_and(|s| same(server, s)))
}

fn equal_views(what: &str, before: &ServerView, after: &ServerView) -> Result<(), String> {
    if same_view(before, after) {
        return Ok(());
    }
    Err(format!("{what}:\n  before: {}\n  after:  {}", json!(before), json!(after)))
}

fn equal(before: &Views, after: &Views) -> Result<(), String> {
    equal_views("configured", &before.configured, &after.configured)?;
    equal_views("runtime", &before.runtime, &after.runtime)?;
    equal_views("effective", &before.effective, &after.effective)
}

fn scripted(id: &str, list: Vec<Contribution>) -> Contributor {
    Contributor { id: id.into(), kind: ContributorKind::Scripted(list) }
}

fn is_hosted(contributor: &Contributor) -> bool {
    contributor.kind == ContributorKind::HostedApps
}

/// The names that a contributor speaks of.
fn names(contributor: &Contributor) -> BTreeSet<&str> {
    match &contributor.kind {
        ContributorKind::HostedApps => [CODEX_APPS].into(),
        ContributorKind::Scripted(list) => list.iter().map(Contribution::name).collect(),
    }
}

/// The host config's servers with `change` made to them.
fn with_servers(case: &Case, change: impl FnOnce(&mut Map<String, Value>)) -> Case {
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

/// No contributors: `runtime` = `configured`.
pub(crate) fn without_contributors_runtime_is_configured(s: &dyn Subject, case: &Case) -> Said {
    let case = Case { contributors: Vec::new(), ..case.clone() };
    let Some(views) = resolved(s, &case) else { return Ok(false) };
    equal_views("runtime", &views.configured, &views.runtime)?;
    Ok(!views.configured.is_empty())
}

/// Applying a contribution list twice is applying it once.
pub(crate) fn twice_is_once(s: &dyn Subject, case: &Case) -> Said {
    let Some(once) = resolved(s, case) else { return Ok(false) };
    let mut twice = case.clone();
    twice.contributors.extend(case.contributors.iter().cloned());
    equal(&once, &must_resolve(s, &twice)?)?;
    Ok(!case.contributors.is_empty())
}

/// Applying `a` then `b` is applying `a ++ b`: one contributor may say what two said.
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

/// Applying `a` then `b` is applying `a ++ b`: what `a` made may as well have been configured.
pub(crate) fn runtime_may_be_configured_and_gone_on_from(s: &dyn Subject, case: &Case) -> Said {
    let Some(at_once) = resolved(s, case) else { return Ok(false) };
    let (a, b) = case.contributors.split_at(case.contributors.len() / 2);
    let first = must_resolve(s, &Case { contributors: a.to_vec(), ..case.clone() })?;
    let mut then = with_servers(case, |servers| {
        servers.clear();
        let made = first.runtime.iter();
        servers.extend(made.map(|(name, server)| (name.clone(), (**server).clone())));
    });
    then.plugins = Vec::new();
    then.contributors = b.to_vec();
    let second = must_resolve(s, &then)?;
    equal_views("runtime", &at_once.runtime, &second.runtime)?;
    Ok(!a.is_empty() && !b.is_empty())
}

/// Contributions on disjoint names commute.
pub(crate) fn disjoint_contributors_commute(s: &dyn Subject, case: &Case) -> Said {
    let Some(before) = resolved(s, case) else { return Ok(false) };
    let mut applied = false;
    for position in 1..case.contributors.len() {
        let pair = [&case.contributors[position - 1], &case.contributors[position]].map(names);
        if pair[0].is_disjoint(&pair[1]) {
            let mut swapped = case.clone();
            swapped.contributors.swap(position - 1, position);
            equal(&before, &must_resolve(s, &swapped)?)?;
            applied |= pair.iter().all(|names| !names.is_empty());
        }
    }
    Ok(applied)
}

/// An empty contributor changes nothing.
pub(crate) fn an_empty_contributor_changes_nothing(s: &dyn Subject, case: &Case) -> Said {
    let Some(before) = resolved(s, case) else { return Ok(false) };
    for position in 0..=case.contributors.len() {
        let mut more = case.clone();
        more.contributors.insert(position, scripted("a-silent-one", Vec::new()));
        equal(&before, &must_resolve(s, &more)?)?;
    }
    Ok(true)
}

/// Changing one name's server changes that name only.
pub(crate) fn one_change_changes_one_name(s: &dyn Subject, case: &Case) -> Said {
    let Some(before) = resolved(s, case) else { return Ok(false) };
    let new = json!({"command": "changed"});
    for name in [CODEX_APPS, "docs", "github", "not-there-before"] {
        // By the last contribution, and in the host config.
        let mut last = case.clone();
        let set = Contribution::Set { name: name.into(), server: new.clone() };
        last.contributors.push(scripted("last", vec![set]));
        let contributed = must_resolve(s, &last)?;
        if contributed.runtime.get(name).is_none_or(|server| **server != new) {
            return Err(format!("{name} was not changed: {}", json!(contributed.runtime)));
        }
        let configured = must_resolve(
            s,
            &with_servers(case, |servers| {
                servers.insert(name.into(), new.clone());
            }),
        )?;
        for after in [contributed, configured] {
            for (view, before, after) in [
                ("configured", &before.configured, &after.configured),
                ("runtime", &before.runtime, &after.runtime),
                ("effective", &before.effective, &after.effective),
            ] {
                let others = |view: &ServerView| {
                    let mut others = view.clone();
                    others.remove(name);
                    others
                };
                equal_views(&format!("{view} without {name}"), &others(before), &others(after))?;
            }
        }
    }
    Ok(!before.effective.is_empty())
}

/// Whether the gate is open, by the words of the specification and not by the model's code.
fn gate_is_open(case: &Case) -> bool {
    let apps_off = case.host.pointer("/features/apps") == Some(&Value::Bool(false));
    !apps_off && !matches!(case.auth, None | Some(Auth::ApiKey))
}

/// `codex_apps` in `effective` implies that the gate is open.
pub(crate) fn codex_apps_implies_an_open_gate(s: &dyn Subject, case: &Case) -> Said {
    let Some(views) = resolved(s, case) else { return Ok(false) };
    let there = views.effective.contains_key(CODEX_APPS);
    if there && !gate_is_open(case) {
        return Err("codex_apps is in effective, and the gate is closed".into());
    }
    Ok(there)
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

/// With nothing else naming `codex_apps`, installing the hosted-apps contributor leaves
/// `effective` unchanged: extension and fallback agree.
pub(crate) fn extension_and_fallback_agree(s: &dyn Subject, case: &Case) -> Said {
    let mut fallback = with_servers(case, |servers| drop(servers.remove(CODEX_APPS)));
    for plugin in &mut fallback.plugins {
        plugin.mcp_servers.remove(CODEX_APPS);
    }
    fallback.contributors.retain(|contributor| !is_hosted(contributor));
    for contributor in &mut fallback.contributors {
        if let ContributorKind::Scripted(list) = &mut contributor.kind {
            list.retain(|contribution| contribution.name() != CODEX_APPS);
        }
    }
    let Some(before) = resolved(s, &fallback) else { return Ok(false) };
    for position in 0..=fallback.contributors.len() {
        let mut extension = fallback.clone();
        let hosted = Contributor { id: "hosted-apps".into(), kind: ContributorKind::HostedApps };
        extension.contributors.insert(position, hosted);
        let after = must_resolve(s, &extension)?;
        equal_views("effective", &before.effective, &after.effective)?;
    }
    Ok(before.effective.contains_key(CODEX_APPS))
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
                match contribution {
                    Contribution::Set { name, .. } | Contribution::Remove { name } => {
                        *name = new_name(name);
                    }
                }
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
