//! What the model says of itself: two formulations that agree, and a true reason for everything.

use mcp_overlay::rules;
use mcp_overlay_model::overlay::{Overlay, fold, last_word};
use mcp_overlay_model::{
    By, CODEX_APPS, Case, ContributorKind, Outcome, Profile, Resolution, View, resolve,
};

use crate::law::Said;

/// Applying one contribution after the other is asking for each name who spoke last; the reasons
/// are the same, too.
pub(crate) fn fold_is_last_word(case: &Case) -> Said {
    in_every_profile(case, |case| {
        let Outcome::Resolved(resolution) = resolve(case) else { return Ok(false) };
        let Resolution { host, configured, overlays, .. } = &*resolution;
        let folded = fold(host, configured, overlays);
        let said = last_word(host, configured, overlays);
        if folded != said {
            return Err(format!("fold:      {folded:?}\n  last word: {said:?}"));
        }
        Ok(overlays.len() > 1)
    })
}

/// A law of the specification, whichever of its profiles counts; it applies if it does in one.
fn in_every_profile(case: &Case, law: impl Fn(&Case) -> Said) -> Said {
    let mut applies = false;
    for profile in Profile::ALL {
        let said = law(&Case { profile, ..case.clone() });
        applies |= said.map_err(|problem| format!("{}: {problem}", profile.name()))?;
    }
    Ok(applies)
}

/// From `codex-pr-27414` on, what is disabled in `configured` is disabled in `runtime` or not there.
pub(crate) fn disabled_is_never_revived(case: &Case) -> Said {
    in_every_profile(case, |case| {
        let Outcome::Resolved(resolution) = resolve(case) else { return Ok(false) };
        let disabled = |view: &View, name: &str| {
            let server = view.get(name)?.server.as_ref()?;
            Some(server.get("enabled").is_some_and(|enabled| enabled == false))
        };
        let mut applies = false;
        for name in resolution.configured.keys() {
            if case.profile >= Profile::CodexPr27414
                && disabled(&resolution.configured, name) == Some(true)
            {
                applies |= resolution.overlays.iter().any(|overlay| overlay.name == *name);
                if disabled(&resolution.runtime, name) == Some(false) {
                    return Err(format!("{name} was disabled and is not any more"));
                }
            }
        }
        Ok(applies)
    })
}

/// From `codex-pr-27198` on, the gate only removes: `effective` is `runtime`, `codex_apps` aside,
/// and has no other `codex_apps` than that of `runtime`.
pub(crate) fn the_gate_only_removes(case: &Case) -> Said {
    in_every_profile(case, |case| {
        let Outcome::Resolved(resolution) = resolve(case) else { return Ok(false) };
        if case.profile < Profile::CodexPr27198 {
            return Ok(false);
        }
        for (name, decided) in &resolution.effective {
            let before = resolution.runtime.get(name).and_then(|d| d.server.as_ref());
            if decided.server.is_some() && decided.server.as_ref() != before {
                return Err(format!("{name} is not what it is in `runtime`"));
            }
        }
        Ok(resolution.effective.values().any(|decided| decided.server.is_some()))
    })
}

/// Everything that is decided has a reason: a rule that exists, and somebody who did say it.
pub(crate) fn every_reason_is_true(case: &Case) -> Said {
    in_every_profile(case, reasons_are_true)
}

fn reasons_are_true(case: &Case) -> Said {
    match resolve(case) {
        Outcome::Rejected(places) => {
            for place in &places {
                known_rule(case.profile, place.rule)?;
            }
            Ok(!places.is_empty())
        }
        Outcome::Resolved(resolution) => {
            let views = [&resolution.configured, &resolution.runtime, &resolution.effective];
            for view in views {
                for (name, decided) in view {
                    known_rule(case.profile, decided.reason.rule)?;
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

fn known_rule(profile: Profile, rule: &str) -> Result<(), String> {
    if rules::holds(rule, profile) { Ok(()) } else { Err(format!("no rule there: {rule}")) }
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
                ContributorKind::Scripted(list) => {
                    let contribution = list.get(index).filter(|said| said.name() == name)?;
                    Some(matches!(contribution, mcp_overlay_model::Contribution::Set { .. }))
                }
            })
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
        known_rule(resolution.host.profile, overlay.rule)?;
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
