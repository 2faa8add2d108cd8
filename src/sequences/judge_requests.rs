//! Judges what the requests of a sequence carry of the entries of their servers.

use std::time::Duration;

use mcp_overlay_model::lifecycle::{BASE, Carried, Entries, Sequence, UseCarries};
use mcp_overlay_model::{Rule, RuleSet};

use super::broken::{Actual, Broken};
use crate::subject::{Request, Trace};

/// The product SKU where none is configured.
const DEFAULT_SKU: &str = "codex";

/// The first request of a step that no entry of any configuration so far asks for, on whatever
/// connection.
pub(super) fn broken_by_requests(
    sequence: &Sequence,
    trace: &Trace,
    entries: &Entries,
    (at, began): (usize, Duration),
) -> Option<Broken> {
    let ended = trace.steps.get(at)?.ended;
    let meanwhile = trace.requests.iter().filter(|sent| (began..ended).contains(&sent.at));
    meanwhile.into_iter().find_map(|sent| {
        let of_server: Vec<&Carried> = entries.at(&sent.url).collect();
        let rule = match of_server.last() {
            // Its path is the host's choice, and judged by what is observed of the steps.
            None if sent.url.starts_with(BASE) || !sent.url.contains("://") => return None,
            // Not enabled, which is another matter.
            None if entries.have(&sent.url) => return None,
            None => return Some(elsewhere(at, entries, sent)),
            Some(_) if says_each(&of_server, &sent.carried) => return None,
            Some(last) if of_server.iter().any(|known| known.variable == sent.carried.variable) => {
                // Not the variable.
                let variable = sent.carried.variable.clone();
                let last = Carried { variable, ..(*last).clone() };
                rule_of(sequence.profile.rules(), &sent.url, &last, &sent.carried)
            }
            Some(last) => rule_of(sequence.profile.rules(), &sent.url, last, &sent.carried),
        };
        let expected = of_server.into_iter().cloned().collect();
        Some(broken(at, rule, expected, sent))
    })
}

/// A use that carries something else than the configuration of its thread says.
pub(super) fn broken_by_use(
    sequence: &Sequence,
    trace: &Trace,
    entries: &Entries,
    (at, carries): (usize, &UseCarries),
) -> Option<Broken> {
    trace.requests.iter().filter(|sent| sent.of_use == Some(at)).find_map(|sent| {
        // That it went elsewhere is told by what is observed of the step.
        let is_here = |url: &str| url == sent.url;
        let allowed = carries.allowed.iter().filter(|(url, _)| is_here(url));
        let allowed: Vec<&Carried> = allowed.map(|(_, carried)| carried).collect();
        let last = *allowed.first().filter(|_| !allowed.contains(&&sent.carried))?;
        let mut wrong = carries.wrong.iter();
        let wrong = wrong.find(|(url, carried, _)| is_here(url) && *carried == sent.carried);
        let others: Vec<&Carried> = entries.at(&sent.url).collect();
        let rule = match wrong {
            Some((.., rule)) => *rule,
            None if says_each(&others, &sent.carried) => carries.rule,
            None => rule_of(sequence.profile.rules(), &sent.url, last, &sent.carried),
        };
        Some(broken(at, rule, allowed.into_iter().cloned().collect(), sent))
    })
}

/// Whether each thing that a request carries is that of some entry. Which ones belong together is
/// judged by the uses.
fn says_each(entries: &[&Carried], carried: &Carried) -> bool {
    let some = |is_same: &dyn Fn(&Carried) -> bool| entries.iter().any(|known| is_same(known));
    some(&|known| known.headers == carried.headers)
        && some(&|known| known.variable == carried.variable)
        && some(&|known| known.args == carried.args)
        && some(&|known| known.env == carried.env)
}

/// A request to no server: no field of an entry is normalised.
fn elsewhere(step: usize, entries: &Entries, sent: &Request) -> Broken {
    let like = entries.like(&sent.url).map(str::to_string).collect();
    let actual = Actual::Address { url: sent.url.clone(), what: sent.what.clone(), like };
    Broken { step, rule: Rule::ServerFieldsKept, allowed: Vec::new(), actual }
}

fn broken(step: usize, rule: Rule, expected: Vec<Carried>, sent: &Request) -> Broken {
    let (url, what, carried) = (sent.url.clone(), sent.what.clone(), sent.carried.clone());
    let actual = Actual::Carried { url, what, carried, expected };
    Broken { step, rule, allowed: Vec::new(), actual }
}

/// The rules that a use would break which carried nothing of its entry.
pub(super) fn rules_of_use(rules: RuleSet, carries: &UseCarries) -> Vec<Rule> {
    let nothing = Carried::default();
    let allowed = carries.allowed.first().filter(|(_, carried)| *carried != nothing);
    let broken = allowed.map(|(url, carried)| rule_of(rules, url, carried, &nothing));
    broken.into_iter().collect()
}

/// The rule of the first thing that differs from what an entry says.
fn rule_of(rules: RuleSet, url: &str, expected: &Carried, carried: &Carried) -> Rule {
    if expected.variable != carried.variable {
        return Rule::CredentialsEnvironmentInstead;
    }
    if !url.starts_with(BASE) {
        return Rule::ServerFieldsKept;
    }
    match expected.headers.values().next().map(String::as_str) {
        None => Rule::AppsServerNoSkuNoHeader,
        Some(DEFAULT_SKU) if rules.has(Rule::AppsServerSkuDefault) => Rule::AppsServerSkuDefault,
        Some(_) => Rule::AppsServerSkuHeader,
    }
}
