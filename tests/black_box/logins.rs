//! Faults about refresh tokens: each is found by generated sequences.

use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::{Actual, Verdict, judge};
use mcp_overlay::subject::Driver;
use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::{Profile, Rule};
use serde_json::json;

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

/// Each is found in a host that lives on: a search over what was stored tells, before a spent token
/// comes to a token endpoint. Each host has called each server before a token ends: a server that
/// still started would use the token that the other host has spent.
#[test]
fn tokens_that_are_not_kept_are_found_without_a_restart() {
    let config = json!({"chatgpt_base_url": "http://127.0.0.1", "mcp_servers": {
        "a": {"url": "https://one.example"}, "b": {"url": "https://two.example"}}});
    let call = |thread: &str, server: &str| json!({"call": {"thread": thread, "server": server}});
    let steps = json!([
        {"config": config},
        {"log_in": {"server": "a"}},
        {"log_in": {"server": "b"}},
        {"thread": {"as": "t"}},
        {"second_thread": {"as": "u"}},
        call("t", "a"),
        call("t", "b"),
        call("u", "a"),
        call("u", "b"),
        {"expire": {"server": "https://one.example"}},
        call("t", "a"),
        {"expire": {"server": "https://two.example"}},
        call("u", "b"),
    ]);
    let profile = Profile::CodexPr31803;
    let sequence = json!({"profile": profile.name(), "steps": steps});
    let sequence: Sequence = serde_json::from_value(sequence).unwrap();
    for (fault, step) in [
        ("none", None),
        ("does-not-store-the-refreshed-token", Some(10)),
        ("overwrites-the-logins-of-another-host", Some(12)),
    ] {
        let trace = start(fault, profile).play(&sequence).unwrap().unwrap();
        let broken = judge(&sequence, &trace).broken().cloned();
        let found = broken.as_ref().map(|broken| (broken.step, broken.rule, &broken.actual));
        let url = Actual::NotKept("https://one.example".into());
        let expected = step.map(|step| (step, Rule::LifecycleRefreshOnce, &url));
        assert_eq!(found, expected, "{fault}");
    }
}
