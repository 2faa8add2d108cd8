//! Each kind of misbehaviour is recognised in time, and leaves no process behind.

use std::time::{Duration, Instant};

use mcp_overlay::Subject;
use mcp_overlay::subject::stdio::{Patience, StartError};
use mcp_overlay::subject::{
    Driver, Failure, FailureKind, ProductionSubject, Reply, StdioDriver, ask_one,
};
use mcp_overlay_model::Profile;
use serde_json::json;

use super::{Processes, TIMEOUT, case, fatal, harmless};

/// The verdict must come within this time after the timeout.
const GRACE: Duration = Duration::from_secs(1);

/// Asks a harmless case, the fatal one and another one at once; returns the failure of the fatal
/// one.
#[track_caller]
fn failure_of(way: &str) -> Failure {
    let processes = Processes::new();
    let subject = processes.start(way);
    let begun = Instant::now();
    let replies = subject.ask(&[harmless(), fatal(), harmless()]);
    let took = begun.elapsed();
    assert!(took < TIMEOUT + GRACE, "{way}: the verdict took {took:?}");
    assert_eq!(processes.assert_gone(), if way == "leaves-a-child" { 2 } else { 1 });
    let [first, second, third] = replies.try_into().unwrap();
    assert_eq!(first, Reply::Answered(ProductionSubject.resolve(&harmless())), "{way}");
    // Later output of the broken process is ignored, because a new process is asked.
    let again = subject.ask(&[harmless()]);
    assert_eq!(again, [Reply::Answered(ProductionSubject.resolve(&harmless()))], "{way}");
    match (second, third) {
        (Reply::Failed(failure), Reply::NotAsked | Reply::Answered(_)) => failure,
        other => panic!("{way}: {other:?}"),
    }
}

#[track_caller]
fn assert_failure(way: &str, kind: FailureKind, words: &str) {
    let failure = failure_of(way);
    assert_eq!(failure.kind, kind, "{way}: {}", failure.message);
    assert!(failure.message.contains(words), "{way}: {}", failure.message);
    assert!(!failure.message.contains('\x1b'), "{way}: {:?}", failure.message);
}

#[test]
fn a_subject_that_does_not_answer_is_reported_as_hung() {
    assert_failure("hangs", FailureKind::Hung, "no answer within 0.6 s");
    // The subject answers the next case, and still the unanswered case is blamed.
    assert_failure("answers-not", FailureKind::Hung, "no answer within 0.6 s");
}

#[test]
fn a_late_answer_is_reported_as_a_hang() {
    assert_failure("answers-late", FailureKind::Hung, "no answer within");
}

#[test]
fn a_subject_that_exits_is_reported_as_crashed() {
    assert_failure("exits", FailureKind::Crashed, "exit status: 3");
    assert_failure("exits-with-0", FailureKind::Crashed, "exit status: 0");
    assert_failure("dies-by-a-signal", FailureKind::Crashed, "signal: 6");
    assert_failure("dies-in-the-middle-of-a-line", FailureKind::Crashed, "exit status: 3");
    assert_failure("closes-its-output", FailureKind::Crashed, "closed its standard output");
}

/// The pipe stays open, but the exit of the subject is detected, and the child is killed too.
#[test]
fn a_child_that_holds_the_pipes_does_not_delay_the_verdict() {
    assert_failure("leaves-a-child", FailureKind::Crashed, "exit status: 3");
}

/// The answer is correct, but the subject itself has exited.
#[test]
fn an_answer_of_a_child_process_does_not_count() {
    let processes = Processes::new();
    let subject = processes.start("has-a-child-answer");
    let reply = subject.ask(&[fatal()]).pop();
    let Some(Reply::Failed(failure)) = reply else { panic!("{reply:?}") };
    assert_eq!(failure.kind, FailureKind::Crashed);
    assert!(failure.message.contains("exit status: 5"), "{}", failure.message);
    processes.assert_gone();
}

#[test]
fn protocol_violations_are_described() {
    for (way, words) in [
        ("says-no-protocol", "an invalid answer: \"Resolving servers"),
        ("says-a-number", "an invalid answer: \"42\""),
        ("says-nothing-of-the-matter", "none or several of `views`"),
        ("answers-with-a-list", "expected an object"),
        ("answers-another-seq", "which was not asked"),
        ("answers-without-seq", "without `seq`"),
        ("answers-twice", "answered seq 2 twice"),
        ("says-a-long-line", "more than 16 MiB"),
        ("repeats-its-seq", "the member seq is there twice"),
        ("repeats-a-view", "the member views is there twice"),
        ("repeats-a-server", "the member views.effective.a is there twice"),
        ("repeats-a-field", "the member views.effective.a.command is there twice"),
    ] {
        assert_failure(way, FailureKind::Protocol, words);
    }
}

/// Each line is within its limit, but all of them together must not fill the memory.
#[test]
fn a_batch_above_the_size_limit_is_refused() {
    let processes = Processes::new();
    let subject = processes.start_with("answers-too-much", Duration::from_secs(20));
    let replies = subject.ask(&vec![harmless(); 8]);
    let refused = replies.iter().find_map(|reply| match reply {
        Reply::Failed(failure) => Some(failure.message.as_str()),
        _ => None,
    });
    assert_eq!(refused, Some("answered 8 cases with more than 16 MiB"));
    processes.assert_gone();
}

/// Rule `credentials.never-shown` also holds for the reasons and the log of a subject. The value that
/// the case has is replaced, so that an ordinary word is no secret.
#[test]
fn the_value_of_a_variable_in_the_output_is_a_leak() {
    for (way, stream) in [
        ("logs-its-variables", "standard error"),
        ("gives-a-variable-as-reason", "standard output"),
    ] {
        let processes = Processes::new();
        let subject = processes.start_with(way, Duration::from_secs(5));
        let with_variable = case(json!({"host": {"env": {"TOK": "a", "OTHER": " "}}}));
        // A process may write its log after its answer; the next answer comes after both.
        let replies: Vec<Reply> = (0..20).map(|_| ask_one(&subject, &with_variable)).collect();
        let leak = replies.iter().find_map(|reply| match reply {
            Reply::Failed(failure) => Some(failure),
            _ => None,
        });
        let leak = leak.unwrap();
        let words = format!("wrote the value of an environment variable to its {stream}");
        assert_eq!((leak.kind, &leak.message), (FailureKind::Leaked, &words), "{way}");
        let subject = processes.start_with(way, Duration::from_secs(5));
        let blank = case(json!({"host": {"env": {"TOK": "\u{feff}"}}}));
        assert!(matches!(ask_one(&subject, &blank), Reply::Answered(_)), "{way}");
        assert!(matches!(ask_one(&subject, &harmless()), Reply::Answered(_)), "{way}");
    }
}

/// The subject writes 4 MiB, more than any pipe buffers.
#[test]
fn standard_error_does_not_affect_the_verdict() {
    let processes = Processes::new();
    let subject = processes.start("floods-its-standard-error");
    let replies = subject.ask(&[fatal(), harmless()]);
    let right = [fatal(), harmless()].map(|case| Reply::Answered(ProductionSubject.resolve(&case)));
    assert_eq!(replies, right);
    assert_eq!(subject.stop(), Vec::<String>::new());
    assert_eq!(processes.assert_gone(), 1, "it was never started again");
}

/// Without `--profile` a subject is checked against one that it knows.
#[test]
fn the_profiles_of_the_subject_decide() {
    let processes = Processes::new();
    for (way, profile) in [
        ("fine", Some("codex-pr-27191")),
        ("knows-a-later-profile", Some("codex-pr-31803")),
        ("knows-another-profile", None),
    ] {
        let driver = StdioDriver::start(processes.command(way), &[], Patience::default());
        assert_eq!(driver.ok().map(|driver| driver.preferred_profile().name()), profile, "{way}");
    }
    let command = processes.command("knows-a-later-profile").join(" ");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["check", "--stdio", &command, "--only", "vectors"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("against codex-pr-31803"), "{text}");
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[test]
fn an_unusable_subject_is_refused_at_start() {
    let refusal = |way: &str, words: &str| {
        let processes = Processes::new();
        let patience = Patience { case: TIMEOUT, start: Duration::from_secs(1) };
        let begun = Instant::now();
        let refused = StdioDriver::start(processes.command(way), &[Profile::default()], patience);
        let error = refused.unwrap_err().to_string();
        assert!(begun.elapsed() < Duration::from_secs(2), "{way}");
        assert!(error.contains(words), "{way}: {error}");
        processes.assert_gone();
    };
    refusal("never-starts", "no answer within 1 s");
    refusal("says-no-hello", "answered `start` with \"ready\"");
    refusal("repeats-its-version", "the member version is there twice");
    refusal("speaks-version-2", "speaks version 2, expected 1");
    refusal(
        "knows-another-profile",
        "lists no profile that this version knows; its `profiles`: codex-pr-1",
    );
    let unknown = StdioDriver::start(
        vec!["/nonexistent/subject".into()],
        &[Profile::default()],
        Patience::default(),
    );
    assert!(
        matches!(unknown, Err(StartError::Start { problem, .. }) if problem.contains("started"))
    );
}

#[test]
fn an_irregular_exit_is_reported() {
    for (way, words) in [("stops-with-1", "exit status: 1"), ("does-not-stop", "did not end")] {
        let processes = Processes::new();
        let subject = processes.start(way);
        subject.ask(&[harmless()]);
        let complaints = subject.stop();
        assert!(complaints.len() == 1 && complaints[0].contains(words), "{complaints:?}");
        processes.assert_gone();
    }
}
