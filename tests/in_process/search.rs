//! Every sequence over a small alphabet.

use mcp_overlay::in_process::driver::{HostDriver, Pace};
use mcp_overlay::sequences::judge::{Verdict, judge};
use mcp_overlay::sequences::search::Graph;
use mcp_overlay::sequences::sometimes::{ALL, Sometimes};
use mcp_overlay::sequences::story::told;
use mcp_overlay_model::{Profile, Rule};

use crate::wrong::Wrong;

#[test]
fn every_transition_is_played_once_and_the_host_follows_all() {
    let host = HostDriver::default();
    for profile in [Profile::CodexPr27191, Profile::CodexPr31803] {
        let graph = Graph::of(profile, 4);
        let (mut taken, mut plays) = (0, 0);
        let mut sometimes = Sometimes::default();
        for node in 0..graph.states() {
            while let Some((sequence, new)) = graph.play_from(node) {
                let trace = host.played(&sequence, Pace::Settled).unwrap();
                if let Verdict::Advisory(broken) | Verdict::Disagree(broken) =
                    judge(&sequence, &trace)
                {
                    panic!("{}", told(&sequence, &broken));
                }
                sometimes.record(&sequence, &trace);
                taken += new;
                plays += 1;
            }
        }
        println!("{} states, {taken} transitions, {plays} plays", graph.states());
        assert_eq!(taken, graph.transitions());
        assert!(graph.play_from(0).is_none());
        assert_eq!(sometimes.never(), Vec::<&str>::new(), "{sometimes:?}");
    }
}

/// Whether a transition shows that the host breaks this rule.
fn shows(host: &HostDriver, graph: &Graph, rule: Rule) -> bool {
    let nodes = 0..graph.states();
    let mut plays = nodes.flat_map(|node| std::iter::from_fn(move || graph.play_from(node)));
    plays.any(|(sequence, _)| {
        let trace = host.played(&sequence, Pace::AtOnce).unwrap();
        judge(&sequence, &trace).broken().is_some_and(|broken| broken.rule == rule)
    })
}

#[test]
fn faults_are_found_and_a_search_that_is_too_short_says_what_never_came() {
    for (fault, rule) in [
        ("ignores-reload", Rule::LifecycleReloadApplies),
        ("cuts-calls-at-reload", Rule::LifecycleInFlight),
        ("sends-a-call-twice", Rule::LifecycleAtMostOnce),
        ("one-call-blocks-all", Rule::LifecycleApart),
        ("reloads-anything", Rule::LifecycleBrokenKeeps),
        ("never-restores-the-apps-server", Rule::LifecycleSignInRestores),
    ] {
        let host = HostDriver::with(Box::new(Wrong(fault)));
        let graph = Graph::of(Profile::CodexPr31803, 4);
        assert!(shows(&host, &graph, rule), "{fault} is not found");
    }
    let graph = Graph::of(Profile::CodexPr31803, 1);
    let mut sometimes = Sometimes::default();
    while let Some((sequence, _)) = graph.play_from(0) {
        let trace = HostDriver::default().played(&sequence, Pace::AtOnce).unwrap();
        sometimes.record(&sequence, &trace);
    }
    assert_eq!(sometimes.never().len(), ALL.len(), "{sometimes:?}");
}
