//! `fuzz-case`: inputs of fuzz targets as text.

use std::fs;

use crate::{Sandbox, repository};

#[test]
fn an_input_becomes_a_case_that_replay_reads() {
    let sandbox = Sandbox::new();
    let input = fs::read(repository().join("fuzz/seeds/resolve/gate-open")).unwrap();
    fs::write(sandbox.path("gate-open"), &input).unwrap();
    fs::write(sandbox.path("empty"), []).unwrap();
    let output = sandbox.run(&["fuzz-case", "resolve", "gate-open", "empty"]);
    assert_eq!(output.code, Some(0), "{}", output.whole());
    let ids = output.stdout.lines().map(|line| {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        vector["case"]["id"].as_str().unwrap().to_owned()
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["gate-open", "empty"]);
    let file = sandbox.file("cases.jsonl", &output.stdout);
    let replayed = sandbox.run(&["replay", &file]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.whole());
    assert!(replayed.stdout.contains("gate-open: production"), "{}", replayed.whole());
}

#[test]
fn an_input_becomes_a_sequence_that_replay_reads() {
    let sandbox = Sandbox::new();
    let seed = "fuzz/seeds/sequence/a-held-call-is-answered-after-a-reload";
    fs::write(sandbox.path("input"), fs::read(repository().join(seed)).unwrap()).unwrap();
    let output = sandbox.run(&["fuzz-case", "sequence", "input"]);
    assert_eq!(output.code, Some(0), "{}", output.whole());
    let file = sandbox.file("sequence.json", &output.stdout);
    let replayed = sandbox.run(&["replay", &file]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.whole());
}

#[test]
fn what_is_no_input_is_refused() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("empty"), []).unwrap();
    for (arguments, message) in [
        (["fuzz-case", "sequence", "empty"], "empty: an empty input"),
        (["fuzz-case", "resolve", "missing"], "missing: "),
    ] {
        let output = sandbox.run(&arguments);
        assert_eq!(output.code, Some(2), "{}", output.whole());
        assert!(output.stderr.contains(message), "{}", output.whole());
    }
    let output = sandbox.run(&["fuzz-case", "sequence", "empty", "empty"]);
    assert!(output.stderr.contains("expected one input"), "{}", output.whole());
}
