//! Every fault over time is found by generated sequences, and blamed on its rule.

use mcp_overlay::in_process::driver::{HostDriver, Pace};
use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::judge;
use mcp_overlay::subject::FailureKind;
use mcp_overlay_model::{Profile, Rule};

use crate::wrong::Wrong;

/// The faults, each with its profile and the rule that it breaks; none for a breakdown.
const FAULTS: [(&str, Profile, Option<Rule>); 22] = [
    ("ignores-logout", NEW, Some(Rule::LifecycleSignedOut)),
    ("lists-the-apps-server-for-ever", NEW, Some(Rule::LifecycleSignedOut)),
    ("keeps-the-first-credentials", OLD, Some(Rule::LifecycleOtherAccount)),
    ("sends-credentials-at-every-start", OLD, Some(Rule::CredentialsAppsOnly)),
    ("never-restores-the-apps-server", NEW, Some(Rule::LifecycleSignInRestores)),
    ("keeps-the-first-sign-in", NEW, Some(Rule::LifecycleFileCounts)),
    ("ignores-reload", NEW, Some(Rule::LifecycleReloadApplies)),
    ("adds-up-configs", NEW, Some(Rule::LifecycleViewNow)),
    ("lists-from-memory", NEW, Some(Rule::LifecycleViewNow)),
    ("follows-the-disk", NEW, Some(Rule::LifecycleThreadKeeps)),
    ("shares-one-thread", NEW, Some(Rule::LifecycleThreadKeeps)),
    ("answers-from-another-connection", NEW, Some(Rule::LifecycleThreadKeeps)),
    ("reloads-anything", NEW, Some(Rule::LifecycleBrokenKeeps)),
    ("is-lost-after-a-broken-reload", NEW, Some(Rule::LifecycleBrokenKeeps)),
    ("starts-threads-anyway", NEW, Some(Rule::LifecycleThreadStarts)),
    ("cuts-calls-at-reload", NEW, Some(Rule::LifecycleInFlight)),
    ("cuts-calls-at-logout", NEW, Some(Rule::LifecycleInFlight)),
    ("sends-a-call-twice", NEW, Some(Rule::LifecycleAtMostOnce)),
    ("forgets-a-held-call", NEW, Some(Rule::LifecycleInFlight)),
    ("one-call-blocks-all", NEW, Some(Rule::LifecycleApart)),
    ("stays-broken-after-a-failure", NEW, Some(Rule::LifecycleRecovers)),
    ("panics-at-the-second-reload", NEW, None),
];

const OLD: Profile = Profile::CodexPr27191;
const NEW: Profile = Profile::CodexPr31803;

/// Enough for every fault under every seed.
const MOST: u64 = 2_000;

const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];

/// What a sequence shows: the rule that is broken, or nothing for a breakdown.
fn shown(host: &HostDriver, profile: Profile, seed: u64, number: u64) -> Option<Option<Rule>> {
    let sequence = random_sequence(profile, Stage::InProcess, seed, number);
    match host.played(&sequence, Pace::AtOnce) {
        Err(failure) if failure.kind == FailureKind::Crashed => Some(None),
        Err(failure) => panic!("{failure:?}"),
        Ok(trace) => judge(&sequence, &trace).broken().map(|broken| Some(broken.rule)),
    }
}

#[test]
fn every_fault_is_found_and_blamed_on_its_rule() {
    let mut problems = Vec::new();
    for (fault, profile, rule) in FAULTS {
        let host = HostDriver::with(Box::new(Wrong(fault)));
        let mut needed = Vec::new();
        for seed in SEEDS {
            let found = (0..MOST).find(|number| shown(&host, profile, seed, *number) == Some(rule));
            needed.push(found.map_or(MOST + 1, |number| number + 1));
        }
        needed.sort_unstable();
        let median = needed[SEEDS.len() / 2];
        let rule = rule.map_or("a breakdown".to_string(), |rule| rule.to_string());
        println!("{fault}: {rule} after {median} sequences (median of {needed:?})");
        if needed.last() > Some(&MOST) {
            problems.push(format!("{fault}: not found within {MOST} sequences: {needed:?}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn without_a_fault_the_same_machinery_finds_nothing() {
    let host = HostDriver::with(Box::new(Wrong("none")));
    for profile in [OLD, NEW] {
        for number in 0..300 {
            assert_eq!(shown(&host, profile, 1, number), None, "sequence {number}");
        }
    }
}
