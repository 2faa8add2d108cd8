//! ChatGPT's own origin, in namespaces of its own.
#![cfg(all(feature = "endpoint", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::path::PathBuf;
use std::process::{Command, Output};

/// Cargo builds examples with the tests, into a sibling folder.
fn helper() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("examples/true-origin-inside")
}

/// Runs the helper with these arguments; `None`, with a message, where namespaces are unavailable.
fn inside(argument: &str) -> Option<Output> {
    let output = Command::new(helper()).arg(argument).output().unwrap();
    if output.status.code() == Some(2) {
        let reason = String::from_utf8_lossy(&output.stderr);
        assert!(reason.contains("no namespaces for ChatGPT's own origin: "), "{reason}");
        eprintln!("SKIPPED: {reason}");
        return None;
    }
    Some(output)
}

#[test]
fn names_resolve_to_loopback_and_there_is_no_way_out() {
    let Some(output) = inside("given") else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        "given: pong Host: chatgpt.com",
        "given: pong Host: chat.openai.com",
        "1.1.1.1 reached: false",
        "example.com found: false",
        "after the end reached: false",
    ];
    assert_eq!(lines, expected, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
}

#[test]
fn the_exit_status_is_passed_on() {
    let Some(output) = inside("exit") else { return };
    assert_eq!(output.status.code(), Some(7));
}

/// Whatever the environment says, nothing is mounted over the system's files.
#[test]
fn a_foreign_marker_is_refused() {
    let network = std::fs::read_link("/proc/self/ns/net").unwrap();
    for marker in ["nonsense".to_owned(), format!("1 {}", network.display())] {
        let mut command = Command::new(helper());
        let output = command.arg("given").env("MCP_OVERLAY_TRUE_ORIGIN", marker).output().unwrap();
        assert_eq!(output.status.code(), Some(101));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("look where this process is"), "{text}");
    }
}
