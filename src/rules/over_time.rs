//! Behaviour over time: `lifecycle.*`. Only a running host shows it, and the phase `sequences` counts
//! what its sequences are about.

use mcp_overlay_model::Rule;

use super::entry::{Entry, Reached, Shows};
use crate::subject::{StepKind, Steps};

const fn over_time(rule: Rule) -> Entry {
    Entry { reached: Reached::ByAsking, shows: Shows::Outside, ..Entry::of(rule) }
}

/// Whether sequences on a host in process show this rule: not those about processes, event streams,
/// OAuth and the end of the host.
pub(super) fn is_shown_in_process(rule: Rule) -> bool {
    const OUTSIDE_ONLY: [Rule; 10] = [
        Rule::LifecycleLatestWins,
        Rule::LifecycleRefreshOnce,
        Rule::LifecycleRefreshes,
        Rule::LifecycleLoginEnded,
        Rule::LifecycleRestarts,
        Rule::LifecycleListChanged,
        Rule::LifecycleSupersededEnds,
        Rule::LifecycleSameStays,
        Rule::LifecycleDurable,
        Rule::LifecycleEnds,
    ];
    RULES.iter().any(|entry| entry.rule == rule) && !OUTSIDE_ONLY.contains(&rule)
}

/// Whether sequences of these steps over stdio show this rule. A call that reaches a server twice does
/// not show in the observations.
pub fn is_shown_by(steps: &Steps, rule: Rule) -> bool {
    use StepKind::{Call, Config, Read, Release, Reload, SignIn, SignOut, Thread, View, World};
    let has = |kinds: &[StepKind]| steps.have(kinds);
    let calls = has(&[Thread, Call]);
    let uses = calls || has(&[Thread, Read]);
    match rule {
        Rule::LifecycleViewNow => has(&[View]),
        Rule::LifecycleReadNow => has(&[Read]),
        Rule::LifecycleThreadStarts => has(&[Thread]),
        Rule::LifecycleThreadKeeps => uses,
        Rule::LifecycleReloadApplies | Rule::LifecycleReloadNextTurn => uses && has(&[Reload]),
        Rule::LifecycleBrokenKeeps => has(&[Config, Reload]),
        Rule::LifecycleSignedOut => has(&[SignIn, SignOut]),
        Rule::LifecycleOtherAccount => has(&[SignIn]),
        Rule::LifecycleSignInRestores => has(&[Thread, SignIn]),
        Rule::LifecycleFileCounts => has(&[SignIn]),
        Rule::LifecycleApart => has(&[World]) && steps.show(),
        Rule::LifecycleInFlight | Rule::LifecycleRecovers => calls && has(&[World, Release]),
        _ => false,
    }
}

pub(super) const RULES: &[Entry] = &[
    over_time(Rule::LifecycleViewNow),
    over_time(Rule::LifecycleReadNow),
    over_time(Rule::LifecycleThreadStarts),
    over_time(Rule::LifecycleThreadKeeps),
    Entry {
        succeeds: Some(Rule::LifecycleReloadNextTurn),
        ..over_time(Rule::LifecycleReloadApplies)
    },
    over_time(Rule::LifecycleReloadNextTurn),
    over_time(Rule::LifecycleLatestWins),
    over_time(Rule::LifecycleBrokenKeeps),
    over_time(Rule::LifecycleSignedOut),
    over_time(Rule::LifecycleOtherAccount),
    over_time(Rule::LifecycleSignInRestores),
    over_time(Rule::LifecycleFileCounts),
    over_time(Rule::LifecycleInFlight),
    over_time(Rule::LifecycleApart),
    over_time(Rule::LifecycleRecovers),
    over_time(Rule::LifecycleRestarts),
    over_time(Rule::LifecycleAtMostOnce),
    over_time(Rule::LifecycleRefreshOnce),
    over_time(Rule::LifecycleRefreshes),
    over_time(Rule::LifecycleLoginEnded),
    over_time(Rule::LifecycleListChanged),
    over_time(Rule::LifecycleSupersededEnds),
    over_time(Rule::LifecycleSameStays),
    over_time(Rule::LifecycleDurable),
    over_time(Rule::LifecycleEnds),
];
