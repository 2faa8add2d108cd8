//! Which rule a failing subject breaks, found by experiment.
//!
//! Many rules say that two ways of writing a case mean the same: a trailing slash of the base is
//! dropped, an inactive plugin adds nothing, an overruled contribution does not matter. Each of
//! these gives a rewrite that the specification does not notice. If a subject is wrong before the
//! rewrite and right after it, that rule is the one it breaks. Two more experiments: which field of a
//! server makes the subject reject a valid case, and whether another auth changes `runtime`.

use std::collections::BTreeSet;

use mcp_overlay_model::field::belongs_to_one_transport;
use mcp_overlay_model::{Answer, Auth, By, Case, ContributorKind, Outcome, Rule, resolve};
use serde_json::Value;

use crate::cases::entries::{entries, entries_mut};
use crate::judge::judge;
use crate::judge::verdict::{Difference, LOADS, Place};
use crate::rules::{Rewrite, holding, of_field, rewrites};
use crate::subject::{Driver, Visibility};

/// The rule that an experiment shows to be broken, if one does. `answer` is the subject's wrong one,
/// which differs in these places.
pub fn rule_by_experiment(
    driver: &dyn Driver,
    case: &Case,
    answer: &Answer,
    differences: &[Difference],
) -> Option<Rule> {
    rule_of_credentials(case, differences)
        .or_else(|| rule_by_auth(driver, case, differences))
        .or_else(|| rule_by_rewriting(driver, case))
        .or_else(|| rule_by_field(driver, case, answer))
}

/// The host's credentials at a place that is no server of the specification. Nothing explains that
/// better, and a rewrite that drops a server also changes which test servers redirect.
fn rule_of_credentials(case: &Case, differences: &[Difference]) -> Option<Rule> {
    let rule = holding(case.profile.rules(), Rule::CredentialsAppsOnly);
    let is_stray = |difference: &Difference| {
        difference.by.is_none() && difference.expected.is_none() && difference.rule == rule
    };
    differences.iter().any(is_stray).then_some(rule)
}

/// A valid case that is rejected, or lacks a plugin's server: the field without which all is well.
fn rule_by_field(driver: &dyn Driver, case: &Case, answer: &Answer) -> Option<Rule> {
    let agrees = |case: &Case| judge(driver, case).1.is_right();
    let rules = case.profile.rules();
    let tables = entries(case).filter_map(Value::as_object);
    let fields: BTreeSet<&String> = tables.flat_map(|entry| entry.keys()).collect();
    let is_refused = match (resolve(case), answer) {
        (Outcome::Resolved(_), Answer::Rejected { .. }) => true,
        (Outcome::Resolved(expected), Answer::Resolved { plugin_owners, .. })
            if driver.visibility() == Visibility::Views =>
        {
            expected.plugin_owners.keys().any(|name| !plugin_owners.contains_key(name))
        }
        _ => false,
    };
    if !is_refused {
        return None;
    }
    fields.into_iter().find_map(|field| {
        let mut without = case.clone();
        let tables = entries_mut(&mut without).filter_map(Value::as_object_mut);
        tables.for_each(|entry| drop(entry.remove(field)));
        // Without its transport a server is refused by everybody, which explains nothing.
        let explains = has_servers_of(&without, case) && agrees(&without);
        explains.then(|| {
            of_field(rules, field, |fields| fields.refused).unwrap_or(
                match belongs_to_one_transport(field, rules) {
                    true => Rule::ServerForeignField,
                    false => Rule::ServerUnknownField,
                },
            )
        })
    })
}

/// Whether the same servers are valid in two cases.
fn has_servers_of(case: &Case, other: &Case) -> bool {
    let names = |case: &Case| match resolve(case) {
        Outcome::Resolved(resolution) => {
            let present = resolution.configured.iter().filter(|(_, d)| d.server.is_some());
            Some(present.map(|(name, _)| name.clone()).collect::<Vec<_>>())
        }
        Outcome::Observed(_) | Outcome::Rejected(_) => None,
    };
    names(case) == names(other)
}

/// A difference in `runtime` that another auth makes go away.
fn rule_by_auth(driver: &dyn Driver, case: &Case, differences: &[Difference]) -> Option<Rule> {
    let in_runtime = differences
        .iter()
        .find(|difference| matches!(difference.place, Place::Server { view: "runtime", .. }))?;
    if in_runtime.rule == LOADS {
        // The loader heeds auth by rights; only the view is the wrong one.
        return Some(LOADS);
    }
    // Where an app may hide a server, auth matters by rights.
    let is_routed = case.profile.has(Rule::RouteAppHidesServer);
    if is_routed && case.plugins.iter().any(|plugin| !plugin.apps.is_empty()) {
        return None;
    }
    let other = |auth| Case { auth, ..case.clone() };
    let auths = std::iter::once(None).chain(Auth::PLAIN.map(Some));
    let right = auths.map(other).any(|case| judge(driver, &case).1.is_right());
    let hosted = match in_runtime.by {
        Some(By::Contribution { contributor, .. }) => case
            .contributors
            .get(contributor)
            .is_some_and(|contributor| contributor.kind == ContributorKind::HostedApps),
        _ => false,
    };
    let loaded = in_runtime.by == Some(By::Legacy);
    right.then_some(match (hosted, loaded) {
        (true, _) => Rule::HostedAlwaysSpeaks,
        (_, true) => holding(case.profile.rules(), LOADS),
        _ => Rule::RuntimeAuthBlind,
    })
}

/// The rule whose rewrite turns a failing case into one on which the subject is right.
fn rule_by_rewriting(driver: &dyn Driver, case: &Case) -> Option<Rule> {
    let expected = resolve(case);
    let explains = |(rule, rewrite): (Rule, Rewrite)| {
        let mut rewritten = case.clone();
        (rewrite.write)(&mut rewritten);
        let means_the_same = || same_outcome(&expected, &resolve(&rewritten));
        let explains = case.profile.has(rule)
            && rewritten != *case
            && means_the_same()
            && judge(driver, &rewritten).1.is_right();
        explains.then_some(rule)
    };
    rewrites().find_map(explains)
}

/// The same answer, and the same other invalid places: a rewrite that mends one of them would
/// explain a wrong order of places.
fn same_outcome(a: &Outcome, b: &Outcome) -> bool {
    match (a, b) {
        (Outcome::Rejected(a), Outcome::Rejected(b)) => {
            a.iter().map(|place| &place.path).eq(b.iter().map(|place| &place.path))
        }
        _ => a.answer() == b.answer(),
    }
}
