//! Behaviour over time: `lifecycle.*`. Only a running host shows it, and the phase `sequences` counts
//! what its sequences are about.

use mcp_overlay_model::Rule;

use super::entry::{Entry, Reached, Shows};

const fn over_time(rule: Rule) -> Entry {
    Entry { reached: Reached::ByAsking, shows: Shows::Outside, ..Entry::of(rule) }
}

/// Whether sequences show this rule.
pub(super) fn is_over_time(rule: Rule) -> bool {
    RULES.iter().any(|entry| entry.rule == rule)
}

pub(super) const RULES: &[Entry] = &[
    over_time(Rule::LifecycleViewNow),
    over_time(Rule::LifecycleThreadStarts),
    over_time(Rule::LifecycleThreadKeeps),
    Entry {
        succeeds: Some(Rule::LifecycleReloadNextTurn),
        ..over_time(Rule::LifecycleReloadApplies)
    },
    over_time(Rule::LifecycleReloadNextTurn),
    over_time(Rule::LifecycleBrokenKeeps),
    over_time(Rule::LifecycleSignedOut),
    over_time(Rule::LifecycleOtherAccount),
    over_time(Rule::LifecycleSignInRestores),
    over_time(Rule::LifecycleFileCounts),
    over_time(Rule::LifecycleInFlight),
    over_time(Rule::LifecycleApart),
    over_time(Rule::LifecycleRecovers),
];
