//! The subject's side of the protocol (`docs/protocol.md`): its answers, and what ends a
//! conversation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

mod common;

use std::io::{self, BufRead, Read};

use common::SUBJECTS;
use mcp_overlay::protocol::{MAX_LINE, serve};
use mcp_overlay::subject::ModelSubject;
use serde_json::{Value, json};

/// The result of a conversation: the lines written, and the error that ended it.
struct Conversation {
    answers: Vec<Value>,
    error: Option<String>,
}

/// The model's answers to these lines.
fn converse(lines: &[impl AsRef<[u8]>]) -> Conversation {
    let mut input = Vec::new();
    for line in lines {
        input.extend_from_slice(line.as_ref());
        input.push(b'\n');
    }
    converse_with(&input[..])
}

fn converse_with(input: impl BufRead) -> Conversation {
    let mut output = Vec::new();
    let error = serve(&ModelSubject, input, &mut output).err().map(|error| error.to_string());
    let output = String::from_utf8(output).unwrap();
    assert!(output.is_empty() || output.ends_with('\n'), "half a line was written");
    let answers = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Conversation { answers, error }
}

/// Asserts that line `number` ends the conversation with an error that contains all `words`.
#[track_caller]
fn fails_at(lines: &[impl AsRef<[u8]>], number: usize, words: &[&str]) -> Vec<Value> {
    let Conversation { answers, error } = converse(lines);
    let error = error.expect("an error");
    for word in words.iter().chain(&[format!("line {number}:").as_str()]) {
        assert!(error.contains(word), "{error:?} does not say {word:?}");
    }
    answers
}

const START: &str = r#"{"cmd":"start","version":1}"#;
const STOP: &str = r#"{"cmd":"stop"}"#;

fn resolve(seq: u64, case: &Value) -> String {
    json!({"cmd": "resolve", "seq": seq, "case": case}).to_string()
}

#[test]
fn hello_names_version_profiles_and_capabilities() {
    for subject in SUBJECTS {
        let mut output = Vec::new();
        serve(subject, START.as_bytes(), &mut output).unwrap();
        let hello: Value = serde_json::from_slice(&output).unwrap();
        assert_eq!(hello["version"], 1);
        let profiles: Vec<&str> = subject.profiles().iter().map(|p| p.name()).collect();
        assert!(profiles.starts_with(&["codex-pr-27191"]), "{profiles:?}");
        assert_eq!(hello["profiles"], json!(profiles));
        let plays = subject.name() == "model";
        let sequence = plays.then_some("sequence");
        let capabilities: Vec<&str> =
            ["resolve", "warnings", "wide-cases"].into_iter().chain(sequence).collect();
        assert_eq!(hello["capabilities"], json!(capabilities));
        assert_eq!(hello.get("steps"), None, "all steps");
        let name = hello["implementation"]["name"].as_str().unwrap();
        assert!(name.contains(subject.name()), "{name}");
        assert!(hello["implementation"]["version"].is_string());
        assert!(hello["implementation"]["language"].is_string());
    }
}

#[test]
fn each_case_is_answered_under_its_own_number() {
    let docs = json!({"host": {"mcp_servers": {"docs": {"command": "srv"}}}});
    let bad = json!({"host": {"mcp_servers": {"docs": {}}}});
    // Sequence numbers may have any order, may repeat, and may be as large as a `u64`.
    let Conversation { answers, error } = converse(&[
        START.to_string(),
        resolve(7, &docs),
        resolve(0, &bad),
        resolve(u64::MAX, &json!({})),
        resolve(7, &json!({"auth": "chatgpt"})),
        STOP.to_string(),
    ]);
    assert_eq!(error, None);
    assert_eq!(answers.len(), 5);
    let seqs: Vec<u64> = answers[1..].iter().map(|a| a["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [7, 0, u64::MAX, 7]);
    assert_eq!(answers[1]["views"]["runtime"], json!({"docs": {"command": "srv"}}));
    assert_eq!(answers[1]["plugin_owners"], json!({}));
    assert_eq!(answers[2]["rejected"]["path"], "host.mcp_servers.docs");
    assert_eq!(answers[3]["views"], json!({"configured": {}, "runtime": {}, "effective": {}}));
    assert!(answers[4]["views"]["effective"]["codex_apps"].is_object());
}

#[test]
fn the_conversation_begins_with_start() {
    let case = resolve(1, &json!({}));
    assert_eq!(fails_at(&[&case], 1, &["`resolve` before `start`"]).len(), 0);
    assert_eq!(fails_at(&[&case, START], 1, &["before `start`"]).len(), 0);
}

#[test]
fn a_second_start_is_refused() {
    let case = resolve(1, &json!({}));
    assert_eq!(fails_at(&[START, &case, START, &case], 3, &["second `start`"]).len(), 2);
}

#[test]
fn another_version_is_refused() {
    for version in ["0", "2", "18446744073709551615"] {
        let start = format!(r#"{{"cmd":"start","version":{version}}}"#);
        let words = [version, "version 1"];
        assert_eq!(fails_at(&[start.as_str(), STOP], 1, &words).len(), 0);
        // Also after a valid start.
        assert_eq!(fails_at(&[START, &start], 2, &words).len(), 1);
    }
}

#[test]
fn a_list_is_not_a_request() {
    let list = r#"["resolve",null,1,{}]"#;
    fails_at(&[START, list], 2, &["not a request", "a list"]);
}

#[test]
fn an_invalid_request_ends_the_conversation() {
    let bad: [&[u8]; 12] = [
        b"null",
        b"[]",
        b"{}",
        b"{\"cmd\":\"start\"",
        b"start",
        b"{\"cmd\":\"dance\"}",
        b"{\"cmd\":\"Resolve\",\"seq\":1,\"case\":{}}",
        b"{\"cmd\":\"resolve\",\"case\":{}}",
        b"{\"cmd\":\"resolve\",\"seq\":-1,\"case\":{}}",
        b"{\"cmd\":\"resolve\",\"seq\":1}",
        b"{\"cmd\":\"stop\"}{\"cmd\":\"stop\"}",
        b"{\"cmd\":\"resolve\",\"seq\":1,\"case\":{\"id\":\"\xff\"}}",
    ];
    for line in bad {
        let lines = [START.as_bytes(), line, STOP.as_bytes()];
        let answers = fails_at(&lines, 2, &["not a request", "expected:"]);
        assert_eq!(answers.len(), 1, "only the hello, not an answer to {line:?}");
    }
}

/// Blank lines and members of a later version do not end the conversation.
#[test]
fn blank_lines_and_unknown_members_are_ignored() {
    let later = r#"{"cmd":"resolve","seq":1,"case":{},"note":"of a later version"}"#;
    let Conversation { answers, error } = converse(&[START, "", " ", later, STOP]);
    assert_eq!((answers.len(), error), (2, None));
    assert!(answers[1]["views"].is_object(), "{}", answers[1]);
}

#[test]
fn the_last_of_two_members_counts() {
    let twice = r#"{"cmd":"stop","seq":"x","case":5,"cmd":"resolve","seq":1,"case":{"auth":"root","auth":null}}"#;
    let Conversation { answers, error } = converse(&[START, twice, STOP]);
    assert_eq!((answers.len(), error), (2, None));
    assert!(answers[1]["seq"] == 1 && answers[1]["views"].is_object(), "{}", answers[1]);
}

/// A subject may read a time to the last digit, so the checker must too, or it would blame the
/// subject.
#[test]
fn numbers_are_read_to_the_last_digit() {
    let written = "443669.93937015155";
    let request = format!(
        r#"{{"cmd":"resolve","seq":1,"case":{{"host":{{"mcp_servers":{{"a":{{"command":"c","tool_timeout_sec":{written}}}}}}}}}}}"#
    );
    let answers = converse(&[START, &request]).answers;
    let seconds = answers[1]["views"]["effective"]["a"]["tool_timeout_sec"].as_f64().unwrap();
    assert!((seconds - 443_669.939_370_152).abs() < 1e-10, "{seconds}");
}

/// JSON that a reader rejects inside a case is an error of the case, not of the conversation.
#[test]
fn an_unreadable_case_is_answered() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for case in [deep.as_str(), r#"{"id":"\ud800"}"#] {
        let request = format!(r#"{{"cmd":"resolve","seq":7,"case":{case}}}"#);
        let after = resolve(8, &json!({}));
        let Conversation { answers, error } = converse(&[START, &request, &after]);
        assert_eq!(error, None);
        assert!(answers[1]["errored"]["message"].is_string(), "{}", answers[1]);
        assert!(answers[2]["views"].is_object(), "{}", answers[2]);
    }
}

/// An answer must fit the size limit of a line.
#[test]
fn an_answer_above_the_size_limit_becomes_an_error() {
    let command = "x".repeat(6 * 1024 * 1024);
    let case = json!({"host": {"mcp_servers": {"a": {"command": command}}}});
    let answers = converse(&[START.to_string(), resolve(1, &case)]).answers;
    assert!(answers[1]["errored"]["message"].as_str().unwrap().contains("16 MiB"));
}

#[test]
fn null_for_an_optional_member_is_an_absent_member() {
    let case = json!({
        "id": null, "profile": null, "contributors": null, "auth": null,
        "plugins": [{"id": "p", "active": null, "mcp_servers": null}],
    });
    let answers = converse(&[START.to_string(), resolve(1, &case)]).answers;
    assert!(answers[1]["views"].is_object(), "{}", answers[1]);
}

#[test]
fn an_invalid_case_is_answered_and_the_conversation_continues() {
    let no_cases = [
        json!(null),
        json!([]),
        json!("case"),
        json!({"hosts": {}}),
        json!({"auth": "root"}),
        json!({"auth": {"chatgpt": null}}),
        json!({"profile": null, "hosts": {}}),
        json!({"plugins": [{"active": true}]}),
        json!({"contributors": [{"id": "x"}]}),
        json!({"contributors": [{"id": "x", "hosted_apps": {}, "contributions": []}]}),
        json!({"contributors": [{"id": "x", "contributions": [{"add": {"name": "a"}}]}]}),
    ];
    for (seq, case) in (1..).zip(no_cases) {
        let lines = [START.to_string(), resolve(seq, &case), resolve(99, &json!({}))];
        let Conversation { answers, error } = converse(&lines);
        assert_eq!(error, None, "{case}");
        assert_eq!(answers[1]["seq"], seq, "{case}");
        let message = answers[1]["errored"]["message"].as_str();
        assert!(message.is_some_and(|message| !message.is_empty()), "{}", answers[1]);
        assert!(answers[2]["views"].is_object(), "{}", answers[2]);
    }
}

#[test]
fn a_case_of_an_unknown_profile_is_skipped_not_failed() {
    for profile in [json!("codex-pr-99999"), json!("CODEX-PR-27191"), json!(5)] {
        let case = json!({"profile": profile, "host": {}});
        let Conversation { answers, error } = converse(&[START.to_string(), resolve(3, &case)]);
        assert_eq!(error, None);
        assert_eq!(answers[1]["seq"], 3);
        let reason = answers[1]["skipped"]["reason"].as_str().unwrap();
        assert!(reason.contains(&profile.to_string()), "{reason}");
    }
    // Even if the case is invalid otherwise, because another profile may have another format.
    let case = json!({"profile": "codex-pr-99999", "plugins": ["p"], "more": 1});
    let answers = converse(&[START.to_string(), resolve(3, &case)]).answers;
    assert!(answers[1]["skipped"].is_object(), "{}", answers[1]);
    let known = json!({"profile": "codex-pr-27191"});
    let answers = converse(&[START.to_string(), resolve(3, &known)]).answers;
    assert!(answers[1]["views"].is_object());
}

#[test]
fn the_end_of_input_ends_the_conversation_like_stop() {
    for input in ["", START, "{\"cmd\":\"start\",\"version\":1}\n", STOP] {
        let Conversation { error, .. } = converse_with(input.as_bytes());
        assert_eq!(error, None, "{input:?}");
    }
    // A last line without its newline is a line.
    let input = format!("{START}\n{}", resolve(1, &json!({})));
    assert_eq!(converse_with(input.as_bytes()).answers.len(), 2);
}

#[test]
fn nothing_is_answered_after_stop() {
    let case = resolve(1, &json!({}));
    let Conversation { answers, error } = converse(&[START, &case, STOP, &case, "nonsense"]);
    assert_eq!(error, None);
    assert_eq!(answers.len(), 2);
}

#[test]
fn an_over_long_line_is_refused_without_being_read_to_its_end() {
    let start = format!("{START}\n");
    let endless = io::repeat(b' ');
    let mut input = io::BufReader::new(Read::chain(start.as_bytes(), endless));
    let Conversation { answers, error } = converse_with(&mut input);
    assert_eq!(answers.len(), 1);
    let error = error.expect("an error");
    assert!(error.contains("line 2:") && error.contains("too long"), "{error}");
}

#[test]
fn a_line_of_the_greatest_length_is_read() {
    let case = resolve(5, &json!({}));
    let line = format!("{case}{}", " ".repeat(MAX_LINE - case.len()));
    assert_eq!(line.len(), MAX_LINE);
    let Conversation { answers, error } = converse(&[START, &line, STOP]);
    assert_eq!(error, None);
    assert_eq!(answers[1]["seq"], 5);
    let longer = format!("{line} ");
    fails_at(&[START, &longer, STOP], 2, &["too long"]);
}

#[test]
fn a_broken_pipe_is_an_error_not_a_panic() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = serve(&ModelSubject, START.as_bytes(), Closed).unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
}

fn play(seq: u64, sequence: &Value) -> String {
    json!({"cmd": "sequence", "seq": seq, "sequence": sequence}).to_string()
}

#[test]
fn a_sequence_gets_one_observation_for_each_step() {
    let config = json!({"chatgpt_base_url": "http://127.0.0.1",
        "mcp_servers": {"a": {"url": "https://one.example/mcp"}}});
    let steps = json!([
        {"config": config}, {"thread": {"as": "t"}}, "view", {"config": {"mcp_servers": {"a": {}}}},
        "reload", {"world": {"server": "https://one.example/mcp", "behaviour": "hold"}},
        {"call": {"thread": "t", "server": "a"}}, {"release": {"server": "https://one.example/mcp"}},
    ]);
    let by = json!({"answered": {"by": "https://one.example/mcp"}});
    let expected = json!([
        "done", "done", {"servers": {"a": "with_tools"}}, "done", "refused", "done",
        {"held": {"at": "https://one.example/mcp"}}, {"released": [by]},
    ]);
    let sequence = json!({"steps": steps});
    let Conversation { answers, error } = converse(&[START, &play(5, &sequence), STOP]);
    assert_eq!(error, None);
    assert_eq!(answers[1], json!({"seq": 5, "observations": expected}));
}

/// A sequence that cannot be read is answered with an error, and the conversation continues.
#[test]
fn an_invalid_sequence_is_answered() {
    for (sequence, words) in [
        (json!(5), "not a sequence"),
        (json!(["", "codex-pr-27191", []]), "expected a JSON object"),
        (json!({"steps": ["dance"]}), "unknown variant `dance`"),
        (json!({"steps": [], "colour": 1}), "unknown field `colour`"),
        (json!({"profile": "codex-pr-1", "steps": []}), "codex-pr-1"),
    ] {
        let after = play(8, &json!({"steps": []}));
        let Conversation { answers, error } = converse(&[START, &play(7, &sequence), &after]);
        assert_eq!(error, None);
        let message = answers[1]["errored"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        assert_eq!(answers[2], json!({"seq": 8, "observations": []}));
    }
    fails_at(&[START, r#"{"cmd":"sequence","seq":1}"#], 2, &["`seq` or `sequence` is missing"]);
    fails_at(&[play(1, &json!({"steps": []}))], 1, &["`sequence` before `start`"]);
}
