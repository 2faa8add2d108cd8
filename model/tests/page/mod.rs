//! `docs/semantics.md` taken apart.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs;
use std::path::Path;

use mcp_overlay_model::{Level, Profile};
use serde_json::Value;

/// A file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// A rule as the page has it.
pub(crate) struct Section {
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) profiles: Vec<Profile>,
}

/// The rules of the page in its order.
pub(crate) fn sections() -> Vec<Section> {
    let page = read("docs/semantics.md");
    page.split("\n### `").skip(1).map(section).collect()
}

fn section(text: &str) -> Section {
    let (id, rest) = text.split_once("`\n").unwrap();
    let sentence = rest.lines().find(|line| !line.is_empty()).unwrap();
    let level = if sentence.contains("SHOULD") { Level::Should } else { Level::Must };
    assert!(level == Level::Should || sentence.contains("MUST"), "{id}: {sentence}");
    let line = rest.lines().take_while(|line| !line.starts_with("## "));
    let line = line.filter_map(|line| line.strip_prefix("Profiles: ")).next().unwrap_or_default();
    let named = |word: &str| {
        let (_, name) = line.split_once(&format!("{word} `"))?;
        let (name, _) = name.split_once('`')?;
        Some(Profile::ALL.into_iter().position(|profile| profile.name() == name).unwrap())
    };
    let (from, until) = (named("from").unwrap_or(0), named("before").unwrap_or(Profile::ALL.len()));
    Section { id: id.into(), level, profiles: Profile::ALL[from..until].to_vec() }
}

/// An example of a rule.
pub(crate) struct Example {
    pub(crate) rule: String,
    pub(crate) case: Value,
    example: Value,
}

impl Example {
    /// What the example expects in a profile: the last of its members that speaks of the profile or
    /// of one before it.
    pub(crate) fn expected(&self, profile: Profile) -> &Value {
        let until = Profile::ALL.into_iter().take_while(|earlier| *earlier != profile);
        let from = |profile: Profile| self.example.get(format!("expect from {}", profile.name()));
        until.chain([profile]).filter_map(from).last().unwrap_or(&self.example["expect"])
    }
}

/// The examples of the page.
pub(crate) fn examples() -> Vec<Example> {
    let page = read("docs/semantics.md");
    let mut examples = Vec::new();
    for text in page.split("\n### `").skip(1) {
        let (id, rest) = text.split_once("`\n").unwrap();
        for example in rest.split("```json\n").skip(1) {
            let (example, _) = example.split_once("```").unwrap();
            let example: Value = serde_json::from_str(example).unwrap();
            if example.get("sequence").is_some() {
                // The checker's tests have these.
                continue;
            }
            for member in example.as_object().unwrap().keys() {
                let from = member.strip_prefix("expect from ");
                let is_profile =
                    |name: &str| Profile::ALL.into_iter().any(|profile| profile.name() == name);
                let known = ["case", "expect"].contains(&member.as_str());
                assert!(known || from.is_some_and(is_profile), "{id}: {member}");
            }
            examples.push(Example { rule: id.into(), case: example["case"].clone(), example });
        }
    }
    assert!(examples.len() > 60, "only {} examples were found", examples.len());
    examples
}
