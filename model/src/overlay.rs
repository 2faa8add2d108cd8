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
use crate::selected::{self, Selected, is_selected};
use crate::server::{self, Server};

/// What a contribution says, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Spoken {
    /// A `Set` or a `Remove`.
    Overlay(Overlay),
    /// A server of a selected plugin.
    Selected(Selected),
}

/// Reads the contributed servers, a list for each contributor. The lists of the other kinds are empty:
/// what they contribute depends on the host and on the thread.
///
/// # Errors
/// Every contribution whose server is invalid.
pub fn read_servers(
    contributors: &[Contributor],
    rules: RuleSet,
) -> Result<Vec<Vec<Spoken>>, Vec<Rejection>> {
    let mut rejections = Vec::new();
    let mut lists = Vec::with_capacity(contributors.len());
    for (contributor, written) in contributors.iter().enumerate() {
        let mut list = Vec::new();
        if let ContributorKind::Scripted(contributions) = &written.kind {
            for (index, contribution) in contributions.iter().enumerate() {
                match read_contribution(contribution, (contributor, index), rules) {
                    Ok(spoken) => list.extend(spoken),
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

/// `None` for a selected plugin where no rule speaks of one.
fn read_contribution(
    written: &Contribution,
    (contributor, index): (usize, usize),
    rules: RuleSet,
) -> Result<Option<Spoken>, server::Invalid> {
    let (server, rule) = match written {
        Contribution::Set { server, .. } => (Some(server::read(server, rules)?), set_rule(rules)),
        Contribution::Remove { .. } => (None, Rule::OverlayRemoveDeletes),
        Contribution::SelectedPlugin { name, selection_order, server, .. } => {
            let rule = Rule::SelectedBetweenPluginsAndConfig;
            if !rules.has(rule) {
                return Ok(None);
            }
            let server = Some(server::read(server, rules)?);
            let by = By::SelectedContribution { contributor, index };
            let (name, order) = (name.clone(), *selection_order);
            return Ok(Some(Spoken::Selected(Selected { name, order, by, server, rule })));
        }
    };
    let by = By::Contribution { contributor, index };
    let name = written.name().to_string();
    Ok(Some(Spoken::Overlay(Overlay { name, server, rule, by })))
}

fn set_rule(rules: RuleSet) -> Rule {
    if rules.has(Rule::OverlaySetReplacesButDisabled) {
        Rule::OverlaySetReplacesButDisabled
    } else {
        Rule::OverlaySetReplacesWhole
    }
}

/// Rule `contribution.order`: Each `Set` and `Remove` MUST be taken in registration order of
/// contributors, and in list order within one contributor.
///
/// What selected plugins offer comes in the same order; `roots` are the servers of a thread's.
pub fn in_order(
    contributors: &[Contributor],
    read: Vec<Vec<Spoken>>,
    host: &Host,
    roots: &[Selected],
) -> (Vec<Overlay>, Vec<Selected>) {
    let (mut overlays, mut selected) = (Vec::new(), Vec::new());
    for (contributor, (written, list)) in contributors.iter().zip(read).enumerate() {
        match written.kind {
            ContributorKind::HostedApps => {
                let by = By::Contribution { contributor, index: 0 };
                overlays.push(hosted_contribution(host, by));
            }
            ContributorKind::ExecutorPlugins => selected.extend_from_slice(roots),
            ContributorKind::Scripted(_) => list.into_iter().for_each(|spoken| match spoken {
                Spoken::Overlay(overlay) => overlays.push(overlay),
                Spoken::Selected(offer) => selected.push(offer),
            }),
        }
    }
    (overlays, selected)
}

/// Rule `runtime.is-overlaid-configured`: `runtime` MUST be `configured` with all contributions
/// applied.
///
/// Rule `runtime.three-phases`: `runtime` MUST be `configured` with the servers of selected
/// plugins, then what the legacy Apps loader makes of it, then each `Set` and `Remove` applied.
///
/// Rule `runtime.auth-blind`: Auth MUST NOT matter to `configured` and `runtime`, but for the
/// servers that an app hides. Neither function is given it.
pub fn runtime(
    host: &Host,
    configured: &View,
    selected: &[Selected],
    overlays: &[Overlay],
) -> View {
    let catalog = catalog(host, configured, selected);
    let mut runtime = before_overlays(host, &catalog);
    for overlay in overlays {
        apply(&mut runtime, overlay);
    }
    keep_disabled(host, &catalog, &mut runtime);
    runtime
}

/// What host config, installed plugins and selected plugins say together.
///
/// Rule `overlay.untouched-stays`: A name that no contribution names MUST pass through unchanged.
///
/// Rule `overlay.others-untouched-stay`: A name other than `codex_apps` that no contribution names
/// MUST pass through unchanged.
fn catalog(host: &Host, configured: &View, selected: &[Selected]) -> View {
    let rule = if host.rules.has(Rule::OverlayUntouchedStays) {
        Rule::OverlayUntouchedStays
    } else {
        Rule::OverlayOthersUntouchedStay
    };
    let passed = |(name, decided): (&String, &Decided)| (name.clone(), decided.passed_on(rule));
    let mut catalog: View = configured.iter().map(passed).collect();
    selected::add(host, &mut catalog, selected);
    catalog
}

fn before_overlays(host: &Host, catalog: &View) -> View {
    let mut runtime = catalog.clone();
    load_first(host, &mut runtime);
    runtime
}

/// Rule `overlay.set-replaces-whole`: `Set` MUST insert or replace the named server as a whole; no
/// field of the earlier server survives, `enabled` included.
///
/// Rule `overlay.set-replaces-but-disabled`: `Set` MUST insert or replace the named server as a
/// whole; no field of the earlier server survives, except that a disabled name stays disabled.
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
///
/// Rule `selected.disabled-is-no-veto`: A name MUST be disabled in `runtime` because of an earlier
/// source exactly when the server that wins among installed plugins, selected plugins and host
/// config is disabled and is not a selected plugin's.
fn keep_disabled(host: &Host, catalog: &View, runtime: &mut View) {
    let rules = [Rule::OverlayDisabledStays, Rule::SelectedDisabledIsNoVeto];
    let Some(rule) = rules.into_iter().find(|rule| host.rules.has(*rule)) else { return };
    let disabled = |server: &Server| server.get("enabled") == Some(&Value::Bool(false));
    let vetoes = |decided: &Decided| {
        decided.server.as_ref().is_some_and(disabled) && !is_selected(decided.reason.by)
    };
    for (name, _) in catalog.iter().filter(|(_, decided)| vetoes(decided)) {
        let Some(decided) = runtime.get_mut(name) else { continue };
        if let Some(server) = decided.server.as_mut().filter(|server| !disabled(server)) {
            *server = server::with_field(server, "enabled", Value::Bool(false));
            decided.reason.rule = rule;
        }
    }
}

/// Rule `overlay.last-wins`: For every name, the last `Set` or `Remove` that names it MUST decide
/// whether it is in `runtime` and with which server, a `Set` after a `Remove` included.
///
/// The declarative formulation of [`runtime`].
pub fn runtime_by_name(
    host: &Host,
    configured: &View,
    selected: &[Selected],
    overlays: &[Overlay],
) -> View {
    let catalog = catalog(host, configured, selected);
    let before = before_overlays(host, &catalog);
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
    keep_disabled(host, &catalog, &mut runtime);
    runtime
}
