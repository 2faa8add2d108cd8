//! Sequences on a running host: the sound one follows the specification, and every fault over time is
//! found, blamed on its rule and made small.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use mcp_overlay::black_box::BlackBox;
use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::campaign::{self, Options, Phase, Quiet};
use mcp_overlay::report::{Report, RunVerdict};
use mcp_overlay::sequences::judge::{Verdict, judge};
use mcp_overlay::subject::Driver;
use mcp_overlay_model::{Profile, Rule};

use crate::sequence_examples::{Example, examples};
use crate::{IMPATIENCE, PATIENCE, SHOWN, for_each};

pub(crate) fn start(fault: &str, profile: Profile) -> BlackBox {
    let tool = env!("CARGO_BIN_EXE_mcp-overlay");
    let stdio = [tool, "endpoint", "stdio"].map(str::to_string).to_vec();
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/over-time-host");
    let program = program.display().to_string();
    let command = [&program, fault, "app-server", "--profile", profile.name()];
    let command = command.map(str::to_string).to_vec();
    let patience = if fault == "none" { PATIENCE } else { IMPATIENCE };
    BlackBox::start(command, stdio, patience, AppsOrigin::Loopback).unwrap()
}

fn run(fault: &str, profile: Profile, sequences: u64) -> Report {
    let options = Options {
        profile,
        phases: [Phase::Sequences].into(),
        sequences,
        seed: 1,
        // Some faults show in many ways; each test is about one.
        whole: true,
        ..Options::default()
    };
    campaign::run(&start(fault, profile), &options, &mut Quiet).unwrap()
}

#[test]
fn every_example_holds_on_the_sound_host_in_every_profile_of_its_rule() {
    for profile in SHOWN {
        let subject = start("none", profile);
        for Example { rule, sequence, expect, .. } in
            examples().into_iter().filter(|example| example.profile == profile)
        {
            let trace = subject.play(&sequence).unwrap().unwrap();
            assert_eq!(judge(&sequence, &trace), Verdict::Agree, "{rule} in {}", profile.name());
            let seen = trace.steps.last().map(|last| &last.seen);
            assert_eq!(seen, Some(&expect), "{rule} in {}", profile.name());
        }
    }
}

#[test]
fn the_sound_host_follows_every_sequence() {
    for profile in SHOWN {
        let report = run("none", profile, 60);
        let names: Vec<&String> = report.scenarios.iter().map(|failed| &failed.message).collect();
        assert_eq!(report.verdict(), RunVerdict::NoDisagreement, "{names:#?}");
        assert_eq!(report.compared(), 60);
    }
}

/// The faults, each with the rule that it breaks, the sequences that find it (every one of the others
/// that fails is shrunk as well), and the most steps that show it.
const FAULTS: [(&str, Rule, u64, usize); 11] = [
    ("ignores-logout", Rule::LifecycleSignedOut, 40, 4),
    ("ignores-reload", Rule::LifecycleReloadApplies, 40, 5),
    ("reloads-anything", Rule::LifecycleBrokenKeeps, 40, 3),
    ("lists-from-memory", Rule::LifecycleViewNow, 40, 3),
    ("follows-the-disk", Rule::LifecycleThreadKeeps, 40, 4),
    ("cuts-calls-at-reload", Rule::LifecycleInFlight, 40, 7),
    ("one-call-blocks-all", Rule::LifecycleApart, 60, 6),
    ("stays-broken-after-a-failure", Rule::LifecycleRecovers, 60, 6),
    ("starts-threads-anyway", Rule::LifecycleThreadStarts, 130, 2),
    // A server that is down makes each play last seconds, and the time to shrink is limited.
    ("never-restores-the-apps-server", Rule::LifecycleSignInRestores, 130, 12),
    ("keeps-the-first-sign-in", Rule::LifecycleFileCounts, 60, 5),
];

#[test]
fn every_fault_over_time_is_found_blamed_and_made_small() {
    let problems = Mutex::new(Vec::new());
    for_each(FAULTS.to_vec(), |(fault, rule, sequences, most)| {
        let started = Instant::now();
        let report = run(fault, Profile::CodexPr31803, sequences);
        println!("{fault}: {:?}", started.elapsed());
        let Some(found) = report.scenarios.iter().find(|failed| failed.rule == Some(rule)) else {
            let failed = report.scenarios.iter();
            let blamed: Vec<_> = failed.map(|failed| (failed.rule, &failed.message)).collect();
            problems.lock().unwrap().push(format!("{fault}: {blamed:?}"));
            return;
        };
        let steps = found.message.lines().filter(|line| line.starts_with("  ")).count();
        println!("{}", found.message);
        let told = found.message.matches(&format!("\n  {}. ", most + 1)).count();
        let is_advisory = rule == Rule::LifecycleFileCounts;
        if told > 0 || steps == 0 || found.advisory != is_advisory {
            problems.lock().unwrap().push(format!("{fault}: more than {most} steps: {found:?}"));
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What each fault leaks, and the sequence that shows it.
const LEAKS: [(&str, &str, &str); 5] = [
    ("tells-discovery-the-account-id", LOGINS, "rule: CredentialsWhereAuthSays"),
    (
        "gives-the-token-to-processes-of-threads",
        r#"{"config": {"mcp_servers": {"s": {"command": "x"}}}}, "reload",
            {"thread": {"as": "t1"}}, "view""#,
        "gave a secret to the process of a server",
    ),
    (
        "shows-the-tokens-of-logins",
        r#"{"config": {"mcp_servers": {"s": {"url": "http://127.0.0.1/s"}}}}, "reload",
            {"log_in": {"server": "s"}}, "view", "view""#,
        "wrote the access token of a login to its standard error",
    ),
    (
        "names-the-tokens-of-logins-in-errors",
        r#"{"config": {"mcp_servers": {"s": {"url": "http://127.0.0.1/s"}}}}, "reload",
            {"log_in": {"server": "s"}}, {"thread": {"as": "t1"}},
            {"call": {"thread": "t1", "server": "none"}}, "view""#,
        "wrote the refresh token of a login to its standard output",
    ),
    (
        "tells-servers-the-account-id",
        r#"{"config": {"mcp_servers": {"s": {"url": "http://127.0.0.1/s"}}}}, "reload",
            {"thread": {"as": "t1"}}, {"call": {"thread": "t1", "server": "s"}}, "view""#,
        "rule: CredentialsWhereAuthSays",
    ),
];

/// Hosts that go wrong in one place, the sequence that shows it, and what is said.
const LAPSES: [(&str, &str, &str); 8] = [
    ("answers-twice", CALLS, "answered request 3 twice"),
    ("leaves-a-process", CALLS, "the process sleep"),
    ("panics-at-the-end", CALLS, "ended with exit status: 101"),
    (
        "remembers-reads",
        r#"{"config": {"mcp_servers": {"s": {"url": "https://one.example"}}}},
            {"thread": {"as": "t1"}}, {"read": {"thread": "t1", "server": "s"}},
            {"config": {"mcp_servers": {"s": {"url": "https://two.example"}}}}, "reload",
            {"read": {"thread": "t1", "server": "s"}}"#,
        "rule: LifecycleReloadApplies",
    ),
    (
        "remembers-the-status-of-logins",
        r#"{"config": {"mcp_servers": {"s": {"url": "https://one.example"}}}},
            {"log_in": {"server": "s"}}, "view",
            {"tokens": {"server": "https://one.example", "behaviour": "invalid_grant"}},
            {"expire": {"server": "https://one.example"}}, "view""#,
        "rule: LifecycleLoginEnded",
    ),
    (
        "ignores-the-command-line",
        r#"{"arguments": {"mcp_servers": {"s": {"enabled": false}}}},
            {"config": {"mcp_servers": {"s": {"url": "https://one.example"}}}}, "view""#,
        "rule: LifecycleViewNow",
    ),
    ("drops-the-other-logins-at-a-refresh", LOGINS, "LoginLost(\"https://one.example\")"),
    ("tells-token-endpoints-the-account-id", LOGINS, "rule: CredentialsWhereAuthSays"),
];

const CALLS: &str = r#"{"config": {"mcp_servers": {"s": {"url": "https://one.example"}}}},
    {"thread": {"as": "t1"}}, {"call": {"thread": "t1", "server": "s"}}, "view",
    {"end_host": {"by": "end_of_input"}}"#;

const LOGINS: &str = r#"{"config": {"mcp_servers":
        {"s": {"url": "https://one.example"}, "t": {"url": "https://two.example"}}}},
    {"log_in": {"server": "s"}}, {"log_in": {"server": "t"}}, {"thread": {"as": "t1"}},
    {"call": {"thread": "t1", "server": "s"}}, {"expire": {"server": "https://two.example"}},
    {"call": {"thread": "t1", "server": "t"}}, "view""#;

#[test]
fn a_host_that_goes_wrong_in_one_place_is_found_over_time() {
    // Other systems do not show the environment of a process.
    let is_shown = |fault: &str| cfg!(target_os = "linux") || fault != "leaves-a-process";
    let lapses: Vec<_> = LAPSES.into_iter().filter(|(fault, ..)| is_shown(fault)).collect();
    shows(&lapses);
    // The sound host is found right in each of them.
    shows(&LAPSES.map(|(_, steps, _)| ("none", steps, "Agree")));
}

/// Rules `credentials.never-shown` and `credentials.where-auth-says`, over time.
#[test]
fn a_secret_in_a_wrong_place_is_found_over_time() {
    shows(&LEAKS);
}

/// Plays each sequence on the host with the fault; what is found has these words.
fn shows(all: &[(&'static str, &'static str, &'static str)]) {
    for_each(all.to_vec(), |(fault, steps, said)| {
        let sign_in = r#"{"sign_in": {"account": "alice", "auth": "chatgpt"}}"#;
        let sequence = format!(r#"{{"profile": "codex-pr-31803", "steps": [{sign_in}, {steps}]}}"#);
        let sequence = serde_json::from_str(&sequence).unwrap();
        let words = match start(fault, Profile::CodexPr31803).play(&sequence).unwrap() {
            Err(failure) => failure.message,
            Ok(trace) => format!("{:?}", judge(&sequence, &trace)),
        };
        assert!(words.contains(said), "{fault}: {words}");
    });
}

/// A rule that only the older profiles have.
#[test]
fn a_host_that_loses_its_servers_at_a_reload_is_found_in_older_profiles_too() {
    let report = run("loses-servers-at-reload", Profile::CodexPr27191, 100);
    let rules: Vec<_> = report.scenarios.iter().filter_map(|failed| failed.rule).collect();
    assert!(rules.contains(&Rule::LifecycleReloadNextTurn), "{rules:?}");
}

/// The command line of the program with a fault.
pub(crate) fn command(fault: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/over-time-host");
    format!("{} {fault} app-server", program.display())
}

pub(crate) fn tool(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mcp-overlay")).args(arguments).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(words).unwrap())
}

#[test]
fn a_saved_sequence_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings").display().to_string();
    let faulty = command("ignores-logout");
    let phase = ["--only", "sequences", "--sequences", "60", "--findings", &findings];
    let check = [&["check", "--app-server", &faulty], &phase[..]].concat();
    let (status, words) = tool(&check);
    assert_eq!(status, Some(1), "{words}");
    assert!(words.contains("sequences: lifecycle.signed-out\n  a sequence of "), "{words}");
    let files = std::fs::read_dir(&findings).unwrap().map(|file| file.unwrap().path());
    let files = files.map(|path| path.display().to_string());
    let file = files.into_iter().find(|file| file.contains("lifecycle.signed-out")).unwrap();
    assert!(words.contains(&format!("saved: {file}")), "{words}");

    let (status, words) = tool(&["replay", &file, "--app-server", &faulty]);
    assert_eq!(status, Some(1), "{words}");
    assert!(words.contains("over-time-host 0.1.0 breaks lifecycle.signed-out"), "{words}");
    let (status, words) = tool(&["replay", &file, "--app-server", &command("none")]);
    assert_eq!(status, Some(0), "{words}");
    assert!(words.contains("over-time-host 0.1.0 follows the specification"), "{words}");

    let (status, words) = tool(&["replay", &file]);
    assert_eq!(status, Some(0), "{words}");
    assert!(words.contains("production follows the specification"), "{words}");

    let (status, words) = tool(&["replay", "--step", &file, "--app-server", &faulty]);
    assert_eq!(status, Some(1), "{words}");
    let (steps, verdict) = words.split_once("over-time-host 0.1.0 breaks").unwrap();
    assert!(steps.starts_with("  1. ") && steps.contains(" s: success\n"), "{words}");
    assert!(verdict.contains("happened: "), "{words}");

    let vector = folder.path().join("vector.jsonl");
    std::fs::write(&vector, "{\"case\":{},\"expected\":{\"rejected\":{\"path\":\"x\"}}}\n")
        .unwrap();
    let vector = vector.display().to_string();
    let old = folder.path().join("old.json");
    std::fs::write(&old, "{\"format\":0,\"sequence\":{\"steps\":[]}}").unwrap();
    let old = old.display().to_string();
    let sound = command("none");
    for (arguments, words) in [
        (vec!["replay", &vector, "--step"], "--step is for sequences"),
        (vec!["replay", &file, "--stdio", "x"], "the subject `x` cannot be started"),
        (vec!["replay", &file, &vector, "--app-server", &sound], "not a sequence"),
        (vec!["replay", &old, "--app-server", &sound], "a sequence of format 0, expected 1"),
        (vec!["check", "--only", "sequences", "--stdio", "x"], "the subject `x` cannot be started"),
    ] {
        let (status, said) = tool(&arguments);
        assert!(status == Some(2) && said.contains(words), "{arguments:?}: {said}");
    }
}

/// The end of the input would also take each step, so this one is typed.
#[test]
fn a_sequence_waits_for_enter_before_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sequence.json");
    let steps = r#"["view", {"thread": {"as": "t1"}}, "reload"]"#;
    let sequence = format!(r#"{{"profile": "codex-pr-31803", "steps": {steps}}}"#);
    std::fs::write(&file, format!(r#"{{"format": 1, "sequence": {sequence}}}"#)).unwrap();
    let mut replay = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"));
    replay.args(["replay", "--step"]).arg(&file);
    let mut child = replay.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut typed = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    for step in ["  1. the servers are listed", "  2. thread t1 starts", "  3. the configuration"] {
        let shown = next();
        assert!(shown.starts_with(step), "{shown}");
        // Nobody has typed, so it can be neither finished nor over.
        assert_eq!(child.try_wait().unwrap(), None);
        writeln!(typed).unwrap();
        let seen = next();
        assert!(seen.starts_with("     ") && seen.contains(" s: "), "{seen}");
    }
    assert_eq!(next(), "production follows the specification");
    assert!(child.wait().unwrap().success());
}
