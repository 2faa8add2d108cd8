//! The model says what the examples of `docs/semantics.md` and the committed vectors say.
//!
//! The root package asks both subjects the same. This is the model alone: it builds in seconds, so
//! whoever changes a rule has an answer at once, and each mutant of the model is cheap.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::fs;
use std::path::Path;

use mcp_overlay_model::observation::observed;
use mcp_overlay_model::{Case, resolve};
use serde_json::{Map, Value, json};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// What the model answers: a member for each view and for `plugin_owners`, or the rejected path.
fn answer(case: &Value) -> Value {
    let case: Case = serde_json::from_value(case.clone()).unwrap();
    flat(serde_json::to_value(resolve(&case).answer()).unwrap())
}

/// What a running host shows by the model's word.
fn seen(case: &Value) -> Value {
    let case: Case = serde_json::from_value(case.clone()).unwrap();
    let observed = observed(&case, &resolve(&case)).answer();
    flat(serde_json::to_value(observed).unwrap())["effective"].clone()
}

/// An answer as the protocol writes it in the form that the examples use.
fn flat(answer: Value) -> Value {
    if answer["rejected"].is_object() {
        return json!({"rejected": answer["rejected"]["path"]});
    }
    let mut flat = answer["views"].clone();
    flat["plugin_owners"] = answer["plugin_owners"].clone();
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

#[test]
fn the_model_agrees_with_every_vector() {
    let vectors = read("tests/vectors/codex-pr-27191.jsonl");
    assert_eq!(vectors.lines().count(), 400);
    for line in vectors.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let expected = by_value(&flat(vector["expected"].clone()));
        assert_eq!(by_value(&answer(&vector["case"])), expected, "{}", vector["case"]["id"]);
    }
}

#[test]
fn the_model_agrees_with_every_example() {
    let page = read("docs/semantics.md");
    let examples: Vec<&str> = page.split("```json\n").skip(1).collect();
    assert!(examples.len() > 40, "only {} examples were found", examples.len());
    for example in examples {
        let (example, _) = example.split_once("```").unwrap();
        let example: Value = serde_json::from_str(example).unwrap();
        let answer = answer(&example["case"]);
        for (part, expected) in example["expect"].as_object().unwrap() {
            let said = if part == "seen" { seen(&example["case"]) } else { answer[part].clone() };
            assert_eq!(by_value(&said), by_value(expected), "{part} of {example}");
        }
    }
}
