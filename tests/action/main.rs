//! `action.yml`: its steps run here as a runner would run them, with a stub in the place of the tool, of
//! `curl` and of `cargo`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics fails, as it should")]

mod inputs;
mod install;
mod runner;
mod steps;

use steps::Step;

#[test]
fn no_script_contains_an_expression() {
    for step in Step::all() {
        let script = step.field("run").unwrap_or_default();
        assert!(!script.contains("${{"), "an input could become code in the step {:?}", step.name);
    }
}

#[test]
fn other_actions_are_pinned_by_commit() {
    for step in Step::all() {
        let Some(uses) = step.field("uses") else { continue };
        let commit = uses.split(['@', ' ']).nth(1).unwrap();
        assert_eq!(commit.len(), 40, "{uses}");
        assert!(commit.chars().all(|c| c.is_ascii_hexdigit()), "{uses}");
    }
}
