//! Behaviour over time: the examples of `docs/semantics.md`, the model, and how failing sequences
//! are judged, made small and told.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

#[path = "common/sequence_examples.rs"]
mod sequence_examples;

use std::time::Duration;

use mcp_overlay::rules;
use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::{Actual, Broken, Verdict, judge, reached};
use mcp_overlay::sequences::picture::picture;
use mcp_overlay::sequences::shrink::shrink;
use mcp_overlay::sequences::story::told;
use mcp_overlay::subject::{
    Credentials, ListedFor, Observed, Repeated, Request, Reused, Trace, UsedConnection,
};
use mcp_overlay_model::lifecycle::{Seen, Sequence, State, Step};
use mcp_overlay_model::{Profile, Rule};
use sequence_examples::{Example, examples};
use serde_json::{Value, json};

fn sequence(profile: Profile, steps: Value) -> Sequence {
    Sequence { id: String::new(), profile, steps: serde_json::from_value(steps).unwrap() }
}

/// What a host that follows the specification shows of each step, the first of what is allowed.
fn right(sequence: &Sequence) -> Vec<Seen> {
    let mut state = State::before(sequence, true);
    let step = |step: &Step| {
        let seen = state.step(step).allowed[0].clone();
        state.took(step, &seen);
        seen
    };
    sequence.steps.iter().map(step).collect()
}

/// A trace with a second between the steps.
fn trace(seen: Vec<Seen>) -> Trace {
    let observed = |(at, seen): (u64, Seen)| Observed { seen, ended: Duration::from_secs(at + 1) };
    Trace {
        steps: (0..).zip(seen).map(observed).collect(),
        credentials: Vec::new(),
        requests: Vec::new(),
        repeated: Vec::new(),
        reused: Vec::new(),
        listed: Vec::new(),
        stored: Vec::new(),
        connections: Vec::new(),
        lag: Duration::ZERO,
    }
}

/// The rule that an observation of the last step breaks.
fn broken_at_the_end(sequence: &Sequence, last: Value) -> Option<Rule> {
    let mut seen = right(sequence);
    *seen.last_mut().unwrap() = serde_json::from_value(last).unwrap();
    match judge(sequence, &trace(seen)) {
        Verdict::Agree => None,
        Verdict::Advisory(broken) | Verdict::Disagree(broken) => Some(broken.rule),
    }
}

#[test]
fn every_example_holds_in_the_model_in_every_profile_of_its_rule() {
    let mut checked = 0;
    for Example { rule, profile, sequence, expect } in examples() {
        let seen = right(&sequence);
        let place = format!("{rule} in {}", profile.name());
        assert_eq!(seen.last(), Some(&expect), "{place}");
        assert_eq!(judge(&sequence, &trace(seen)), Verdict::Agree, "{place}");
        assert!(reached(&sequence).has(rule), "{place}: the example does not reach its rule");
        checked += 1;
    }
    assert!(checked > 50, "only {checked} examples were checked");
}

const APPS: &str = "http://127.0.0.1/api/codex/apps";

fn signed_in_thread() -> Vec<Value> {
    vec![
        json!({"sign_in": {"account": "alice", "auth": "chatgpt"}}),
        json!({"thread": {"as": "t"}}),
        json!({"call": {"thread": "t", "server": "codex_apps"}}),
    ]
}

fn then(steps: &[Value]) -> Sequence {
    let all: Vec<Value> = signed_in_thread().into_iter().chain(steps.iter().cloned()).collect();
    sequence(Profile::CodexPr27191, all.into())
}

fn call() -> Value {
    json!({"call": {"thread": "t", "server": "codex_apps"}})
}

/// Rule `lifecycle.signed-out`: A request that begins after sign-out MUST carry no host credentials,
/// on whatever thread or connection, and a server that only the sign-in gave MUST be gone.
#[test]
fn a_call_after_sign_out_with_the_old_credentials_is_found() {
    let sequence = then(&[json!({"sign_out": {"by": "protocol"}}), call()]);
    let leak = json!({"answered": {"by": APPS, "account": "alice"}});
    assert_eq!(broken_at_the_end(&sequence, leak), Some(Rule::LifecycleSignedOut));
    assert_eq!(broken_at_the_end(&sequence, json!("refused")), None);
}

/// A request that no step shows counts too, but not one that was sent before and arrives just after.
#[test]
fn a_request_after_sign_out_with_the_old_credentials_is_found() {
    let sequence = then(&[json!({"sign_out": {"by": "protocol"}}), json!("view")]);
    let at = |milliseconds| Trace {
        credentials: vec![Credentials {
            at: Duration::from_millis(milliseconds),
            url: APPS.into(),
            account: "alice".into(),
            lacks_id: false,
        }],
        ..trace(right(&sequence))
    };
    // The sign-out ends after four seconds.
    assert_eq!(judge(&sequence, &at(3_000)), Verdict::Agree);
    assert_eq!(judge(&sequence, &at(4_010)), Verdict::Agree);
    let Verdict::Disagree(broken) = judge(&sequence, &at(4_500)) else { panic!("it is a leak") };
    assert_eq!((broken.step, broken.rule), (4, Rule::LifecycleSignedOut));
    // On a machine that was late itself it may have been sent before.
    let late = |lag| judge(&sequence, &Trace { lag: Duration::from_millis(lag), ..at(4_500) });
    assert_eq!(late(226), Verdict::Agree);
    assert_ne!(late(225), Verdict::Agree);
}

/// The tokens that the client supplies count instead of `auth.json`, until a sign-out or the end of the
/// host, and each sign-in has tokens of its own.
#[test]
fn tokens_through_the_protocol_are_those_of_the_last_sign_in() {
    let tokens = |account: &str, number: u32| json!({"sign_in": {"account": account, "auth": "chatgpt", "by": "protocol", "number": number}});
    let file = json!({"sign_in": {"account": "alice", "auth": "chatgpt", "number": 2}});
    let key = json!({"sign_in": {"account": "alice", "auth": "api_key", "by": "protocol"}});
    let sign_out = json!({"sign_out": {"by": "protocol"}});
    let end = json!({"end_host": {"by": "kill"}});
    let of = |account: &str| json!({"answered": {"by": APPS, "account": account}});
    let seen = |steps: &[Value], outcome: Value| broken_at_the_end(&then(steps), outcome);

    let again = [tokens("bob", 1), tokens("bob", 2), file.clone(), call()];
    assert_eq!(seen(&again, of("bob, sign-in 2")), None);
    for former in ["alice", "bob"] {
        assert_eq!(seen(&again, of(former)), Some(Rule::LifecycleOtherAccount), "{former}");
    }
    let out = [tokens("bob", 1), sign_out, call()];
    assert_eq!(seen(&out, json!("refused")), None);
    assert_eq!(seen(&out, of("bob")), Some(Rule::LifecycleSignedOut));
    let thread = json!({"thread": {"as": "t"}});
    let restart = [tokens("bob", 1), file, end, thread, call()];
    assert_eq!(seen(&restart, of("alice, sign-in 2")), None);
    assert_eq!(seen(&restart, of("bob")), Some(Rule::LifecycleDurable));
    let closed = [key, call()];
    assert_eq!(seen(&closed, json!("refused")), None);
    assert_eq!(seen(&closed, of("alice")), Some(Rule::LifecycleOtherAccount));
}

/// A host may refuse a key while supplied tokens count, or take it.
#[test]
fn a_refused_sign_in_changes_nothing() {
    let tokens = json!({"sign_in": {"account": "bob", "auth": "chatgpt", "by": "protocol"}});
    let key = json!({"sign_in": {"account": "bob", "auth": "api_key", "by": "protocol"}});
    let sequence = then(&[tokens, key, call()]);
    let verdict = |outcome: Seen, last: Value| {
        let mut seen = right(&sequence);
        seen[4] = outcome;
        seen[5] = serde_json::from_value(last).unwrap();
        judge(&sequence, &trace(seen)).broken().map(|broken| broken.rule)
    };
    let bob = json!({"answered": {"by": APPS, "account": "bob"}});
    assert_eq!(verdict(Seen::Refused, bob.clone()), None);
    assert_eq!(verdict(Seen::Done, json!("refused")), None);
    assert_eq!(verdict(Seen::Done, bob), Some(Rule::LifecycleOtherAccount));
}

/// Rule `lifecycle.other-account`: After another sign-in, a request MUST NOT carry the former
/// credentials, and a list MUST NOT show tools that were learned with those of another account.
#[test]
fn the_credentials_of_the_former_account_are_found() {
    let bob = json!({"sign_in": {"account": "bob", "auth": "chatgpt"}});
    let sequence = then(&[json!({"sign_out": {"by": "protocol"}}), bob, call()]);
    let former = json!({"answered": {"by": APPS, "account": "alice"}});
    assert_eq!(broken_at_the_end(&sequence, former), Some(Rule::LifecycleOtherAccount));
    let current = json!({"answered": {"by": APPS, "account": "bob"}});
    assert_eq!(broken_at_the_end(&sequence, current), None);
}

/// Rule `lifecycle.other-account`: After another sign-in, a request MUST NOT carry the former
/// credentials, and a list MUST NOT show tools that were learned with those of another account.
#[test]
fn a_list_with_the_tools_of_the_former_account_is_found() {
    let bob = json!({"sign_in": {"account": "bob", "auth": "chatgpt"}});
    let sequence = then(&[bob, json!("view")]);
    let step = sequence.steps.len() - 1;
    let mut trace = trace(right(&sequence));
    trace.listed = vec![ListedFor { step, account: "bob".into() }];
    assert_eq!(judge(&sequence, &trace), Verdict::Agree);
    trace.listed.push(ListedFor { step, account: "alice".into() });
    let Verdict::Disagree(broken) = judge(&sequence, &trace) else { panic!("not found") };
    assert_eq!((broken.step, broken.rule), (step, Rule::LifecycleOtherAccount));
    assert!(told(&sequence, &broken).contains("the tools of codex_apps are those of alice"));
}

/// Rule `lifecycle.sign-in-restores`: After a sign-in, threads that live MUST reach the Apps server
/// without a reload.
#[test]
fn a_thread_that_stays_without_the_apps_server_is_found() {
    let alice = json!({"sign_in": {"account": "alice", "auth": "chatgpt"}});
    let sign_out = json!({"sign_out": {"by": "protocol"}});
    // The list shows that the host knows of the sign-in.
    let before = then(&[sign_out, alice, json!("view"), call()]);
    assert_eq!(broken_at_the_end(&before, json!("refused")), None);
    let sequence = Sequence { profile: Profile::CodexPr31803, ..before };
    assert_eq!(broken_at_the_end(&sequence, json!("refused")), Some(Rule::LifecycleSignInRestores));
}

/// Rule `lifecycle.file-counts`: A sign-in or sign-out that another program writes to `auth.json`
/// SHOULD count from the next request of the client on.
#[test]
fn a_host_that_does_not_look_at_the_file_gets_an_advisory() {
    let sequence = then(&[json!({"sign_out": {"by": "file"}}), call()]);
    let mut seen = right(&sequence);
    *seen.last_mut().unwrap() = Seen::Answered { by: APPS.into(), account: Some("alice".into()) };
    let Verdict::Advisory(broken) = judge(&sequence, &trace(seen)) else { panic!("a SHOULD") };
    assert_eq!(broken.rule, Rule::LifecycleFileCounts);
}

#[test]
fn a_host_that_notices_the_file_later_gets_an_advisory() {
    let alice = json!({"sign_in": {"account": "alice", "auth": "chatgpt"}});
    let (thread, turn) = (json!({"thread": {"as": "t"}}), json!({"turn": {"thread": "t"}}));
    let steps = json!([thread, alice, "view", turn, "view", "view"]);
    let sequence = sequence(Profile::CodexPr27191, steps);
    let mut seen = right(&sequence);
    let nobody: Seen = serde_json::from_value(json!({"servers": {}})).unwrap();
    (seen[2], seen[4]) = (nobody.clone(), nobody);
    let Verdict::Advisory(broken) = judge(&sequence, &trace(seen.clone())) else {
        panic!("a SHOULD")
    };
    assert_eq!((broken.step, broken.rule), (2, Rule::LifecycleFileCounts));
    // It may not go back.
    seen.swap(4, 5);
    assert!(matches!(judge(&sequence, &trace(seen)), Verdict::Disagree(_)));
}

fn config(servers: Value) -> Value {
    json!({"config": {"chatgpt_base_url": "http://127.0.0.1", "mcp_servers": servers}})
}

fn call_a() -> Value {
    json!({"call": {"thread": "t", "server": "a"}})
}

const ONE: &str = "https://one.example";
const TWO: &str = "https://two.example";

fn edited(profile: Profile, more: &[Value]) -> Sequence {
    let thread = json!({"thread": {"as": "t"}});
    let begin = [config(json!({"a": {"url": ONE}})), thread, config(json!({"a": {"url": TWO}}))];
    sequence(profile, begin.into_iter().chain(more.iter().cloned()).collect())
}

/// Rule `lifecycle.thread-keeps`: A thread MUST use the configuration that it started with until a
/// reload or a change of the account.
#[test]
fn a_thread_that_follows_the_disk_without_a_reload_is_found() {
    let sequence = edited(Profile::CodexPr31803, &[call_a()]);
    let early = json!({"answered": {"by": TWO}});
    assert_eq!(broken_at_the_end(&sequence, early), Some(Rule::LifecycleThreadKeeps));
}

/// Rule `lifecycle.reload-applies`: After a reload was answered, every use by every thread MUST be of
/// the configuration that was then in force, or of a later one.
#[test]
fn a_thread_that_misses_a_reload_is_found() {
    let sequence = edited(Profile::CodexPr31803, &[json!("reload"), call_a()]);
    let old = json!({"answered": {"by": ONE}});
    assert_eq!(broken_at_the_end(&sequence, old), Some(Rule::LifecycleReloadApplies));
}

/// Rule `lifecycle.reload-next-turn`: After a reload was answered, a use by a thread MUST be of the
/// configuration that was then in force, or of a later one, or, until the thread has made a turn since,
/// of one that it had before.
#[test]
fn an_older_release_may_miss_a_reload_but_nothing_else() {
    let sequence = edited(Profile::CodexPr27191, &[json!("reload"), call_a()]);
    for by in [ONE, TWO] {
        assert_eq!(broken_at_the_end(&sequence, json!({"answered": {"by": by}})), None);
    }
    let rule = broken_at_the_end(&sequence, json!("refused"));
    assert_eq!(rule, Some(Rule::LifecycleReloadNextTurn));
}

const THREE: &str = "https://three.example";

/// Rule `lifecycle.latest-wins`: Of several reloads the last one MUST count, also when an earlier one
/// is slower.
#[test]
fn a_slow_reload_that_overwrites_a_later_one_is_found() {
    let hold = json!({"world": {"server": TWO, "behaviour": "hold_start"}});
    let last = config(json!({"a": {"url": THREE}}));
    let release = json!({"release": {"server": TWO}});
    let all = |hold: &Value| {
        let more = [hold.clone(), json!("reload"), last.clone(), json!("reload"), release.clone()];
        edited(Profile::CodexPr31803, &[&more[..], &[call_a()]].concat())
    };
    let slow = all(&hold);
    assert_eq!(broken_at_the_end(&slow, json!({"answered": {"by": THREE}})), None);
    let rule = |by: &str| broken_at_the_end(&slow, json!({"answered": {"by": by}}));
    assert_eq!(rule(TWO), Some(Rule::LifecycleLatestWins));
    assert_eq!(rule(ONE), Some(Rule::LifecycleReloadApplies));
    // No reload was slow.
    let quick = all(&json!("view"));
    let answered = json!({"answered": {"by": TWO}});
    assert_eq!(broken_at_the_end(&quick, answered), Some(Rule::LifecycleReloadApplies));
    assert!(reached(&slow).has(Rule::LifecycleLatestWins));
    assert!(!reached(&quick).has(Rule::LifecycleLatestWins));
}

/// A host may answer a reload after the handshake, and then its threads have what they had.
#[test]
fn a_reload_that_waits_for_a_handshake_is_no_fault() {
    let hold = json!({"world": {"server": TWO, "behaviour": "hold_start"}});
    let call_b = json!({"call": {"thread": "t", "server": "b"}});
    let begin = config(json!({"a": {"url": ONE}, "b": {"url": THREE}}));
    let next = config(json!({"a": {"url": TWO}}));
    let steps = [begin, json!({"thread": {"as": "t"}}), hold, next, json!("reload"), call_b];
    let sequence = sequence(Profile::CodexPr31803, steps.to_vec().into());
    let mut seen = right(&sequence);
    seen[4] = Seen::Unanswered;
    seen[5] = Seen::Answered { by: THREE.into(), account: None };
    assert_eq!(judge(&sequence, &trace(seen.clone())), Verdict::Agree);
    seen[4] = Seen::Done;
    let verdict = judge(&sequence, &trace(seen));
    assert_eq!(verdict.broken().map(|broken| broken.rule), Some(Rule::LifecycleReloadApplies));
}

fn turn(thread: &str) -> Value {
    json!({"turn": {"thread": thread}})
}

#[test]
fn an_older_release_takes_a_reload_up_at_the_next_turn() {
    let old = Some(Rule::LifecycleReloadNextTurn);
    let turned = [json!("reload"), turn("t"), call_a()];
    let sequence = edited(Profile::CodexPr27191, &turned);
    assert_eq!(broken_at_the_end(&sequence, json!({"answered": {"by": ONE}})), old);
    assert_eq!(broken_at_the_end(&sequence, json!({"answered": {"by": TWO}})), None);
    // What the turn ended does not come back, and other turns end nothing.
    let start = json!({"thread": {"as": "u"}});
    for (steps, rule) in [
        (vec![json!("reload"), turn("t"), json!("reload"), call_a()], old),
        (vec![start, json!("reload"), turn("u"), call_a()], None),
        (vec![turn("t"), json!("reload"), call_a()], None),
    ] {
        let sequence = edited(Profile::CodexPr27191, &steps);
        let seen = json!({"answered": {"by": ONE}});
        assert_eq!(broken_at_the_end(&sequence, seen), rule, "{steps:?}");
    }
    // A turn that the host refuses ends nothing either.
    let mut seen = right(&sequence);
    let [.., made, used] = seen.as_mut_slice() else { panic!("two steps") };
    (*made, *used) = (Seen::Refused, Seen::Answered { by: ONE.into(), account: None });
    assert_eq!(judge(&sequence, &trace(seen)), Verdict::Agree);
}

#[test]
fn a_turn_takes_up_no_configuration_that_was_not_reloaded() {
    for profile in Profile::ALL {
        let sequence = edited(profile, &[turn("t"), call_a()]);
        let early = broken_at_the_end(&sequence, json!({"answered": {"by": TWO}}));
        assert_eq!(early, Some(Rule::LifecycleThreadKeeps), "{}", profile.name());
    }
}

/// Rule `lifecycle.broken-keeps`: A reload of a refused configuration MUST be an error and MUST
/// change nothing; the next good one works.
#[test]
fn a_reload_of_a_broken_config_that_succeeds_is_found() {
    let broken = config(json!({"a": {}}));
    let sequence = edited(Profile::CodexPr31803, &[broken, json!("reload")]);
    assert_eq!(broken_at_the_end(&sequence, json!("done")), Some(Rule::LifecycleBrokenKeeps));
}

/// Rule `lifecycle.view-now`: A list of servers MUST be that of the configuration and sign-in in
/// force at some moment between request and answer, whatever threads there are.
#[test]
fn an_old_list_is_found() {
    let sequence = edited(Profile::CodexPr31803, &[config(json!({})), json!("view")]);
    let old = json!({"servers": {"a": "with_tools"}});
    assert_eq!(broken_at_the_end(&sequence, old), Some(Rule::LifecycleViewNow));
}

/// Rule `lifecycle.read-now`: A read of a resource on no thread MUST be of the configuration and
/// sign-in in force at some moment between request and answer.
#[test]
fn a_read_of_a_server_that_is_gone_is_found() {
    let sequence =
        edited(Profile::CodexPr31803, &[config(json!({})), json!({"read": {"server": "a"}})]);
    let old = json!({"answered": {"by": "https://one.example"}});
    assert_eq!(broken_at_the_end(&sequence, old), Some(Rule::LifecycleReadNow));
}

#[test]
fn a_read_on_a_thread_is_a_use() {
    let read = json!({"read": {"thread": "t", "server": "a"}});
    let sequence = edited(Profile::CodexPr31803, &[config(json!({})), read]);
    let gone = Some(Rule::LifecycleThreadKeeps);
    assert_eq!(broken_at_the_end(&sequence, json!("refused")), gone);
}

/// Rule `lifecycle.thread-starts`: A thread MUST start with the configuration in force at some moment
/// between `thread/start` and its answer, and MUST be refused if that configuration is.
#[test]
fn a_thread_with_a_broken_config_is_found() {
    let other = json!({"thread": {"as": "u"}});
    let sequence = edited(Profile::CodexPr31803, &[config(json!({"a": {}})), other]);
    assert_eq!(broken_at_the_end(&sequence, json!("done")), Some(Rule::LifecycleThreadStarts));
}

fn held(more: &[Value]) -> Sequence {
    let begin = [
        config(json!({"a": {"url": ONE}, "b": {"url": TWO}})),
        json!({"thread": {"as": "t"}}),
        json!({"world": {"server": ONE, "behaviour": "hold"}}),
        call_a(),
    ];
    sequence(Profile::CodexPr31803, begin.into_iter().chain(more.iter().cloned()).collect())
}

/// Rule `lifecycle.in-flight`: A call that a server has got when a reload, a sign-out or another
/// account comes MUST be answered by the connection that it began on.
#[test]
fn a_call_that_a_reload_cuts_is_found() {
    let release = json!({"release": {"server": ONE}});
    let sequence = held(&[config(json!({})), json!("reload"), release]);
    let cut = json!({"released": [{"failed": {"at": ONE}}]});
    assert_eq!(broken_at_the_end(&sequence, cut), Some(Rule::LifecycleInFlight));
}

/// Rule `lifecycle.apart`: A server that refuses or holds its calls, is down or dies MUST change no
/// answer about another.
#[test]
fn a_held_call_that_fails_another_is_found() {
    let sequence = held(&[json!({"call": {"thread": "t", "server": "b"}})]);
    let failed = json!({"failed": {"at": TWO}});
    assert_eq!(broken_at_the_end(&sequence, failed), Some(Rule::LifecycleApart));
}

/// Rule `lifecycle.recovers`: Once a server is well again, a call to it MUST be answered: if it could not
/// be reached, at the latest after a reload; if its process ended, at the latest after a use that failed
/// and then a reload.
#[test]
fn a_server_that_stays_broken_is_found() {
    let sequence = held(&[json!({"release": {"server": ONE}}), call_a()]);
    let failed = json!({"failed": {"at": ONE}});
    assert_eq!(broken_at_the_end(&sequence, failed), Some(Rule::LifecycleRecovers));
}

/// A thread with a stdio server, which has answered.
fn stdio(more: &[Value]) -> Sequence {
    let begin = [config(json!({"a": {"command": "s"}})), json!({"thread": {"as": "t"}}), call_a()];
    sequence(Profile::CodexPr31803, begin.into_iter().chain(more.iter().cloned()).collect())
}

/// Rule `lifecycle.restarts`: A server whose process ended, or which could not be reached, SHOULD be
/// started again at the next use after one that failed.
#[test]
fn a_process_that_stays_dead_is_an_advisory() {
    let killed = json!({"kill_server": {"server": "s"}});
    let sequence = stdio(&[killed.clone(), call_a(), call_a()]);
    let mut seen = right(&sequence);
    seen[4] = Seen::Refused;
    seen[5] = Seen::Refused;
    let Verdict::Advisory(broken) = judge(&sequence, &trace(seen)) else { panic!("no advisory") };
    assert_eq!((broken.step, broken.rule), (5, Rule::LifecycleRestarts));
    // What happened is not what was asked for.
    assert!(!broken.allowed.contains(&Seen::Refused), "{}", told(&sequence, &broken));
}

/// Two servers with one command are two processes, and a use of one shows nothing of the other.
#[test]
fn a_failed_use_says_nothing_of_another_server_with_its_command() {
    let both = config(json!({"a": {"command": "s"}, "b": {"command": "s"}}));
    let call_b = || json!({"call": {"thread": "t", "server": "b"}});
    let killed = json!({"kill_server": {"server": "s"}});
    let begin = [both, json!({"thread": {"as": "t"}}), call_a(), call_b(), killed, call_a()];
    let after = |more: &[Value]| {
        let steps = begin.iter().chain(more).cloned().collect();
        let sequence = sequence(Profile::CodexPr31803, steps);
        let mut seen = right(&sequence);
        let is_call = |step: &Step| matches!(step, Step::Call { .. });
        for (at, _) in sequence.steps.iter().enumerate().skip(5).filter(|(_, step)| is_call(step)) {
            seen[at] = Seen::Refused;
        }
        judge(&sequence, &trace(seen)).broken().map(|broken| (broken.step, broken.rule))
    };
    assert_eq!(after(&[call_b()]), None);
    assert_eq!(after(&[call_b(), call_b()]), Some((7, Rule::LifecycleRestarts)));
    assert_eq!(after(&[json!("reload"), call_b()]), None);
    assert_eq!(after(&[call_b(), json!("reload"), call_b()]), Some((8, Rule::LifecycleRecovers)));
}

/// A host may notice the end of a process only when a use fails.
#[test]
fn a_process_that_stays_dead_over_a_noticed_reload_is_found() {
    let killed = json!({"kill_server": {"server": "s"}});
    let unnoticed = stdio(&[killed.clone(), json!("reload"), call_a()]);
    assert_eq!(broken_at_the_end(&unnoticed, json!("refused")), None);
    let noticed = stdio(&[killed, call_a(), json!("reload"), call_a()]);
    let mut seen = right(&noticed);
    seen[4] = Seen::Refused;
    seen[6] = Seen::Refused;
    let verdict = judge(&noticed, &trace(seen));
    let broken = verdict.broken().unwrap();
    assert_eq!((broken.step, broken.rule), (6, Rule::LifecycleRecovers));
}

/// What the judge says if the last of the two calls is answered on another connection.
fn moved_after(between: &[Value]) -> Option<(usize, Rule)> {
    let begin = [config(json!({"a": {"url": ONE}, "b": {"url": TWO}}))];
    let first = [json!({"thread": {"as": "t"}}), call_a()];
    let all = [&begin[..], &first, between, &[call_a()]].concat();
    let sequence = sequence(Profile::CodexPr31803, all.into());
    let seen = right(&sequence);
    let last = sequence.steps.len() - 1;
    let used = |step, number| UsedConnection { step, at: ONE.into(), number };
    let with =
        |number| Trace { connections: vec![used(2, 1), used(last, number)], ..trace(seen.clone()) };
    assert_eq!(judge(&sequence, &with(1)), Verdict::Agree);
    let verdict = judge(&sequence, &with(2));
    assert_eq!(verdict != Verdict::Agree, reached(&sequence).has(Rule::LifecycleSameStays));
    match verdict {
        Verdict::Advisory(broken) => Some((broken.step, broken.rule)),
        _ => None,
    }
}

/// Rule `lifecycle.same-stays`: A server whose entry is the same before and after a reload SHOULD keep
/// its connection on each thread, unless the server failed or an account or a login changed.
#[test]
fn a_reload_that_opens_a_connection_anew_is_an_advisory() {
    let reload = || json!("reload");
    let without_b = config(json!({"a": {"url": ONE}}));
    let stays = Rule::LifecycleSameStays;
    assert_eq!(moved_after(&[reload()]), Some((4, stays)));
    assert_eq!(moved_after(&[without_b.clone(), reload()]), Some((5, stays)));
    let broken = config(json!({"a": {}}));
    assert_eq!(moved_after(&[broken, reload()]), Some((5, stays)));
    // Of another server.
    let other = json!({"world": {"server": TWO, "behaviour": "down"}});
    assert_eq!(moved_after(&[other, reload()]), Some((5, stays)));

    assert_eq!(moved_after(&[]), None);
    let both = config(json!({"a": {"url": ONE}, "b": {"url": TWO}}));
    let moved = config(json!({"a": {"url": TWO}}));
    assert_eq!(moved_after(&[moved, reload(), both, reload()]), None);
    for behaviour in ["down", "forget", "new_tools", "cut", "hold_start"] {
        let unwell = json!({"world": {"server": ONE, "behaviour": behaviour}});
        let well = json!({"release": {"server": ONE}});
        assert_eq!(moved_after(&[unwell, well, reload()]), None, "{behaviour}");
    }
    for by in ["file", "protocol"] {
        assert_eq!(moved_after(&[json!({"sign_out": {"by": by}}), reload()]), None, "{by}");
    }
    let alice = json!({"sign_in": {"account": "alice", "auth": "chatgpt"}});
    assert_eq!(moved_after(&[alice, reload()]), None);
    assert_eq!(moved_after(&[json!({"log_in": {"server": "a"}}), reload()]), None);
}

/// Rule `lifecycle.at-most-once`: A tool call that a server has taken MUST NOT be sent again.
#[test]
fn a_call_that_is_sent_again_is_found() {
    let sequence = stdio(&[]);
    let mut trace = trace(right(&sequence));
    assert_eq!(judge(&sequence, &trace), Verdict::Agree);
    trace.repeated.push(Repeated { step: 2, at: "s".into(), times: 2 });
    let Verdict::Disagree(broken) = judge(&sequence, &trace) else { panic!("not found") };
    assert_eq!((broken.step, broken.rule), (2, Rule::LifecycleAtMostOnce));
    assert!(told(&sequence, &broken).contains("s got this one call 2 times"));
}

/// Rule `lifecycle.list-changed`: A list of servers MUST have the tools that a server has, also if it
/// changed them since.
#[test]
fn a_list_of_old_tools_is_found() {
    let changed = json!({"world": {"server": "s", "behaviour": "new_tools"}});
    let sequence = stdio(&[changed, json!("view")]);
    let old = json!({"servers": {"a": "with_tools"}});
    assert_eq!(broken_at_the_end(&sequence, old), Some(Rule::LifecycleListChanged));
}

/// Rule `lifecycle.superseded-ends`: Connections and processes that no view uses MUST be gone within 2 s
/// of their last call.
#[test]
fn a_process_that_stays_after_a_reload_is_found() {
    let sequence = stdio(&[config(json!({})), json!("reload"), json!("settle")]);
    let left = json!({"left_over": ["s"]});
    assert_eq!(broken_at_the_end(&sequence, left), Some(Rule::LifecycleSupersededEnds));
}

/// Rule `lifecycle.durable`: A host that ended at any moment and starts again MUST show what is on
/// disk.
#[test]
fn a_host_that_starts_with_less_is_found() {
    let sequence = stdio(&[json!({"end_host": {"by": "kill"}}), json!("view")]);
    let nothing = json!({"servers": {}});
    assert_eq!(broken_at_the_end(&sequence, nothing), Some(Rule::LifecycleDurable));
}

/// Rule `lifecycle.ends`: After the end of input, a host and everything that it started MUST be gone
/// within 2 s.
#[test]
fn a_process_that_outlives_its_host_is_found() {
    let sequence = stdio(&[json!({"end_host": {"by": "end_of_input"}})]);
    let left = json!({"left_over": ["s"]});
    assert_eq!(broken_at_the_end(&sequence, left), Some(Rule::LifecycleEnds));
}

/// A sequence is shrunk to the steps that matter, and stays one that fails.
#[test]
fn a_failing_sequence_is_made_small() {
    let mut shrunk = 0;
    for number in 0..250 {
        let sequence = random_sequence(Profile::CodexPr27191, Stage::Outside, 1, number);
        // A host that goes on as if nobody had signed out.
        let fails = |sequence: &Sequence| {
            let mut state = State::before(sequence, true);
            let mut signed_out = false;
            sequence.steps.iter().any(|step| {
                signed_out |= matches!(step, Step::SignOut { .. }) && state.account().is_some();
                let expected = state.step(step);
                matches!(step, Step::Call { server, .. } if server == "codex_apps")
                    && signed_out
                    && expected.allowed == [Seen::Refused]
            })
        };
        if !fails(&sequence) {
            continue;
        }
        let small = shrink(&sequence, fails);
        assert!(fails(&small), "{small:?}");
        // A sign-in, a request that shows it to the host, a sign-out, a thread and a call.
        assert!(small.steps.len() <= 5, "{:#?}", small.steps);
        shrunk += 1;
    }
    assert!(shrunk > 10, "only {shrunk} sequences failed");
}

/// A thread that has called a server behind OAuth, and more steps.
fn logged_in(profile: Profile, more: &[Value]) -> Sequence {
    let begin = [
        config(json!({"a": {"url": ONE}})),
        json!({"log_in": {"server": "a"}}),
        json!({"thread": {"as": "t"}}),
        call_a(),
    ];
    sequence(profile, begin.into_iter().chain(more.iter().cloned()).collect())
}

fn tokens(behaviour: &str) -> Value {
    json!({"tokens": {"server": ONE, "behaviour": behaviour}})
}

/// Rule `lifecycle.refreshes`: A call to a server that refuses the stored access token MUST be answered
/// with a refreshed one.
///
/// Rule `lifecycle.login-ended`: After the authorization server ended a login (`invalid_grant`), a call
/// to the server MUST fail, and a list MUST say `notLoggedIn`.
#[test]
fn a_call_without_a_good_token_comes_to_what_the_token_endpoint_does() {
    let expire = json!({"expire": {"server": ONE}});
    let answered = || json!({"answered": {"by": ONE}});
    let listed = |listed: &str| json!({"servers": {"a": listed}});
    let (refreshes, ended) = (Some(Rule::LifecycleRefreshes), Some(Rule::LifecycleLoginEnded));
    let view = json!("view");
    for (behaviour, last, seen, broken) in [
        ("well", call_a(), json!("refused"), refreshes),
        ("well", call_a(), answered(), None),
        ("well", view.clone(), listed("without_tools"), refreshes),
        ("hold", call_a(), json!("refused"), refreshes),
        ("refuse", call_a(), json!("refused"), None),
        ("refuse", call_a(), json!("unanswered"), Some(Rule::LifecycleThreadKeeps)),
        ("invalid_grant", call_a(), json!("refused"), None),
        ("invalid_grant", call_a(), answered(), ended),
        ("invalid_grant", view.clone(), listed("not_logged_in"), None),
        ("invalid_grant", view, listed("without_tools"), ended),
        // The token may be spent, or not even be sent.
        ("cut", call_a(), json!("refused"), None),
        ("cut", call_a(), answered(), None),
    ] {
        let place = format!("{behaviour}: {last}: {seen}");
        let steps = [tokens(behaviour), expire.clone(), last];
        let sequence = logged_in(Profile::CodexPr31803, &steps);
        assert_eq!(broken_at_the_end(&sequence, seen), broken, "{place}");
    }
    // Earlier releases do not refresh a token that is refused.
    let sequence = logged_in(Profile::CodexPr29924, &[expire, call_a()]);
    assert_eq!(broken_at_the_end(&sequence, json!("refused")), None);
}

/// A call that waits for a refresh is answered after it, and may follow a reload that came meanwhile.
#[test]
fn a_call_that_waits_for_a_refresh_is_answered() {
    let expire = json!({"expire": {"server": ONE}});
    let release = json!({"release": {"server": ONE}});
    let failed = json!({"released": ["refused"]});
    let waits = [tokens("hold"), expire, call_a()];
    let with = |more: &[Value]| {
        logged_in(Profile::CodexPr31803, &[waits.to_vec(), more.to_vec()].concat())
    };
    let sequence = with(std::slice::from_ref(&release));
    assert_eq!(broken_at_the_end(&sequence, failed.clone()), Some(Rule::LifecycleRefreshes));
    let sequence = with(&[json!("reload"), release]);
    assert_eq!(broken_at_the_end(&sequence, failed), None);
}

/// Rule `lifecycle.refresh-once`: A refresh token MUST NOT be sent again, neither by another call or
/// thread nor after a restart, and the newest one MUST be kept.
#[test]
fn a_refresh_token_that_comes_again_is_blamed_before_what_it_causes() {
    let sequence =
        logged_in(Profile::CodexPr31803, &[json!({"expire": {"server": ONE}}), call_a()]);
    let mut seen = right(&sequence);
    *seen.last_mut().unwrap() = Seen::Refused;
    let when = "before it was answered".to_string();
    let reused = vec![Reused { at: Duration::from_millis(5_500), url: ONE.into(), when }];
    let Verdict::Disagree(broken) = judge(&sequence, &Trace { reused, ..trace(seen) }) else {
        panic!("a token came twice")
    };
    assert_eq!((broken.step, broken.rule), (5, Rule::LifecycleRefreshOnce));
    let story = told(&sequence, &broken);
    let end =
        format!("the token endpoint of {ONE} got one refresh token again: before it was answered");
    assert!(story.trim_end().ends_with(&end), "{story}");
}

/// Random sequences reach every rule of each profile.
#[test]
fn the_sequences_of_a_complete_run_reach_every_rule() {
    for profile in Profile::ALL {
        let all = (0..100)
            .map(|number| reached(&random_sequence(profile, Stage::Outside, 27_191, number)));
        let reached = all.fold(mcp_overlay_model::RuleSet::EMPTY, |all, some| all.or(some));
        let is_over_time = |rule: &Rule| rule.id().starts_with("lifecycle");
        let missing: Vec<Rule> = profile
            .rules()
            .iter()
            .filter(|rule| is_over_time(rule) && !reached.has(*rule))
            .collect();
        assert_eq!(missing, [], "{}", profile.name());
    }
}

/// What a sequence reaches is found with one state for both readings until then.
#[test]
fn both_readings_are_the_same_until_another_program_signs_in_or_out() {
    let mut compared = 0;
    for number in 0..200 {
        let sequence = random_sequence(Profile::CodexPr31803, Stage::Outside, 27_191, number);
        let [mut noticing, mut unnoticing] = [true, false].map(|way| State::before(&sequence, way));
        let mut may_run = false;
        for step in &sequence.steps {
            may_run |= step.needs_host();
            if may_run && step.changes_file() {
                break;
            }
            let expected = noticing.step(step);
            assert_eq!(unnoticing.step(step), expected, "{number}: {step:?}");
            let seen = expected.likely().unwrap();
            noticing.took(step, &seen);
            unnoticing.took(step, &seen);
            assert_eq!(noticing.unnoticing(), unnoticing, "{number}: {step:?}");
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared} steps");
}

#[test]
fn a_finding_is_told_step_by_step() {
    let sequence = then(&[json!({"sign_out": {"by": "protocol"}}), call()]);
    let broken = Broken {
        step: 4,
        rule: Rule::LifecycleSignedOut,
        allowed: vec![Seen::Refused],
        actual: Actual::Seen(Seen::Answered { by: APPS.into(), account: Some("alice".into()) }),
    };
    let sentence = rules::sentence(Rule::LifecycleSignedOut);
    let expected = format!(
        "rule: {sentence}
  1. alice signs in (chatgpt): auth.json is written
  2. thread t starts: thread/start
  3. thread t calls a tool of codex_apps: mcpServer/tool/call
  4. the user signs out: account/logout
  5. thread t calls a tool of codex_apps: mcpServer/tool/call
     expected: an error, and no request to a server
     happened: an answer of {APPS} with the credentials of alice
"
    );
    assert_eq!(told(&sequence, &broken), expected);
}

#[test]
fn the_picture_has_a_lane_for_each_server_and_one_wrong_event() {
    let sequence = sequence(
        Profile::CodexPr27191,
        json!([
            {"config": {"mcp_servers": {"a": {"url": "https://one.example/mcp"}}}},
            {"thread": {"as": "t1"}},
            {"call": {"thread": "t1", "server": "a"}},
            {"call": {"thread": "t1", "server": "a"}}
        ]),
    );
    let mut seen = right(&sequence);
    *seen.last_mut().unwrap() = Seen::Unanswered;
    let mut trace = trace(seen);
    let Verdict::Disagree(broken) = judge(&sequence, &trace) else { panic!("it agrees") };
    let drawn = picture(&sequence, &trace, &broken);
    assert_eq!(drawn.lanes, ["client", "host", "the server at https://one.example/mcp"]);
    let messages: Vec<_> =
        drawn.events.iter().map(|event| (event.step, event.from, event.to)).collect();
    // A step that is no request has one event; a call has a request, the host's own, its answer, and its result.
    let call = [(3, 0, 1), (3, 1, 2), (3, 2, 1), (3, 1, 0)];
    assert_eq!(messages[..3], [(1, 0, 0), (2, 0, 1), (2, 1, 0)]);
    assert_eq!(messages[3..7], call);
    assert_eq!(messages[7..], [(4, 0, 1), (4, 1, 0)]);
    let wrong: Vec<_> = drawn.events.iter().filter(|event| event.is_wrong).collect();
    assert_eq!(wrong, [drawn.events.last().unwrap()]);

    // A request that carries what it must not is wrong, and not the answer of the step.
    trace.steps[3].seen = trace.steps[2].seen.clone();
    let actual = Actual::Repeated { at: "https://one.example/mcp".into(), times: 2 };
    let drawn = picture(&sequence, &trace, &Broken { actual, ..broken });
    let wrong: Vec<_> = drawn.events.iter().filter(|event| event.is_wrong).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!((wrong[0].from, wrong[0].to), (1, 2));
}

/// A host that does not look at `auth.json` has signed nobody out, so what it breaks is another rule.
#[test]
fn an_apps_server_that_stays_over_a_reload_is_not_blamed_on_the_sign_out() {
    let off =
        json!({"config": {"chatgpt_base_url": "http://127.0.0.1", "features": {"apps": false}}});
    let steps = [
        json!({"sign_in": {"account": "alice", "auth": "chatgpt"}}),
        json!({"thread": {"as": "t"}}),
        off,
        json!("reload"),
        json!({"sign_out": {"by": "file"}}),
        json!({"call": {"thread": "t", "server": "codex_apps"}}),
    ];
    let sequence = sequence(Profile::CodexPr31803, json!(steps));
    let answered = json!({"answered": {"by": "http://127.0.0.1/api/codex/ps/mcp"}});
    assert_eq!(broken_at_the_end(&sequence, answered), Some(Rule::LifecycleReloadApplies));
}

/// A request of the last step with these headers, at the end of what follows the specification.
fn judged_with(sequence: &Sequence, requests: Vec<Request>) -> Option<(usize, Rule)> {
    let trace = Trace { requests, ..trace(right(sequence)) };
    judge(sequence, &trace).broken().map(|broken| (broken.step, broken.rule))
}

/// A request in a step, which may be a use.
fn request(step: usize, is_use: bool, url: &str, carried: &Value) -> Request {
    Request {
        at: Duration::from_secs(step as u64) + Duration::from_millis(500),
        of_use: is_use.then_some(step),
        what: "tools/call".into(),
        url: url.into(),
        carried: serde_json::from_value(carried.clone()).unwrap(),
    }
}

fn of_entries(before: &Value, after: &Value) -> Sequence {
    let config = |entry: &Value| json!({"config": {"chatgpt_base_url": "http://127.0.0.1", "mcp_servers": {"a": entry}}});
    let call = json!({"call": {"thread": "t", "server": "a"}});
    let steps =
        json!([config(before), {"thread": {"as": "t"}}, call, config(after), "reload", call]);
    sequence(Profile::CodexPr31803, steps)
}

/// Rule `server.fields-kept`: A view MUST have each valid field of a server as it is written, but for one
/// that equals its default and one that another rule changes.
///
/// Rule `lifecycle.reload-applies`: After a reload was answered, every use by every thread MUST be of the
/// configuration that was then in force, or of a later one.
#[test]
fn headers_are_those_of_an_entry_and_of_the_last_reload() {
    let with = |value: &str| json!({"url": ONE, "http_headers": {"X-Team": value}});
    let sequence = of_entries(&with("red"), &with("blue"));
    let sent = |step, is_use, value: &str| {
        judged_with(
            &sequence,
            vec![request(step, is_use, ONE, &json!({"headers": {"x-team": value}}))],
        )
    };
    assert_eq!(sent(2, true, "red"), None);
    assert_eq!(sent(5, true, "blue"), None);
    assert_eq!(sent(5, true, "red"), Some((5, Rule::LifecycleReloadApplies)));
    assert_eq!(sent(2, true, "blue"), Some((2, Rule::ServerFieldsKept)));
    // A request of a connection that is ending, or of a list.
    assert_eq!(sent(5, false, "red"), None);
    let lost = |step, is_use| judged_with(&sequence, vec![request(step, is_use, ONE, &json!({}))]);
    assert_eq!(lost(5, true), Some((5, Rule::ServerFieldsKept)));
    assert_eq!(lost(1, false), Some((1, Rule::ServerFieldsKept)));
    let elsewhere = vec![request(1, false, "https://one.example/", &json!({}))];
    assert_eq!(judged_with(&sequence, elsewhere), Some((1, Rule::ServerFieldsKept)));
}

/// Rule `credentials.environment-instead`: A server with `bearer_token_env_var` and no `Authorization`
/// among its headers MUST be sent that variable's value as its bearer, in place of the host's
/// credentials.
#[test]
fn the_bearer_of_a_variable_is_in_every_request() {
    let with = |variable: &str| json!({"url": ONE, "bearer_token_env_var": variable});
    let sequence = of_entries(&with("T1"), &with("T2"));
    let sent = |step, is_use, carried: &Value| {
        judged_with(&sequence, vec![request(step, is_use, ONE, carried)])
    };
    assert_eq!(sent(5, true, &json!({"variable": "T2"})), None);
    let stale = sent(5, true, &json!({"variable": "T1"}));
    assert_eq!(stale, Some((5, Rule::LifecycleReloadApplies)));
    let lost = sent(2, false, &json!({}));
    assert_eq!(lost, Some((2, Rule::CredentialsEnvironmentInstead)));
}

/// Rule `lifecycle.thread-starts`: A thread MUST start with the configuration in force at some moment
/// between `thread/start` and its answer, and MUST be refused if that configuration is.
#[test]
fn a_new_thread_carries_the_product_sku_on_disk() {
    let config = |sku: &str| json!({"config": {"chatgpt_base_url": "http://127.0.0.1", "apps_mcp_product_sku": sku}});
    let call = |thread: &str| json!({"call": {"thread": thread, "server": "codex_apps"}});
    let steps = json!([config("one"), {"sign_in": {"account": "alice", "auth": "chatgpt"}}, {"thread": {"as": "t"}},
        call("t"), config("two"), "reload", call("t"), {"thread": {"as": "u"}}, call("u")]);
    let sequence = sequence(Profile::CodexPr31803, steps);
    let sent = |step, sku: &str| {
        let carried = json!({"headers": {"x-openai-product-sku": sku}});
        let url = "http://127.0.0.1/api/codex/ps/mcp";
        judged_with(&sequence, vec![request(step, true, url, &carried)])
    };
    assert_eq!(sent(3, "two"), Some((3, Rule::AppsServerSkuHeader)));
    // A reload is of servers.
    assert_eq!((sent(6, "one"), sent(6, "two")), (None, None));
    assert_eq!(sent(8, "one"), Some((8, Rule::LifecycleThreadStarts)));
    assert_eq!(sent(8, "two"), None);
}

/// Rule `credentials.apps-only`: With backend auth the host's own credentials, its bearer and account id,
/// MUST be sent to the enabled HTTP server named `codex_apps` in `effective`, unless it has a
/// `bearer_token_env_var`: to no other server, no redirect and no discovery request.
#[test]
fn a_bearer_without_the_accounts_id_is_half_of_the_credentials() {
    let steps = json!([{"config": {"chatgpt_base_url": "http://127.0.0.1"}},
        {"sign_in": {"account": "alice", "auth": "chatgpt"}}, {"thread": {"as": "t"}},
        {"call": {"thread": "t", "server": "codex_apps"}}]);
    let sequence = sequence(Profile::CodexPr27191, steps);
    let sent = |lacks_id| {
        let (url, account) = ("http://127.0.0.1/api/codex/apps".into(), "alice".into());
        // Just after the sign-in, too.
        let at = Duration::from_millis(2_010);
        let credentials = vec![Credentials { at, url, account, lacks_id }];
        let trace = Trace { credentials, ..trace(right(&sequence)) };
        judge(&sequence, &trace).broken().map(|broken| (broken.step, broken.rule))
    };
    assert_eq!(sent(false), None);
    assert_eq!(sent(true), Some((2, Rule::CredentialsAppsOnly)));
}
