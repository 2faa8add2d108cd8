//! Hosts that take a reload up at the thread's next turn, as older releases do: the sound one is not
//! blamed, and faults about turns are found.

use std::sync::Mutex;

use mcp_overlay::black_box::BlackBox;
use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::story::told;
use mcp_overlay::subject::Driver;
use mcp_overlay_model::lifecycle::{Seen, Sequence, Step};
use mcp_overlay_model::{Profile, Rule};
use serde_json::{Value, json};

use crate::outside_faults::{broken_by, is_for_other_hosts, start};
use crate::{for_each, over_time};

/// A sound host with turns.
pub(crate) const SOUND: &str = "waits-for-turns";

/// The faults, each with the rule that it breaks.
pub(crate) const FAULTS: [(&str, Rule); 3] = [
    ("a-turn-takes-up-nothing", Rule::LifecycleReloadNextTurn),
    ("a-turn-takes-up-the-reload-of-another-thread", Rule::LifecycleReloadNextTurn),
    ("a-turn-sends-the-token-to-the-model", Rule::CredentialsAppsOnly),
];

/// The most sequences that a fault may need.
const MOST: u64 = 60;

const OLD: Profile = Profile::CodexPr27191;

fn is_made(step: &Step, seen: &Seen) -> bool {
    matches!(step, Step::Turn { .. }) && *seen == Seen::Done
}

#[test]
fn every_fault_about_turns_is_found_soon() {
    let problems = Mutex::new(Vec::new());
    for_each(FAULTS.to_vec(), |(fault, rule)| {
        let subject = start(fault, OLD);
        let mut others = Vec::new();
        for number in 0..MOST {
            let sequence = random_sequence(OLD, Stage::Outside, 1, number);
            match broken_by(&subject, &sequence).filter(|_| !is_for_other_hosts(&sequence)) {
                None => {}
                Some(Ok(broken)) if broken.rule == rule => {
                    return println!("{fault}: {}\n{}", number + 1, told(&sequence, &broken));
                }
                other => others.push(format!("{number}: {other:?}")),
            }
        }
        problems.lock().unwrap().push(format!("{fault}: {others:?}"));
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "not found:\n{}", problems.join("\n"));
}

#[test]
fn a_host_that_takes_reloads_up_at_turns_is_sound_in_older_profiles_only() {
    let subject = start(SOUND, OLD);
    let made = Mutex::new(0);
    for_each((0..40).collect(), |number: u64| {
        let sequence = random_sequence(OLD, Stage::Outside, 1, number);
        if is_for_other_hosts(&sequence) {
            return;
        }
        let trace = subject.play(&sequence).unwrap().unwrap();
        let steps = sequence.steps.iter().zip(&trace.steps);
        *made.lock().unwrap() += steps.filter(|(step, it)| is_made(step, &it.seen)).count();
        match broken_by(&subject, &sequence) {
            None => {}
            Some(Ok(broken)) => panic!("{}", told(&sequence, &broken)),
            Some(Err(message)) => panic!("{message}"),
        }
    });
    let made = made.into_inner().unwrap();
    assert!(made > 10, "only {made} turns");

    let subject = start(SOUND, Profile::CodexPr31803);
    let broken = rule_of(&subject, &reloaded(Profile::CodexPr31803, &[call("t")]));
    assert_eq!(broken, Some(Rule::LifecycleReloadApplies));
}

fn rule_of(subject: &BlackBox, sequence: &Sequence) -> Option<Rule> {
    broken_by(subject, sequence).map(|broken| broken.unwrap().rule)
}

fn call(thread: &str) -> Value {
    json!({"call": {"thread": thread, "server": "a"}})
}

/// Two threads, and a reload that replaces their server.
fn reloaded(profile: Profile, more: &[Value]) -> Sequence {
    let config = |url: &str| {
        let servers = json!({"a": {"url": url}});
        json!({"config": {"chatgpt_base_url": "http://127.0.0.1", "mcp_servers": servers}})
    };
    let mut steps = vec![
        json!({"sign_in": {"account": "alice", "auth": "chatgpt"}}),
        config("https://one.example"),
        json!({"thread": {"as": "t"}}),
        json!({"thread": {"as": "u"}}),
        config("https://two.example"),
        json!("reload"),
    ];
    steps.extend(more.iter().cloned());
    serde_json::from_value(json!({"profile": profile.name(), "steps": steps})).unwrap()
}

#[test]
fn each_fault_about_turns_shows_in_a_small_sequence() {
    let turn = json!({"turn": {"thread": "t"}});
    let sequence = reloaded(OLD, &[call("t"), turn, call("t"), call("u")]);
    for (fault, rule) in FAULTS {
        assert_eq!(rule_of(&start(fault, OLD), &sequence), Some(rule), "{fault}");
    }
    for subject in [start(SOUND, OLD), start("none", OLD), over_time::start("none", OLD)] {
        assert_eq!(broken_by(&subject, &sequence), None, "{}", subject.name());
    }
    let by = |trace: &[&Seen]| -> Vec<String> {
        let calls = trace.iter().filter_map(|seen| match seen {
            Seen::Answered { by, .. } => Some(by.clone()),
            _ => None,
        });
        calls.collect()
    };
    let trace = start(SOUND, OLD).play(&sequence).unwrap().unwrap();
    let seen: Vec<&Seen> = trace.steps.iter().map(|step| &step.seen).collect();
    let [one, two] = ["https://one.example", "https://two.example"];
    assert_eq!(by(&seen), [one, two, one]);
}

#[test]
fn a_host_without_turns_is_said_to_have_none() {
    let host = over_time::command("none");
    let phase = ["--only", "sequences", "--sequences", "90"];
    let (status, words) =
        over_time::tool(&[&["check", "--app-server", &host], &phase[..]].concat());
    assert_eq!(status, Some(0), "{words}");
    assert!(words.contains("not shown: what follows a turn; the host answered"), "{words}");
}
