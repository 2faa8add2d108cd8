//! Ordered overlays: the contributions, and how they turn `configured` into `runtime`.
//!
//! [`runtime`] applies one contribution after the other. [`runtime_by_name`] asks for each name
//! which contribution names it last. A test holds the two together.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::apps::{hosted_contribution, load_first};
use crate::case::{Contribution, Contributor, ContributorKind};
use crate::decision::{By, Decided, Overlay, Rejection, View};
use crate::host::Host;
use crate::rule::{Rule, RuleSet};
use crate::server::{self, Server};

/// Reads the contributed servers, a list for each contributor. A hosted-apps contributor's list is
/// empty: what it contributes depends on the host.
///
/// # Errors
/// Every contribution whose server is invalid.
pub fn read_servers(
    contributors: &[Contributor],
    rules: RuleSet,
) -> Result<Vec<Vec<Overlay>>, Vec<Rejection>> {
    let mut rejections = Vec::new();
    let mut lists = Vec::with_capacity(contributors.len());
    for (contributor, written) in contributors.iter().enumerate() {
        let mut list = Vec::new();
        if let ContributorKind::Scripted(contributions) = &written.kind {
            for (index, contribution) in contributions.iter().enumerate() {
                let by = By::Contribution { contributor, index };
                match read_contribution(contribution, by, rules) {
                    Ok(overlay) => list.push(overlay),
                    Err(invalid) => rejections.push(Rejection::new(
                        format!("contributors[{contributor}].contributions[{index}]"),
                        invalid.rule,
                        invalid.reason,
                    )),
                }
            }
        }
        lists.push(list);
    }
    if rejections.is_empty() { Ok(lists) } else { Err(rejections) }
}

fn read_contribution(
    written: &Contribution,
    by: By,
    rules: RuleSet,
) -> Result<Overlay, server::Invalid> {
    let (server, rule) = match written {
        Contribution::Set { server, .. } => (Some(server::read(server, rules)?), set_rule(rules)),
        Contribution::Remove { .. } => (None, Rule::OverlayRemoveDeletes),
    };
    Ok(Overlay { name: written.name().to_string(), server, rule, by })
}

fn set_rule(rules: RuleSet) -> Rule {
    if rules.has(Rule::OverlaySetReplacesButDisabled) {
        Rule::OverlaySetReplacesButDisabled
    } else {
        Rule::OverlaySetReplacesWhole
    }
}

/// Rule `contribution.order`: Contributions MUST be taken in registration order of contributors,
/// and in list order within one contributor.
pub fn in_order(
    contributors: &[Contributor],
    read: Vec<Vec<Overlay>>,
    host: &Host,
) -> Vec<Overlay> {
    let mut overlays = Vec::new();
    for (contributor, (written, list)) in contributors.iter().zip(read).enumerate() {
        match written.kind {
            ContributorKind::HostedApps => {
                let by = By::Contribution { contributor, index: 0 };
                overlays.push(hosted_contribution(host, by));
            }
            ContributorKind::Scripted(_) => overlays.extend(list),
        }
    }
    overlays
}

/// Rule `runtime.is-overlaid-configured`: `runtime` MUST be `configured` with all contributions
/// applied.
///
/// Rule `runtime.three-phases`: `runtime` MUST be `configured`, then what the legacy Apps loader
/// makes of it, then all contributions applied.
///
/// Rule `runtime.auth-blind`: Auth MUST NOT matter to `configured` and `runtime`. Neither function
/// is given it.
pub fn runtime(host: &Host, configured: &View, overlays: &[Overlay]) -> View {
    let mut runtime = before_contributions(host, configured);
    for overlay in overlays {
        apply(&mut runtime, overlay);
    }
    keep_disabled(host, configured, &mut runtime);
    runtime
}

/// Rule `overlay.untouched-stays`: A name that no contribution names MUST pass through unchanged.
///
/// Rule `overlay.others-untouched-stay`: A name other than `codex_apps` that no contribution names
/// MUST pass through unchanged.
fn before_contributions(host: &Host, configured: &View) -> View {
    let rule = if host.rules.has(Rule::OverlayUntouchedStays) {
        Rule::OverlayUntouchedStays
    } else {
        Rule::OverlayOthersUntouchedStay
    };
    let passed = |(name, decided): (&String, &Decided)| (name.clone(), decided.passed_on(rule));
    let mut runtime: View = configured.iter().map(passed).collect();
    load_first(host, &mut runtime);
    runtime
}

/// Rule `overlay.set-replaces-whole`: `Set` MUST insert or replace the named server as a whole; no
/// field of the earlier server survives, `enabled` included.
///
/// Rule `overlay.set-replaces-but-disabled`: `Set` MUST insert or replace the named server as a
/// whole; no field of the earlier server survives, except that a name disabled in `configured`
/// stays disabled.
///
/// Rule `overlay.remove-deletes`: `Remove` MUST delete the named server, and MUST be a no-op for an
/// absent name.
fn apply(runtime: &mut View, overlay: &Overlay) {
    let earlier = runtime.get(&overlay.name).map(|decided| decided.reason.by);
    let rule = deciding_rule(overlay, earlier);
    let decided = Decided::new(overlay.server.clone(), rule, overlay.by);
    runtime.insert(overlay.name.clone(), decided);
}

/// Order is what decided when an earlier contribution named the same name.
fn deciding_rule(overlay: &Overlay, earlier: Option<By>) -> Rule {
    match (earlier, overlay.by) {
        (
            Some(By::Contribution { contributor: earlier, .. }),
            By::Contribution { contributor: later, .. },
        ) => {
            if earlier == later {
                Rule::OverlayLastWins
            } else {
                Rule::ContributionOrder
            }
        }
        _ => overlay.rule,
    }
}

/// Rule `overlay.disabled-stays`: A name that is disabled in `configured` MUST be disabled in
/// `runtime` too if it is there, whichever contribution set it; its other fields are those that
/// were set, and `Remove` still deletes it.
fn keep_disabled(host: &Host, configured: &View, runtime: &mut View) {
    if !host.rules.has(Rule::OverlayDisabledStays) {
        return;
    }
    let disabled = |server: &Server| server.get("enabled") == Some(&Value::Bool(false));
    for (name, _) in configured.iter().filter(|(_, d)| d.server.as_ref().is_some_and(disabled)) {
        let Some(decided) = runtime.get_mut(name) else { continue };
        if let Some(server) = decided.server.as_mut().filter(|server| !disabled(server)) {
            *server = server::with_field(server, "enabled", Value::Bool(false));
            decided.reason.rule = Rule::OverlayDisabledStays;
        }
    }
}

/// Rule `overlay.last-wins`: For every name, the last contribution that names it MUST decide
/// whether it is in `runtime` and with which server, a `Set` after a `Remove` included.
///
/// The declarative formulation of [`runtime`].
pub fn runtime_by_name(host: &Host, configured: &View, overlays: &[Overlay]) -> View {
    let before = before_contributions(host, configured);
    let named = overlays.iter().map(|overlay| &overlay.name);
    let names: BTreeSet<&String> = before.keys().chain(named).collect();
    let mut runtime = View::new();
    for name in names {
        let mut latest_first = overlays.iter().rev().filter(|overlay| overlay.name == *name);
        let decided = match (latest_first.next(), before.get(name)) {
            (Some(last), _) => {
                let earlier = latest_first.next().map(|overlay| overlay.by);
                Decided::new(last.server.clone(), deciding_rule(last, earlier), last.by)
            }
            (None, Some(decided)) => decided.clone(),
            (None, None) => continue,
        };
        runtime.insert(name.clone(), decided);
    }
    keep_disabled(host, configured, &mut runtime);
    runtime
}
