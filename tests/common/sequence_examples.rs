//! The sequences in `docs/semantics.md`.

use mcp_overlay::rules;
use mcp_overlay_model::lifecycle::{Seen, Sequence};
use mcp_overlay_model::{Profile, Rule};
use serde_json::Value;

/// A sequence under a rule, in one of the profiles in which the rule holds.
#[derive(Clone)]
pub(crate) struct Example {
    pub(crate) rule: Rule,
    pub(crate) profile: Profile,
    pub(crate) sequence: Sequence,
    /// What is seen of the last step.
    pub(crate) expect: Seen,
}

/// Every example in every profile of its rule.
pub(crate) fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut rule = "";
    let mut lines = rules::SEMANTICS.lines();
    while let Some(line) = lines.next() {
        if let Some(id) = line.strip_prefix("### `").and_then(|id| id.strip_suffix('`')) {
            rule = id;
        }
        if line != "```json" {
            continue;
        }
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let written: Value = serde_json::from_str(&text.join("\n")).unwrap();
        let Some(steps) = written.get("sequence") else { continue };
        let rule: Rule = rule.parse().unwrap();
        let mut expect = &written["expect"];
        for profile in Profile::ALL {
            expect = written.get(format!("expect from {}", profile.name())).unwrap_or(expect);
            if profile.has(rule) {
                let steps = serde_json::from_value(steps.clone()).unwrap();
                examples.push(Example {
                    rule,
                    profile,
                    sequence: Sequence { id: String::new(), profile, steps },
                    expect: serde_json::from_value(expect.clone()).unwrap(),
                });
            }
        }
    }
    examples
}
