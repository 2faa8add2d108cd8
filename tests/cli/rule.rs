//! `rule` and `rules`.

use mcp_overlay_model::{Profile, Rule};

use crate::Sandbox;

#[test]
fn a_rule_is_shown_with_its_faults() {
    let output = Sandbox::new().run(&["rule", "gate.closed-removes"]);
    insta::assert_snapshot!("rule", output.whole());
}

#[test]
fn a_rule_over_time_is_shown_with_its_sequences() {
    let output = Sandbox::new().run(&["rule", "lifecycle.in-flight"]);
    assert_eq!(output.code, Some(0), "{}", output.whole());
    assert!(output.stdout.contains("\n  reload-cuts-stdio-calls\n"), "{}", output.whole());
}

#[test]
fn an_unknown_rule_is_an_error_that_suggests_others() {
    for (rule, words) in
        [("gate-open", "did you mean gate.open"), ("xyzzy", "`mcp-overlay rules` lists them")]
    {
        let output = Sandbox::new().run(&["rule", rule]);
        assert_eq!(output.code, Some(2));
        assert!(output.stderr.contains(words), "{}", output.whole());
    }
}

#[test]
fn all_rules_are_listed() {
    let ids = |arguments: &[&str]| -> Vec<String> {
        let output = Sandbox::new().run(arguments);
        let ids = output.stdout.lines().filter(|line| !line.starts_with(' '));
        ids.map(str::to_string).collect()
    };
    let all: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids(&["rules"]), all);
    for profile in Profile::ALL {
        let rules: Vec<&str> =
            Rule::ALL.iter().filter(|rule| profile.has(**rule)).map(|rule| rule.id()).collect();
        assert_eq!(ids(&["rules", "--profile", profile.name()]), rules);
    }
}
