//! What the model says of itself: two formulations that agree, and a true reason for everything.

use std::sync::Arc;

use mcp_overlay_model::decision::Overlay;
use mcp_overlay_model::overlay::{runtime, runtime_by_name};
use mcp_overlay_model::{
    By, CODEX_APPS, Case, Contribution, ContributorKind, Outcome, Resolution, Rule, RuleSet, View,
    resolve,
};

use crate::law::Said;

/// Applying one contribution after the other is asking for each name which contribution names it
/// last; the reasons are the same, too.
pub(crate) fn applying_in_order_is_asking_by_name(case: &Case) -> Said {
    let Outcome::Resolved(resolution) = resolve(case) else { return Ok(false) };
    let Resolution { host, configured, overlays, selected, .. } = &*resolution;
    let in_order = runtime(host, configured, selected, overlays);
    let by_name = runtime_by_name(host, configured, selected, overlays);
    if in_order != by_name {
        return Err(format!("in order: {in_order:?}\n  by name:  {by_name:?}"));
    }
    Ok(overlays.len() > 1)
}

/// Where `overlay.disabled-stays` holds, or its successor and no plugin is selected, what is disabled in `configured` is disabled in `runtime`
/// or not there.
pub(crate) fn disabled_is_never_revived(case: &Case) -> Said {
    let Outcome::Resolved(resolution) = resolve(case) else { return Ok(false) };
    let stays = [Rule::OverlayDisabledStays, Rule::SelectedDisabledIsNoVeto];
    if !stays.into_iter().any(|rule| case.profile.has(rule)) || !resolution.selected.is_empty() {
        return Ok(false);
    }
    let disabled = |view: &View, name: &str| {
        let server = view.get(name)?.server.as_ref()?;
        Some(server.get("enabled").is_some_and(|enabled| enabled == false))
    };
    let mut applies = false;
    for name in resolution.configured.keys() {
        if disabled(&resolution.configured, name) == Some(true) {
            applies |= resolution.overlays.iter().any(|overlay| overlay.name == *name);
            if disabled(&resolution.runtime, name) == Some(false) {
                return Err(format!("{name} was disabled and is not any more"));
            }
        }
    }
    Ok(applies)
}

/// Where the legacy loader works in `runtime`, `effective` has no server that `runtime` lacks, and
/// none that differs in more than the field `auth`.
pub(crate) fn the_gate_only_removes(case: &Case) -> Said {
    let Outcome::Resolved(resolution) = resolve(case) else { return Ok(false) };
    if !case.profile.has(Rule::LegacyFirstInRuntime) {
        return Ok(false);
    }
    let but_auth = |view: &View, name: &str| {
        let mut server = Arc::unwrap_or_clone(view.get(name)?.server.clone()?);
        if case.profile.has(Rule::EffectiveAuthAtChatgptOnly) {
            server.as_object_mut()?.remove("auth");
        }
        Some(server)
    };
    for name in resolution.effective.keys() {
        let after = but_auth(&resolution.effective, name);
        if after.is_some() && after != but_auth(&resolution.runtime, name) {
            return Err(format!("{name} is not what it is in `runtime`"));
        }
    }
    Ok(resolution.effective.values().any(|decided| decided.server.is_some()))
}

/// Every decision has a reason: a rule of the profile, and an input that says so.
pub(crate) fn every_reason_is_true(case: &Case) -> Said {
    let rules = case.profile.rules();
    match resolve(case) {
        Outcome::Observed(_) => Err("nothing is observed here".into()),
        Outcome::Rejected(places) => {
            for place in &places {
                known_rule(rules, place.rule)?;
            }
            Ok(!places.is_empty())
        }
        Outcome::Resolved(resolution) => {
            let views = [&resolution.configured, &resolution.runtime, &resolution.effective];
            for view in views {
                for (name, decided) in view {
                    known_rule(rules, decided.reason.rule)?;
                    let said = said_by(case, &resolution, name, decided.reason.by)?;
                    if decided.server.is_some() && !said {
                        return Err(format!("{name} is there, but {decided:?} set no server"));
                    }
                }
            }
            absences_have_reasons(&resolution)?;
            Ok(views.iter().any(|view| !view.is_empty()))
        }
    }
}

fn known_rule(rules: RuleSet, rule: Rule) -> Result<(), String> {
    if rules.has(rule) { Ok(()) } else { Err(format!("{rule} does not hold here")) }
}

/// Whether what `by` says about `name` is a server; an error if it says nothing about it.
fn said_by(case: &Case, resolution: &Resolution, name: &str, by: By) -> Result<bool, String> {
    let nobody = || format!("{name}: {by:?} says nothing about it");
    match by {
        By::Config => resolution.host.servers.contains_key(name).then_some(true),
        By::Plugin(position) => {
            case.plugins.get(position).filter(|p| p.mcp_servers.contains_key(name)).map(|_| true)
        }
        By::Contribution { contributor, index } => {
            let contributor = case.contributors.get(contributor);
            contributor.and_then(|contributor| match &contributor.kind {
                ContributorKind::HostedApps => {
                    (index == 0 && name == CODEX_APPS).then_some(resolution.host.apps)
                }
                ContributorKind::ExecutorPlugins => None,
                ContributorKind::Scripted(list) => {
                    let contribution = list.get(index).filter(|said| said.name() == name)?;
                    Some(matches!(contribution, Contribution::Set { .. }))
                }
            })
        }
        By::SelectedContribution { .. } | By::SelectedRoot(_) => {
            let offers = resolution.selected.iter().filter(|o| o.name == name && o.by == by);
            offers.map(|offer| offer.server.is_some()).next()
        }
        By::Legacy => (name == CODEX_APPS).then_some(true),
        By::Gate => (name == CODEX_APPS).then_some(false),
    }
    .ok_or_else(nobody)
}

/// What one view holds and the next does not has an entry there that says why.
fn absences_have_reasons(resolution: &Resolution) -> Result<(), String> {
    let steps = [
        (&resolution.configured, &resolution.runtime),
        (&resolution.runtime, &resolution.effective),
    ];
    for (before, after) in steps {
        for name in before.keys() {
            if !after.contains_key(name) {
                return Err(format!("{name} went without a reason"));
            }
        }
    }
    for overlay in &resolution.overlays {
        known_rule(resolution.host.rules, overlay.rule)?;
    }
    removed_by_the_last(&resolution.overlays, &resolution.runtime)
}

fn removed_by_the_last(overlays: &[Overlay], runtime: &View) -> Result<(), String> {
    for overlay in overlays {
        let last = overlays.iter().rfind(|other| other.name == overlay.name);
        let by = last.map(|last| last.by);
        if runtime.get(&overlay.name).map(|decided| decided.reason.by) != by {
            return Err(format!("{} is not by the last that named it", overlay.name));
        }
    }
    Ok(())
}
