//! The examples of `docs/semantics.md` are true, on the model and on the production implementation.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod common;
#[path = "common/example.rs"]
mod example;

use std::collections::BTreeMap;

use common::SUBJECTS;
use example::{check, compare_example, compare_seen};
use mcp_overlay::rules;
use mcp_overlay::rules::coverage::{reached, reached_outside};
use mcp_overlay_model::{Case, resolve};
use serde_json::{Value, json};

/// The JSON examples of the page, by the rule under whose heading they stand.
fn examples() -> BTreeMap<&'static str, Vec<Value>> {
    let mut examples: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    let mut rule = "";
    let mut lines = rules::SEMANTICS.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            rule = line.strip_prefix("### `").and_then(|id| id.strip_suffix('`')).unwrap_or("");
        }
        if line == "```json" {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let example = serde_json::from_str(&text.join("\n"));
            let example = example.unwrap_or_else(|e| panic!("the example of `{rule}`: {e}"));
            examples.entry(rule).or_default().push(example);
        }
    }
    examples
}

/// Rules that no case is an example of, because they are not about what a case comes to: one is
/// about whatever else a host writes, one about the way in which it is told. They are tested on
/// running hosts, in `tests/black_box`.
const WITHOUT_EXAMPLE: [&str; 2] = ["credentials.never-shown", "delivery.any-way"];

#[test]
fn every_rule_has_an_example_and_every_example_a_rule() {
    let examples = examples();
    for rule in rules::all().keys() {
        let exempt = WITHOUT_EXAMPLE.contains(rule);
        assert!(examples.contains_key(rule) != exempt, "`{rule}`: has it an example?");
    }
    for rule in examples.keys() {
        assert!(rules::all().contains_key(rule), "an example stands under no rule: {rule:?}");
    }
}

#[test]
fn every_example_holds() {
    for (rule, examples) in examples() {
        for example in examples {
            let parts: Vec<&str> = example.as_object().unwrap().keys().map(|k| &**k).collect();
            assert_eq!(parts, ["case", "expect"], "the example of `{rule}`");
            println!("{rule}");
            check(&example["case"], &example["expect"]);
        }
    }
}

#[test]
fn an_example_that_is_wrong_is_noticed() {
    let case = json!({"host": {"mcp_servers": {"a": {"command": "srv", "enabled": false}}}});
    let wrong = [
        json!({"configured": {}}),
        json!({"configured": {"a": {"command": "srv"}}}),
        json!({"runtime": {"a": {"command": "srv", "enabled": false}, "b": {"command": "srv"}}}),
        json!({"effective": {"a": {"command": "srv", "enabled": false, "required": false}}}),
        json!({"plugin_owners": {"a": "p"}}),
        json!({"rejected": "host.mcp_servers.a"}),
        json!({"efective": {}}),
        json!({}),
    ];
    for expect in wrong {
        for subject in SUBJECTS {
            assert!(compare_example(subject, &case, &expect).is_err(), "{expect}");
        }
    }
    let seen = json!({"a": {"enabled": false, "auth_status": "unsupported"}});
    assert_eq!(compare_seen(&case, &json!({"seen": seen})), Ok(()));
    for expect in [json!({"seen": {}}), json!({"seen": seen, "runtime": {}}), json!({})] {
        assert!(compare_seen(&case, &expect).is_err(), "{expect}");
    }
    for subject in SUBJECTS {
        assert!(compare_example(subject, &case, &json!({"seen": seen})).is_err(), "no outside");
    }
    let rejected = json!({"host": 1});
    assert!(compare_seen(&rejected, &json!({"seen": {}})).is_err());
    for expect in [json!({"rejected": "host.x"}), json!({"runtime": {}})] {
        for subject in SUBJECTS {
            assert!(compare_example(subject, &rejected, &expect).is_err(), "{expect}");
        }
    }
}

/// What a report says of "reached" starts from here: the case that explains a rule is about it.
#[test]
fn the_example_of_a_rule_reaches_it() {
    for (rule, examples) in examples() {
        // Only asking again shows whether an answer depends on more than the case.
        if rule == "resolution.pure" {
            continue;
        }
        for example in examples {
            let case: Case = serde_json::from_value(example["case"].clone()).unwrap();
            let inside = reached(&case, &resolve(&case));
            let outside = example["expect"].get("seen").is_some();
            assert!(!outside || !inside.contains(&rule), "`{rule}` is not checked in process");
            let reached = if outside { reached_outside(&case, &resolve(&case)) } else { inside };
            assert!(reached.contains(&rule), "`{rule}` is not among {reached:?}");
            assert!(reached.len() < rules::all().len() / 2, "`{rule}`: everything is reached");
        }
    }
}

/// A case without servers and without Apps is about few rules.
#[test]
fn an_empty_host_reaches_little() {
    let case = json!({"host": {"features": {"apps": false}}, "contributors": []});
    let case: Case = serde_json::from_value(case).unwrap();
    assert_eq!(reached(&case, &resolve(&case)), ["gate.closed-removes", "gate.open"]);
}
