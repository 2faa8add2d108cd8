//! The examples of `docs/semantics.md` hold in the model and in the production implementation.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

mod common;
#[path = "common/example.rs"]
mod example;

use std::collections::BTreeMap;

use common::SUBJECTS;
use example::{check, compare_example, compare_seen};
use mcp_overlay::rules;
use mcp_overlay::rules::coverage::{reached, reached_outside};
use mcp_overlay_model::{Case, Profile, Rule, resolve};
use serde_json::{Value, json};

/// A JSON example of the page.
struct Example {
    case: Value,
    /// The expectations, each with its first profile; the first expectation is for all.
    expectations: Vec<(Profile, Value)>,
}

impl Example {
    #[track_caller]
    fn parse(text: &str, rule: &str) -> Example {
        let mut members: BTreeMap<String, Value> = serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("the example of `{rule}`: {error}"));
        let mut take = |member: &str| members.remove(member);
        let case = take("case").unwrap_or_else(|| panic!("`{rule}` has an example without a case"));
        let expect = take("expect").unwrap_or_else(|| panic!("`{rule}` expects nothing"));
        let mut expectations = vec![(Profile::default(), expect)];
        for profile in Profile::ALL {
            let later = take(&format!("expect from {}", profile.name()));
            expectations.extend(later.map(|expect| (profile, expect)));
        }
        assert!(members.is_empty(), "unknown members in the example of `{rule}`: {members:?}");
        Example { case, expectations }
    }

    /// The case in a profile.
    fn case_in(&self, profile: Profile) -> Value {
        let mut case = self.case.clone();
        case["profile"] = profile.name().into();
        case
    }

    /// Whether the case resolves in an earlier profile but is rejected in this one. Another rule
    /// then rejects it, because this rule holds in both.
    fn is_rejected_since(&self, profile: Profile) -> bool {
        let is_rejected = |expect: &Value| expect.get("rejected").is_some();
        is_rejected(self.expected_in(profile)) && !is_rejected(&self.expectations[0].1)
    }

    /// The expectation for a profile: the last one for that profile or an earlier one.
    fn expected_in(&self, profile: Profile) -> &Value {
        let position = |of: Profile| Profile::ALL.iter().position(|profile| *profile == of);
        let so_far = |(from, _): &&(Profile, Value)| position(*from) <= position(profile);
        let (_, expect) = self.expectations.iter().rfind(so_far).unwrap();
        expect
    }
}

/// The JSON examples of the page, by rule id.
fn examples() -> BTreeMap<&'static str, Vec<Example>> {
    let mut examples: BTreeMap<_, Vec<Example>> = BTreeMap::new();
    let mut rule = "";
    let mut lines = rules::SEMANTICS.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            rule = line.strip_prefix("### `").and_then(|id| id.strip_suffix('`')).unwrap_or("");
        }
        if line == "```json" {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if text.iter().any(|line| line.starts_with("{\"sequence\":")) {
                // `tests/sequences.rs` has these.
                continue;
            }
            examples.entry(rule).or_default().push(Example::parse(&text.join("\n"), rule));
        }
    }
    examples
}

/// Each example with its rule and each profile in which the rule holds.
fn in_every_profile(mut check: impl FnMut(Rule, &Example, Profile)) {
    let mut checked = 0;
    for (rule, examples) in examples() {
        let rule: Rule = rule.parse().unwrap();
        for example in &examples {
            for profile in rules::profiles(rule) {
                check(rule, example, profile);
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "only {checked} examples were checked");
}

/// Rules without an example, because they are not about a case's resolution: one is about
/// everything that a host writes, one about the route by which it gets its config.
/// `tests/black_box` tests them on running hosts.
const WITHOUT_EXAMPLE: [Rule; 2] = [Rule::CredentialsNeverShown, Rule::DeliveryAnyWay];

/// Rules about behaviour over time have sequences as examples.
fn is_over_time(rule: Rule) -> bool {
    rule.id().starts_with("lifecycle")
}

#[test]
fn every_rule_has_an_example_and_every_example_a_rule() {
    let examples = examples();
    for rule in Rule::ALL {
        let exempt = WITHOUT_EXAMPLE.contains(rule) || is_over_time(*rule);
        assert!(examples.contains_key(rule.id()) != exempt, "`{rule}`: has it an example?");
    }
    for rule in examples.keys() {
        assert!(rule.parse::<Rule>().is_ok(), "an example stands under no rule: {rule:?}");
    }
}

#[test]
fn every_example_holds_in_every_profile_of_its_rule() {
    in_every_profile(|rule, example, profile| {
        println!("{rule} in {}", profile.name());
        check(&example.case_in(profile), example.expected_in(profile));
    });
}

/// An expectation that no profile of the rule uses would never be checked.
#[test]
fn every_expectation_is_used() {
    for (rule, examples) in examples() {
        let rule: Rule = rule.parse().unwrap();
        for example in &examples {
            for (from, expect) in &example.expectations {
                let is_used = rules::profiles(rule)
                    .any(|profile| std::ptr::eq(example.expected_in(profile), expect));
                assert!(is_used, "`{rule}`: the expectation from {}", from.name());
            }
        }
    }
}

/// The examples of rules that change between profiles distinguish the two profiles.
#[test]
fn the_example_of_a_dropped_rule_is_refuted_in_the_next_profile() {
    for (rule, next, expected) in [
        (Rule::OverlaySetReplacesWhole, Profile::CodexPr27414, "`runtime`"),
        (Rule::LegacySynthesizesInEffective, Profile::CodexPr27198, "`runtime`"),
        (Rule::ConfiguredOwnersExact, Profile::CodexPr27634, "`plugin_owners`"),
        (Rule::ServerRemoteStdioCwd, Profile::CodexPr29924, "`rejected`"),
        (Rule::ServerApprovalModes, Profile::CodexPr31803, "`rejected`"),
        (Rule::AppsServerNoSkuNoHeader, Profile::CodexPr31803, "`effective`"),
    ] {
        assert!(!next.has(rule));
        let example = &examples()[rule.id()][0];
        for subject in SUBJECTS {
            let expect = &example.expectations[0].1;
            let refuted = compare_example(subject, &example.case_in(next), expect).unwrap_err();
            assert!(refuted.starts_with(expected), "{rule}: {refuted}");
        }
    }
}

#[test]
fn a_wrong_example_is_detected() {
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

/// Validates the counts of reached rules: a rule's example must reach the rule.
#[test]
fn the_example_of_a_rule_reaches_it() {
    let mut missed = Vec::new();
    in_every_profile(|rule, example, profile| {
        // This rule is checked by asking again, so no single case reaches it.
        if rule == Rule::ResolutionPure || example.is_rejected_since(profile) {
            return;
        }
        let place = format!("`{rule}` in {}", profile.name());
        let case: Case = serde_json::from_value(example.case_in(profile)).unwrap();
        let inside = reached(&case, &resolve(&case));
        let outside = example.expected_in(profile).get("seen").is_some();
        assert!(!outside || !inside.has(rule), "{place} is not checked in process");
        let reached = if outside { reached_outside(&case, &resolve(&case)) } else { inside };
        if !reached.has(rule) {
            let reached: Vec<Rule> = reached.iter().collect();
            missed.push(format!("{place} is not among {reached:?}"));
        }
        assert!(reached.iter().all(|rule| profile.has(rule)), "{place}: {reached:?}");
        assert!(reached.iter().count() < Rule::ALL.len() / 2, "{place}: everything is reached");
    });
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// A case without servers and without Apps reaches few rules.
#[test]
fn an_empty_host_reaches_few_rules() {
    let case = json!({"host": {"features": {"apps": false}}, "contributors": []});
    let case: Case = serde_json::from_value(case).unwrap();
    let few = [Rule::GateOpen, Rule::GateClosedRemoves, Rule::EndpointBaseDefault];
    assert_eq!(reached(&case, &resolve(&case)), few.into_iter().collect());
}
