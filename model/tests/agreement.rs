//! The model says what the examples of `docs/semantics.md` and the committed vectors say.
//!
//! The root package asks the model and the production implementation the same. This is the model
//! alone: it builds in seconds, so a change of a rule has an answer at once, and each mutant of the
//! model is cheap.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

mod page;

use mcp_overlay_model::observe::observed;
use mcp_overlay_model::{Case, Profile, Rule, resolve};
use page::{Example, examples, read};
use serde_json::{Map, Value, json};

/// What the model answers: a member for each view, for `plugin_owners` and for what is `seen`, or
/// the rejected path.
fn answer(case: &Value) -> Value {
    let case: Case = serde_json::from_value(case.clone()).unwrap();
    let outcome = resolve(&case);
    let answer = serde_json::to_value(outcome.answer()).unwrap();
    if answer["rejected"].is_object() {
        return json!({"rejected": answer["rejected"]["path"]});
    }
    let mut flat = answer["views"].clone();
    flat["plugin_owners"] = answer["plugin_owners"].clone();
    let observed = serde_json::to_value(observed(&case, &outcome).answer()).unwrap();
    flat["seen"] = observed["seen"].clone();
    flat
}

/// Numbers compare by value, so all are written in the same way.
fn by_value(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(list) => list.iter().map(by_value).collect(),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, value)| (key.clone(), by_value(value))).collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// Where the model differs from an example in a profile; empty if nowhere.
fn refuted(example: &Example, profile: Profile) -> Vec<String> {
    let mut case = example.case.clone();
    case["profile"] = profile.name().into();
    let answer = answer(&case);
    let expected = example.expected(profile);
    let differs = |(part, expected): (&String, &Value)| {
        let said = &answer[part];
        (by_value(said) != by_value(expected)).then(|| {
            format!("{} in {}: {part} is {said}, not {expected}", example.rule, profile.name())
        })
    };
    expected.as_object().unwrap().iter().filter_map(differs).collect()
}

#[test]
fn the_model_agrees_with_every_vector() {
    let files = ["codex-pr-27191", "codex-pr-31481"];
    let vectors = files.map(|name| read(&format!("tests/vectors/{name}.jsonl")));
    assert_eq!(vectors.each_ref().map(|vectors| vectors.lines().count()), [400, 400]);
    for line in vectors.iter().flat_map(|vectors| vectors.lines()) {
        let vector: Value = serde_json::from_str(line).unwrap();
        let answer = answer(&vector["case"]);
        let id = &vector["case"]["id"];
        let expected = &vector["expected"];
        if expected["rejected"].is_object() {
            assert_eq!(answer["rejected"], expected["rejected"]["path"], "{id}");
            continue;
        }
        assert_eq!(
            by_value(&answer["plugin_owners"]),
            by_value(&expected["plugin_owners"]),
            "{id}"
        );
        for view in ["configured", "runtime", "effective"] {
            assert_eq!(by_value(&answer[view]), by_value(&expected["views"][view]), "{id}: {view}");
        }
    }
}

#[test]
fn every_example_holds_in_every_profile_of_its_rule() {
    let mut refuted_by = Vec::new();
    let mut checked = 0;
    for example in examples() {
        let rule: Rule = example.rule.parse().unwrap();
        for profile in Profile::ALL.into_iter().filter(|profile| profile.has(rule)) {
            refuted_by.extend(refuted(&example, profile));
            checked += 1;
        }
    }
    assert!(refuted_by.is_empty(), "the model refutes:\n{}", refuted_by.join("\n"));
    assert!(checked > 200, "only {checked} examples were resolved");
}

#[test]
fn an_example_that_a_later_profile_refutes_is_noticed() {
    let example = examples().into_iter().find(|e| e.rule == "overlay.set-replaces-whole").unwrap();
    assert_eq!(refuted(&example, Profile::CodexPr27198), [""; 0]);
    assert_eq!(refuted(&example, Profile::CodexPr27414).len(), 1);
}
