//! The committed vectors: answers that the seed's own code gave, and that nobody wrote by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

mod common;

use std::fs;
use std::path::Path;

use common::SUBJECTS;
use mcp_overlay::cases::vectors;
use mcp_overlay::judge::compare::same;
use mcp_overlay::protocol;
use mcp_overlay::subject::Subject;
use mcp_overlay_model::Case;
use serde_json::{Value, json};

/// Every line of `tests/vectors/*.jsonl`, as JSON and not as this version reads it.
fn lines() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().unwrap(), "jsonl", "{}", path.display());
        for line in fs::read_to_string(&path).unwrap().lines() {
            lines.push(serde_json::from_str(line).unwrap());
        }
    }
    lines
}

/// What two answers are compared by: views and owners, or the rejected path without its reason.
fn compared(answer: &Value) -> Value {
    match answer.get("rejected") {
        Some(rejected) => json!({"rejected": rejected["path"]}),
        None => json!({"views": answer["views"], "plugin_owners": answer["plugin_owners"]}),
    }
}

fn agree(expected: &Value, actual: &Value) -> Result<(), String> {
    let (expected, actual) = (compared(expected), compared(actual));
    if same(&expected, &actual) {
        Ok(())
    } else {
        Err(format!("expected: {expected}\n  actual:   {actual}"))
    }
}

fn check_directly(subject: &dyn Subject, line: &Value) -> Result<(), String> {
    let case: Case = serde_json::from_value(line["case"].clone()).map_err(|e| e.to_string())?;
    let answer = serde_json::to_value(subject.resolve(&case)).map_err(|e| e.to_string())?;
    agree(&line["expected"], &answer)
}

#[test]
fn the_vectors_are_all_there() {
    let lines = lines();
    assert_eq!(lines.len(), 400);
    assert_eq!(vectors::parse(vectors::COMMITTED, Path::new("committed")).unwrap().len(), 400);
    let ids: std::collections::BTreeSet<String> =
        lines.iter().map(|line| line["case"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 400, "an id is there twice");
    let resolved = lines.iter().filter(|line| line["expected"]["views"].is_object()).count();
    assert!(resolved > 100, "only {resolved} vectors resolve");
}

#[test]
fn both_subjects_agree_with_every_vector() {
    for subject in SUBJECTS {
        for line in lines() {
            if let Err(problem) = check_directly(subject, &line) {
                panic!("{} on {}:\n  {problem}", subject.name(), line["case"]["id"]);
            }
        }
    }
}

#[test]
fn both_subjects_agree_with_every_vector_through_the_protocol() {
    let lines = lines();
    let mut requests = json!({"cmd": "start", "version": 1}).to_string() + "\n";
    for (seq, line) in lines.iter().enumerate() {
        let request = json!({"cmd": "resolve", "seq": seq, "case": line["case"]});
        requests += &format!("{request}\n");
    }
    requests += "{\"cmd\":\"stop\"}\n";
    for subject in SUBJECTS {
        let mut output = Vec::new();
        protocol::serve(subject, requests.as_bytes(), &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        let answers: Vec<Value> =
            output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), 1 + lines.len(), "a hello and an answer each");
        let profiles: Vec<&str> = subject.profiles().iter().map(|p| p.name()).collect();
        assert_eq!(answers[0]["profiles"], json!(profiles));
        assert!(profiles.contains(&"codex-pr-27191") && profiles.contains(&"codex-pr-27414"));
        for (seq, line) in lines.iter().enumerate() {
            let answer = answers.iter().find(|answer| answer["seq"] == seq).expect("an answer");
            if let Err(problem) = agree(&line["expected"], answer) {
                panic!("{} on {}:\n  {problem}", subject.name(), line["case"]["id"]);
            }
        }
    }
}

#[test]
fn a_vector_with_another_expectation_is_noticed() {
    let broken_in = |change: &dyn Fn(&mut Value)| {
        let mut noticed = 0;
        for mut line in lines().into_iter().take(50) {
            let before = line.clone();
            change(&mut line["expected"]);
            if line == before {
                continue;
            }
            for subject in SUBJECTS {
                assert!(check_directly(subject, &line).is_err(), "{line}");
                noticed += 1;
            }
        }
        assert!(noticed > 0, "no vector was changed");
    };
    broken_in(&|expected| expected["views"]["effective"]["new"] = json!({"command": "x"}));
    broken_in(&|expected| expected["plugin_owners"]["new"] = json!("p"));
    broken_in(&|expected| *expected = json!({"rejected": {"path": "host"}}));
    for view in ["configured", "runtime", "effective"] {
        broken_in(&|expected| {
            let servers = expected["views"][view].as_object_mut();
            if let Some(server) = servers.and_then(|servers| servers.values_mut().next()) {
                server["required"] = json!("changed");
            }
        });
        broken_in(&|expected| {
            if let Some(servers) = expected["views"][view].as_object_mut() {
                let first = servers.keys().next().cloned();
                first.and_then(|name| servers.remove(&name));
            }
        });
    }
}
