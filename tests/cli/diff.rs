//! `diff`: its output and exit status, and that the page shows its current output.

use std::fs;

use serde_json::Value;

use crate::{Sandbox, repository};

/// Each rule that the later profile adds is shown with a case, whichever profile comes first.
#[test]
fn each_changed_rule_has_a_case() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["diff", "codex-pr-27198", "codex-pr-27414", "--json"]);
    assert_eq!(output.code, Some(1), "{}", output.whole());
    let diff: Value = serde_json::from_str(&output.stdout).unwrap();
    let rules = |list: &Value| -> Vec<(String, String)> {
        let word = |change: &Value, key: &str| change[key].as_str().unwrap().to_string();
        let changes = list.as_array().unwrap();
        changes.iter().map(|change| (word(change, "rule"), word(change, "only_in"))).collect()
    };
    let pair = |rule: &str, profile: &str| (rule.to_string(), profile.to_string());
    let replaced = pair("overlay.set-replaces-whole", "codex-pr-27198");
    let stays = pair("overlay.disabled-stays", "codex-pr-27414");
    assert_eq!(rules(&diff["changes"]), [replaced, stays]);
    // Where `Set` meets a disabled server, the other new rule decides.
    let unseen = pair("overlay.set-replaces-but-disabled", "codex-pr-27414");
    assert_eq!(rules(&diff["unseen"]), [unseen]);
    for change in diff["changes"].as_array().unwrap() {
        assert_ne!(change["left"], change["right"]);
    }

    let back = sandbox.run(&["diff", "codex-pr-27414", "codex-pr-27198", "--json"]);
    let back: Value = serde_json::from_str(&back.stdout).unwrap();
    for (change, back) in [0, 1].map(|at| (&diff["changes"][at], &back["changes"][at])) {
        assert_eq!(back["case"], change["case"]);
        assert_eq!(back["left"], change["right"]);
    }
}

#[test]
fn equal_profiles_exit_0_and_wrong_use_exits_2() {
    let sandbox = Sandbox::new();
    let same = sandbox.run(&["diff", "codex-pr-27414", "codex-pr-27414"]);
    assert_eq!(same.code, Some(0), "{}", same.whole());
    let wrong = sandbox.run(&["diff", "codex-pr-27414", "codex-pr-1"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.whole());
    assert!(wrong.stderr.contains("codex-pr-27198"), "{}", wrong.whole());
}

#[test]
fn the_page_shows_the_current_output() {
    let page = fs::read_to_string(repository().join("docs/profiles.md")).unwrap();
    let pasted = page.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    let (command, pasted) = pasted.split_once('\n').unwrap();
    let words: Vec<&str> = command.strip_prefix("$ mcp-overlay ").unwrap().split(' ').collect();
    assert_eq!(Sandbox::new().run(&words).stdout, pasted);
}
