//! `replay`: findings and vectors, agreeing and not.

use crate::{Sandbox, repository};

fn first_vector() -> String {
    let path = repository().join("tests/vectors/codex-pr-27191.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().find(|line| line.contains("\"v00001\"")).unwrap().to_string()
}

#[test]
fn a_correct_vector_agrees() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("v.jsonl", &first_vector());
    insta::assert_snapshot!("replay_vector", sandbox.run(&["replay", &file]).whole());
}

/// Somebody tries a case of their own.
#[test]
fn a_case_alone_is_asked() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("c.json", "{\n  \"case\": {\"auth\": \"api_key\"}\n}\n");
    let right = sandbox.run(&["replay", &file]);
    assert_eq!((right.code, &*right.stdout), (Some(0), AGREES), "{}", right.whole());
    let wrong = sandbox.file("w.json", "{\"case\": {\"hosts\": {}}}");
    let refused = sandbox.run(&["replay", &wrong]);
    assert_eq!(refused.code, Some(2), "{}", refused.whole());
    assert!(refused.stderr.contains("`case` is not a case: unknown field `hosts`"));
}

const AGREES: &str = "case: production and the specification agree\n";

#[test]
fn a_wrong_vector_disagrees() {
    let sandbox = Sandbox::new();
    let changed = first_vector().replace("\"effective\":{\"codex_apps\"", "\"effective\":{\"x\"");
    assert_ne!(changed, first_vector());
    let file = sandbox.file("v.jsonl", &changed);
    let output = sandbox.run(&["replay", &file]);
    assert_eq!(output.code, Some(1));
    insta::assert_snapshot!("replay_changed_vector", output.whole());
}

#[test]
fn a_fixed_finding_agrees() {
    let sandbox = Sandbox::new();
    let finding = serde_json::json!({
        "finding": 1, "subject": "production", "verdict": "disagree",
        "rule": "gate.closed-removes", "sentence": "", "differences": [],
        "case": {"auth": "api_key"},
        "expected": {"views": {"configured": {}, "runtime": {}, "effective": {}}},
    });
    let file = sandbox.file("f.json", &finding.to_string());
    let output = sandbox.run(&["replay", &file]);
    assert_eq!(output.code, Some(0), "{}", output.whole());
}

/// A finding about a vector that disagreed with the model is replayed against the model.
#[test]
fn a_finding_about_a_vector_is_replayed_as_a_vector() {
    let sandbox = Sandbox::new();
    let empty = serde_json::json!({"views": {"configured": {}, "runtime": {}, "effective": {}}});
    let finding = |actual: &serde_json::Value| {
        serde_json::json!({
            "finding": 1, "subject": "the vector", "verdict": "disagree", "rule": "",
            "sentence": "", "differences": [], "case": {"auth": "chatgpt"},
            "expected": empty, "actual": actual,
        })
    };
    let file = sandbox.file("f.json", &finding(&empty).to_string());
    let output = sandbox.run(&["replay", &file]);
    assert_eq!(output.code, Some(1), "{}", output.whole());
    assert!(output.stdout.contains("the vector breaks"), "{}", output.whole());
}

#[test]
fn an_unreadable_finding_is_an_error() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("f.json", "{\n  \"finding\": 1,\n  \"subject\": 2\n}");
    let output = sandbox.run(&["replay", &file]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("f.json: not a finding"), "{}", output.whole());
}

#[test]
fn a_finding_of_another_format_is_refused() {
    let sandbox = Sandbox::new();
    let finding = serde_json::json!({
        "finding": 2, "subject": "production", "verdict": "disagree", "rule": "", "sentence": "",
        "differences": [], "case": {},
        "expected": {"views": {"configured": {}, "runtime": {}, "effective": {}}},
    });
    let file = sandbox.file("f.json", &finding.to_string());
    let output = sandbox.run(&["replay", &file]);
    assert_eq!(output.code, Some(2), "{}", output.whole());
    assert!(output.stderr.contains("format 2, expected 1"), "{}", output.whole());
}

#[test]
fn a_file_without_finding_or_vector_is_an_error() {
    let sandbox = Sandbox::new();
    let mut all = String::new();
    let skipped = "{\"case\":{},\"expected\":{\"skipped\":{\"reason\":\"x\"}}}";
    for text in ["{}", "not json", "", skipped, "{\"case\":{\"auth\":\"oauth\"},\"expected\":{}}"] {
        let file = sandbox.file("x.json", text);
        let output = sandbox.run(&["replay", &file]);
        assert_eq!(output.code, Some(2), "{text}");
        all.push_str(&output.whole());
        all.push('\n');
    }
    insta::assert_snapshot!("replay_bad_input", all);
}

/// The subject is asked the finding's case, so it must support that case's profile and no other.
#[test]
fn a_subject_must_support_only_the_profile_of_the_finding() {
    let sandbox = Sandbox::new();
    let finding = serde_json::json!({
        "finding": 1, "subject": "fork", "verdict": "disagree", "rule": "", "sentence": "",
        "differences": [], "case": {"profile": "codex-pr-27198"},
        "expected": {"views": {"configured": {}, "runtime": {}, "effective": {}}},
    });
    let finding = sandbox.file("f.json", &finding.to_string());
    let hello = serde_json::json!({
        "version": 1, "implementation": {"name": "fork", "version": "2", "language": "sh"},
        "profiles": ["codex-pr-27198"], "capabilities": ["resolve"],
    });
    let skipped = serde_json::json!({"seq": 1, "skipped": {"reason": "not today"}});
    let script = format!("read start\necho '{hello}'\nread case\necho '{skipped}'\nread stop\n");
    let script = sandbox.file("fork.sh", &script);
    let output = sandbox.run(&["replay", &finding, "--stdio", &format!("sh {script}")]);
    assert!(output.stdout.contains("fork 2: skipped"), "{}", output.whole());
    assert_eq!(output.code, Some(2));
}
