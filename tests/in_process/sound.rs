//! The production host follows the specification.

use std::collections::BTreeSet;

use mcp_overlay::in_process::driver::{HostDriver, Pace};
use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::{Verdict, judge};
use mcp_overlay::sequences::story::told;
use mcp_overlay::subject::Driver;
use mcp_overlay_model::Profile;

use crate::sequence_examples::{Example, examples};

const PACES: [Pace; 2] = [Pace::AtOnce, Pace::Settled];

#[test]
fn every_example_holds_in_every_profile_of_its_rule() {
    let host = HostDriver::default();
    let mut checked = 0;
    for (Example { rule, profile, sequence, expect }, pace) in
        examples().into_iter().flat_map(|example| PACES.map(|pace| (example.clone(), pace)))
    {
        if host.play(&sequence).is_none() {
            // About processes, streams or the end of the host.
            continue;
        }
        let trace = host.played(&sequence, pace).unwrap();
        let place = format!("{rule} in {}", profile.name());
        assert_eq!(judge(&sequence, &trace), Verdict::Agree, "{place}");
        assert_eq!(trace.steps.last().map(|last| &last.seen), Some(&expect), "{place}");
        checked += 1;
    }
    assert!(checked > 100, "only {checked} examples were checked");
}

#[test]
fn the_host_follows_random_sequences() {
    let host = HostDriver::default();
    for profile in Profile::ALL {
        for number in 0..300 {
            let sequence = random_sequence(profile, Stage::InProcess, 7, number);
            for pace in PACES {
                let trace = host.played(&sequence, pace).unwrap();
                match judge(&sequence, &trace) {
                    Verdict::Agree => {}
                    Verdict::Advisory(broken) | Verdict::Disagree(broken) => {
                        panic!("{number}: {}", told(&sequence, &broken))
                    }
                }
            }
        }
    }
}

/// Nothing in process depends on chance.
#[test]
fn the_same_sequence_twice_gives_the_same_trace() {
    let host = HostDriver::default();
    let mut different = BTreeSet::new();
    for number in 0..300 {
        let sequence = random_sequence(Profile::CodexPr31803, Stage::InProcess, 3, number);
        for pace in PACES {
            let first = host.played(&sequence, pace).unwrap();
            // Another thread has another runtime, on which nothing was played.
            let again = std::thread::scope(|scope| {
                scope.spawn(|| host.played(&sequence, pace).unwrap()).join().unwrap()
            });
            assert_eq!(first, again, "sequence {number}");
            different.insert(serde_json::to_string(&first).unwrap());
        }
    }
    assert!(different.len() > 250, "only {} traces differ", different.len());
}
