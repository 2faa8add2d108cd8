//! Sequences over stdio: played by subjects that declare them, judged as in process, and never trusted.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use mcp_overlay::sequences::saved::SavedSequence;
use mcp_overlay::subject::stdio::Patience;
use mcp_overlay::subject::{Driver, Failure, FailureKind, StdioDriver, StepKind, Steps};
use mcp_overlay_model::Profile;
use mcp_overlay_model::lifecycle::Sequence;
use serde_json::{Value, json};

use super::example;

/// The command for a subject with this fault.
fn command(fault: &str) -> String {
    format!("{} {fault}", example("sequences-subject").display())
}

fn start(fault: &str) -> Result<StdioDriver, String> {
    let words = command(fault).split(' ').map(str::to_string).collect();
    let patience = Patience { case: Duration::from_secs(20), ..Patience::default() };
    StdioDriver::start(words, &[Profile::default()], patience).map_err(|error| error.to_string())
}

fn sequence(steps: Value) -> Sequence {
    serde_json::from_value(json!({"steps": steps})).unwrap()
}

/// A call at the end.
fn with_a_call() -> Sequence {
    let servers = json!({"a": {"url": "https://one.example/mcp"}});
    let config = json!({"chatgpt_base_url": "http://127.0.0.1", "mcp_servers": servers});
    sequence(json!([
        {"config": config}, {"thread": {"as": "t"}}, {"call": {"thread": "t", "server": "a"}},
    ]))
}

/// A list at the end.
fn with_a_view() -> Sequence {
    sequence(json!([{"config": {}}, "view"]))
}

/// A release at the end.
fn with_a_release() -> Sequence {
    sequence(json!([{"release": {"server": "https://one.example/mcp"}}]))
}

/// Runs the phase alone; the findings go to a folder.
fn check(fault: &str, findings: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["check", "--stdio", &command(fault), "--only", "sequences", "--sequences", "400"])
        .args(["--findings", findings.to_str().unwrap()])
        .args(more)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

/// The saved findings about a rule.
fn saved(folder: &Path, rule: &str) -> Vec<(PathBuf, SavedSequence)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
    let read = |path: PathBuf| {
        let saved = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (path, saved)
    };
    let about =
        |(_, saved): &(PathBuf, SavedSequence)| saved.rule.is_some_and(|known| known.id() == rule);
    files.map(read).filter(about).collect()
}

#[test]
fn a_right_subject_is_clean_in_every_profile() {
    let folder = tempfile::tempdir().unwrap();
    for subject in ["none", "library"] {
        for profile in Profile::ALL {
            let output = check(subject, folder.path(), &["--profile", profile.name()]);
            assert_eq!(output.status.code(), Some(0), "{subject}: {}", text(&output));
            assert!(text(&output).contains("sequences "), "{}", text(&output));
        }
    }
}

#[test]
fn a_fault_is_found_with_its_rule_made_small_saved_and_replayed() {
    for (fault, profile, rule, most) in [
        ("library-keeps-the-former-account", Profile::CodexPr31803, "lifecycle.signed-out", 3),
        ("library-shows-the-last-good-config", Profile::CodexPr27191, "lifecycle.view-now", 2),
        ("keeps-the-first-credentials", Profile::CodexPr27191, "lifecycle.other-account", 6),
        ("follows-the-disk", Profile::CodexPr31803, "lifecycle.thread-keeps", 4),
        ("ignores-reload", Profile::CodexPr31803, "lifecycle.reload-applies", 5),
        ("reloads-anything", Profile::CodexPr31803, "lifecycle.broken-keeps", 3),
        ("cuts-calls-at-reload", Profile::CodexPr31803, "lifecycle.in-flight", 6),
        ("one-call-blocks-all", Profile::CodexPr31803, "lifecycle.apart", 8),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = check(fault, folder.path(), &["--profile", profile.name()]);
        assert_eq!(output.status.code(), Some(1), "{fault}: {}", text(&output));
        let findings = saved(folder.path(), rule);
        let [(path, finding)] = findings.as_slice() else {
            panic!("{fault}: {findings:?}: {}", text(&output))
        };
        let steps = finding.sequence.steps.len();
        assert!(steps <= most, "{fault}: {steps} steps: {}", text(&output));
        for (subject, status) in [(fault, 1), ("none", 0)] {
            let replayed = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
                .args(["replay", path.to_str().unwrap(), "--stdio", &command(subject)])
                .output()
                .unwrap();
            assert_eq!(replayed.status.code(), Some(status), "{fault}: {}", text(&replayed));
            assert_eq!(text(&replayed).contains(rule), status == 1, "{}", text(&replayed));
        }
    }
}

/// The library dies of any other step.
#[test]
fn a_subject_is_asked_only_the_steps_that_it_declares() {
    let folder = tempfile::tempdir().unwrap();
    let output = check("library", folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let words = "not shown: lifecycle.read-now, lifecycle.thread-starts, lifecycle.thread-keeps, \
                 lifecycle.reload-next-turn, lifecycle.broken-keeps, \
                 lifecycle.in-flight, lifecycle.apart, lifecycle.recovers; the subject does not play \
                 the steps thread, reload, call, read, world, release";
    assert!(text(&output).contains(words), "{}", text(&output));
    let subject = start("library").unwrap();
    let declared = [StepKind::Config, StepKind::SignIn, StepKind::SignOut, StepKind::View];
    assert_eq!(subject.declared(), declared.into_iter().collect());
    assert!(subject.play(&with_a_view()).is_some());
    assert_eq!(subject.play(&with_a_call()), None);
    let path = folder.path().join("call.json");
    let file = json!({"format": 1, "sequence": with_a_call()}).to_string();
    std::fs::write(&path, file).unwrap();
    let replayed = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["replay", path.to_str().unwrap(), "--stdio", &command("library")])
        .output()
        .unwrap();
    assert_eq!(replayed.status.code(), Some(2), "{}", text(&replayed));
    assert!(text(&replayed).contains("does not play every step"), "{}", text(&replayed));
}

#[test]
fn all_steps_without_processes_and_http_are_declared_by_default() {
    let subject = start("none").unwrap();
    assert_eq!(subject.declared(), Steps::without_turns());
    for steps in [
        json!(["settle"]),
        json!([{"config": {"mcp_servers": {"a": {"command": "srv"}}}}]),
        json!([{"world": {"server": "https://one.example/mcp", "behaviour": "down"}}]),
    ] {
        assert_eq!(subject.play(&sequence(steps.clone())), None, "{steps}");
    }
}

#[test]
fn a_subject_without_the_capability_plays_nothing_and_the_report_says_so() {
    let tool = env!("CARGO_BIN_EXE_mcp-overlay");
    let subject = format!("{} fine", example("misbehaving-subject").display());
    let check = |phase: &str| {
        let only = ["check", "--stdio", &subject, "--only", phase];
        Command::new(tool).args(only).output().unwrap()
    };
    let refused = check("sequences");
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("declares the capability \"sequence\""), "{}", text(&refused));
    let words = "not shown: lifecycle.*; the subject does not declare the capability \"sequence\"";
    assert!(text(&check("vectors")).contains(words), "{}", text(&check("vectors")));
}

#[test]
fn unknown_steps_and_steps_that_show_nothing_are_refused_at_the_start() {
    let known = "config, sign_in, sign_out, thread, reload, turn, view, call, read, world, release";
    let error = start("knows-dancing").unwrap_err();
    assert!(error.contains(&format!("the step dance in `steps`, expected: {known}")), "{error}");
    let error = start("knows-nothing-that-shows").unwrap_err();
    let words = "declares the steps `config, sign_in, call`, in which nothing shows, expected `view`, \
                 or `thread` and `call`, among them";
    assert!(error.contains(words), "{error}");
}

/// The failure of a sequence with this fault.
fn failure(fault: &str, sequence: &Sequence) -> Failure {
    start(fault).unwrap().play(sequence).unwrap().unwrap_err()
}

#[test]
fn an_observation_of_the_wrong_form_is_a_protocol_error_with_place_and_expectation() {
    let of_call = r#"expected {"answered":{"by":URL}} or {"held":{"at":URL}} or {"failed":{"at":URL}} or "refused" or "unanswered""#;
    let (call, view, release) = (with_a_call(), with_a_view(), with_a_release());
    let of_view = r#"expected {"servers":{NAME:"with_tools" or "without_tools"}} or "refused""#;
    for (fault, sequence, words) in [
        (
            "answers-one-observation-too-few",
            &call,
            "`observations`: found 2, expected 3, one for each step",
        ),
        ("answers-one-observation-too-many", &call, "`observations`: found 4, expected 3"),
        ("observes-a-number", &call, "`observations[2]`, of the step `call`: found \"5\""),
        ("observes-a-number", &call, of_call),
        ("observes-an-unknown-word", &view, r#"[1]`, of the step `view`: found "\"dnoe\"""#),
        ("observes-an-unknown-word", &view, of_view),
        ("observes-a-servers-list", &view, "`observations[1].servers`, of the step `view`: found"),
        ("lists-with-a-word-of-its-own", &view, r#"`observations[1].servers.a`"#),
        ("lists-with-a-word-of-its-own", &view, r#"expected "with_tools" or "without_tools""#),
        ("observes-two-things", &call, of_call),
        ("observes-a-call-as-a-list", &call, "expected an object with `by`"),
        ("misspells-the-account", &call, "`observations[2].answered.acount`"),
        ("misspells-the-account", &call, "expected only the members `by` and `account`"),
        ("leaves-out-the-url", &call, "`observations[2].failed.at`, of the step `call`: found"),
        ("observes-another-step", &call, of_call),
        ("releases-what-is-held", &release, "`observations[0].released[1]`"),
        ("answers-another-seq", &call, "answered seq 1000000, expected 1"),
        ("answers-without-seq", &call, "`seq` is missing"),
        ("answers-as-to-a-case", &call, "expected either `observations` or `errored`"),
        ("repeats-a-member", &call, "the member \"observations.[2].answered.by\" is there twice"),
        ("answers-with-a-long-line", &call, "wrote a line of more than 16 MiB"),
        ("nests-deeply", &call, "recursion limit exceeded"),
    ] {
        let failure = failure(fault, sequence);
        assert_eq!(failure.kind, FailureKind::Protocol, "{fault}: {failure:?}");
        assert!(failure.message.contains(words), "{fault}: {}\n{words}", failure.message);
    }
}

#[test]
fn a_breakdown_is_told_and_the_next_sequence_gets_a_new_process() {
    for (fault, kind, words) in [
        ("exits", FailureKind::Crashed, "exit status: 3"),
        ("fails", FailureKind::Crashed, "answered a sequence with `errored`: \"no luck\""),
    ] {
        let failure = failure(fault, &with_a_call());
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(failure.message.contains(words), "{failure:?}");
    }
    let subject = start("answers-twice").unwrap();
    assert!(subject.play(&with_a_call()).unwrap().is_ok());
    let again = subject.play(&with_a_call()).unwrap().unwrap_err();
    assert!(again.message.contains("answered seq 1, expected 2"), "{again:?}");
    assert!(subject.play(&with_a_call()).unwrap().is_ok(), "a new process");
}

#[test]
fn breakdowns_are_findings_of_the_run() {
    for (fault, verdict, more) in [
        ("exits", "crashed", &[][..]),
        ("answers-one-observation-too-few", "protocol error", &[]),
        ("hangs", "hung", &["--timeout", "0.5"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = check(fault, folder.path(), more);
        assert_eq!(output.status.code(), Some(1), "{fault}: {}", text(&output));
        assert!(text(&output).contains(&format!("sequences: {verdict}")), "{}", text(&output));
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "{fault}: {}", text(&output));
    }
}

/// One pause of the machine is no finding.
#[test]
fn a_sequence_whose_answer_is_late_once_is_slow() {
    let folder = tempfile::tempdir().unwrap();
    let subject = format!("pauses-once {}", folder.path().join("paused").display());
    let output = check(&subject, &folder.path().join("findings"), &["--timeout", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("slow answer"), "{}", text(&output));
    assert!(
        text(&output).contains("slow: the subject gave no answer within 2 s"),
        "{}",
        text(&output)
    );
}
