//! `subject`: the protocol over real pipes. The conversation itself is tested in
//! `tests/protocol.rs`.

use crate::{Sandbox, repository};

const CONVERSATION: &str = concat!(
    "{\"cmd\":\"start\",\"version\":1}\n",
    "{\"cmd\":\"resolve\",\"seq\":1,\"case\":{\"host\":{\"features\":{\"apps\":false}}}}\n",
    "{\"cmd\":\"stop\"}\n",
);

#[test]
fn both_subjects_answer() {
    let sandbox = Sandbox::new();
    for subject in ["production", "model"] {
        let output = sandbox.run_with_input(&["subject", subject], CONVERSATION);
        insta::assert_snapshot!(format!("subject_{subject}"), output.whole());
    }
}

#[test]
fn the_example_in_the_protocol_page_matches_the_output() {
    let page = std::fs::read_to_string(repository().join("docs/protocol.md")).unwrap();
    let block = page.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    let (_, expected) = block.split_once("mcp-overlay subject model\n").unwrap();
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run_with_input(&["subject", "model"], CONVERSATION).stdout, expected);
}

#[test]
fn an_invalid_request_exits_2() {
    let sandbox = Sandbox::new();
    let output = sandbox.run_with_input(&["subject", "model"], "{\"cmd\":\"go\"}\n");
    assert_eq!(output.code, Some(2));
    insta::assert_snapshot!("subject_bad_line", output.whole());
}
