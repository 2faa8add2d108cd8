//! Faults about refresh tokens: each is found by generated sequences.

use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::{Verdict, judge};
use mcp_overlay::subject::Driver;
use mcp_overlay_model::{Profile, Rule};

use crate::for_each;
use crate::over_time::start;

/// The faults, each with the rule that it breaks.
pub(crate) const FAULTS: [(&str, Rule); 6] = [
    ("each-call-refreshes", Rule::LifecycleRefreshOnce),
    ("keeps-the-first-refresh-token", Rule::LifecycleRefreshOnce),
    ("does-not-store-the-refreshed-token", Rule::LifecycleRefreshOnce),
    ("retries-a-lost-refresh", Rule::LifecycleRefreshOnce),
    ("never-refreshes", Rule::LifecycleRefreshes),
    ("says-that-an-ended-login-is-one", Rule::LifecycleLoginEnded),
];

/// The most sequences that a fault may need in half of the runs.
const MOST: u64 = 200;

/// How many sequences it takes to find this fault.
fn needed(fault: &str, rule: Rule, profile: Profile, seed: u64) -> u64 {
    let subject = start(fault, profile);
    let finds = |number: &u64| {
        let sequence = random_sequence(profile, Stage::Outside, seed, *number);
        let trace = subject.play(&sequence).unwrap().unwrap();
        matches!(judge(&sequence, &trace), Verdict::Disagree(broken) if broken.rule == rule)
    };
    (0..MOST).find(finds).map_or(u64::MAX, |number| number + 1)
}

#[test]
fn every_fault_about_refresh_tokens_is_found_soon() {
    for_each(FAULTS.to_vec(), |(fault, rule)| {
        let mut needed = [1, 2, 3].map(|seed| needed(fault, rule, Profile::CodexPr31803, seed));
        needed.sort_unstable();
        println!("{fault}: {needed:?}");
        assert!(needed[1] <= MOST, "{fault}: {needed:?}");
    });
}
