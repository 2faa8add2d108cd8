//! The entries of all rules, and what is looked up in them.

use std::sync::LazyLock;

use mcp_overlay_model::{Rule, RuleSet};

use super::entry::{Entry, Fields, Rewrite};
use super::situation::Situation;
use super::{
    apps, apps_server, configured, endpoint, features, gate, host, over_time, overlay,
    requirements, resolution, routing, running, selected, server,
};

/// The entries of all sections, in no order.
fn sections() -> impl Iterator<Item = &'static Entry> {
    let sections = [
        resolution::RULES,
        configured::RULES,
        overlay::RULES,
        routing::RULES,
        selected::RULES,
        requirements::RULES,
        apps::RULES,
        gate::RULES,
        endpoint::RULES,
        apps_server::RULES,
        features::RULES,
        server::RULES,
        host::RULES,
        running::RULES,
        over_time::RULES,
    ];
    sections.into_iter().flatten()
}

static ENTRIES: LazyLock<Vec<&'static Entry>> = LazyLock::new(|| {
    let mut entries: Vec<_> = sections().collect();
    entries.sort_by_key(|entry| entry.rule);
    entries
});

/// The entry of every rule, in the order of the page.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter().copied()
}

/// The entries of the rules that hold, in the order of the page.
fn holding_entries(rules: RuleSet) -> impl Iterator<Item = &'static Entry> {
    entries().filter(move |entry| rules.has(entry.rule))
}

/// The rule that holds now of `rule` and those that succeeded it; `rule` itself if none does.
pub fn holding(rules: RuleSet, rule: Rule) -> Rule {
    if rules.has(rule) {
        return rule;
    }
    let successors = entries().filter(|entry| entry.succeeds == Some(rule));
    let mut held = successors.map(|entry| holding(rules, entry.rule));
    held.find(|held| rules.has(*held)).unwrap_or(rule)
}

/// The rule that decides about a field, among those that hold: `of` says in which respect.
pub fn of_field(
    rules: RuleSet,
    field: &str,
    of: fn(&Fields) -> &'static [&'static str],
) -> Option<Rule> {
    let explains = |entry: &&Entry| of(&entry.fields).contains(&field);
    holding_entries(rules).find(explains).map(|entry| entry.rule)
}

/// The rule about the Apps server that decides about a field in this situation.
pub fn of_apps_field(situation: &Situation<'_>, field: &str) -> Option<Rule> {
    let explains = |entry: &&Entry| {
        entry.fields.of_apps_server.contains(&field) && entry.reached.is_met_in(situation)
    };
    holding_entries(situation.rules).find(explains).map(|entry| entry.rule)
}

static REWRITES: LazyLock<Vec<(Rule, Rewrite)>> = LazyLock::new(|| {
    let mut rewrites: Vec<_> =
        sections().filter_map(|entry| Some((entry.rule, entry.rewrite?))).collect();
    // Stable: within a step the order of the entries counts.
    rewrites.sort_by_key(|(_, rewrite)| rewrite.step);
    rewrites
});

/// Every rewrite that explains a failure, the plainest explanation first.
pub fn rewrites() -> impl Iterator<Item = (Rule, Rewrite)> {
    REWRITES.iter().copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mcp_overlay_model::Profile;

    use super::*;

    #[test]
    fn every_rule_has_exactly_one_entry() {
        let rules: Vec<Rule> = entries().map(|entry| entry.rule).collect();
        assert_eq!(rules, Rule::ALL);
    }

    #[test]
    fn a_fault_stands_in_the_entry_of_the_rule_that_it_breaks() {
        for entry in entries() {
            for fault in entry.faults {
                let is_crash = fault.rule.is_none();
                assert!(is_crash || fault.rule == Some(entry.rule), "{}", fault.name);
            }
        }
    }

    #[test]
    fn a_successor_holds_only_where_its_predecessor_does_not() {
        for entry in entries() {
            let Some(before) = entry.succeeds else { continue };
            let both = Profile::ALL.into_iter().find(|p| p.has(before) && p.has(entry.rule));
            assert_eq!(both, None, "{} and {before}", entry.rule);
        }
        let last = |rule| holding(Profile::CodexPr31481.rules(), rule);
        assert_eq!(last(Rule::GateNeverSynthesizes), Rule::GatePassesButAuth);
        assert_eq!(last(Rule::GateOpen), Rule::GateOpen);
        let middle = Profile::CodexPr27414.rules();
        assert_eq!(holding(middle, Rule::GateNeverSynthesizes), Rule::GatePassesRuntime);
    }

    #[test]
    fn every_rewrite_keeps_its_place() {
        let order: Vec<Rule> = rewrites().map(|(rule, _)| rule).collect();
        let unique: BTreeSet<Rule> = order.iter().copied().collect();
        assert_eq!(unique.len(), order.len());
        let at = |rule| order.iter().position(|other| *other == rule);
        // A path that is trimmed is written as a table first.
        assert!(at(Rule::FeaturesOverrideForms) < at(Rule::EndpointOverridePath));
        // A trimmed base is a written one.
        assert!(at(Rule::EndpointBaseDefault) < at(Rule::EndpointBaseTrimmed));
        assert_eq!(order.last(), Some(&Rule::GateOpen));
    }
}
