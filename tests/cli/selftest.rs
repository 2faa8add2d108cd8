//! `selftest`, and `--fault` of the commands that take it. `tests/selftest.rs` tests the results of
//! the self-test.

use crate::Sandbox;

#[test]
fn the_list_has_every_fault() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("selftest_list", sandbox.run(&["selftest", "--list"]).whole());
}

const ONE: [&str; 5] = ["selftest", "--only", "api-key-passes-gate", "--sound-cases", "300"];

#[test]
fn one_fault_can_be_selected() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&[&ONE[..], &["--json", "matrix.json"]].concat());
    insta::assert_snapshot!("selftest_one", output.whole());
    let written = std::fs::read_to_string(sandbox.path("matrix.json")).unwrap();
    assert!(written.contains("\"fault\": \"api-key-passes-gate\""), "{written}");
    let markdown = sandbox.run(&[&ONE[..], &["--markdown"]].concat());
    insta::assert_snapshot!("selftest_markdown", markdown.whole());
}

#[test]
fn an_unknown_fault_gets_help() {
    let sandbox = Sandbox::new();
    let list = sandbox.run(&["selftest", "--only", "api-key-passes"]);
    let check = sandbox.run(&["check", "--fault", "no-such-thing"]);
    let subject = sandbox.run(&["subject", "model", "--fault", "api-key-passes-gate"]);
    let all = format!("{}\n{}\n{}", list.whole(), check.whole(), subject.whole());
    insta::assert_snapshot!("selftest_misuse", all);
}

#[test]
fn check_with_a_fault_shows_a_finding() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["check", "--fault", "api-key-passes-gate", "--only", "vectors"]);
    assert_eq!(output.code, Some(1), "{}", output.whole());
    assert!(output.stdout.contains("api-key-passes-gate breaks gate.open"), "{}", output.whole());
}

#[test]
fn a_faulty_subject_speaks_the_protocol() {
    let conversation = concat!(
        "{\"cmd\":\"start\",\"version\":1}\n",
        "{\"cmd\":\"resolve\",\"seq\":1,\"case\":{\"auth\":\"api_key\"}}\n",
        "{\"cmd\":\"stop\"}\n",
    );
    let sandbox = Sandbox::new();
    let faulty = ["subject", "production", "--fault", "api-key-passes-gate"];
    let said = |arguments: &[&str]| sandbox.run_with_input(arguments, conversation).stdout;
    assert!(said(&faulty).contains("\"effective\":{\"codex_apps\""), "{}", said(&faulty));
    assert!(said(&faulty[..2]).contains("\"effective\":{}"), "{}", said(&faulty[..2]));
}
