//! Reads the steps of `action.yml`. The file uses a small part of YAML; anything else is an error here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A step: its name, its fields, and its environment.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) name: String,
    fields: BTreeMap<String, String>,
    pub(crate) env: BTreeMap<String, String>,
}

impl Step {
    /// The steps, in order.
    pub(crate) fn all() -> Vec<Self> {
        let text = text();
        let (_, steps) = text.split_once("\n  steps:\n").unwrap();
        let mut all: Vec<Self> = Vec::new();
        let mut block = "";
        for line in steps.lines() {
            let indentation = line.len() - line.trim_start().len();
            let is_text = block == "run" && (indentation >= 8 || line.is_empty());
            if !is_text && (line.is_empty() || line.trim_start().starts_with('#')) {
                continue;
            }
            if let Some(name) = line.strip_prefix("    - name: ") {
                all.push(Self { name: name.into(), ..Self::default() });
                block = "";
                continue;
            }
            let step = all.last_mut().unwrap();
            if is_text {
                let script = step.fields.get_mut("run").unwrap();
                script.push_str(line.get(8..).unwrap_or_default());
                script.push('\n');
                continue;
            }
            let (key, value) = line.trim().split_once(':').unwrap();
            let value = value.trim();
            match (indentation, key, value) {
                (6, "run", "|") => {
                    block = "run";
                    step.fields.insert("run".into(), String::new());
                }
                (6, "env" | "with", "") => block = key,
                (6, _, _) => {
                    block = "";
                    step.fields.insert(key.into(), value.into());
                }
                (8, _, _) if block == "env" => {
                    step.env.insert(key.into(), value.into());
                }
                (8, _, _) if block == "with" => {
                    step.fields.insert(format!("with.{key}"), value.into());
                }
                _ => panic!("this test does not understand {line:?}"),
            }
        }
        assert!(all.len() >= 5, "{all:?}");
        all
    }

    /// The value of a key of the step.
    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }
}

/// The inputs with their defaults.
pub(crate) fn inputs() -> BTreeMap<String, String> {
    let text = text();
    let (inputs, _) = text.split_once("\nruns:\n").unwrap();
    let mut name = String::new();
    let mut all = BTreeMap::new();
    for line in inputs.lines() {
        if let Some(default) = line.strip_prefix("    default: ") {
            all.insert(name.clone(), default.trim_matches('"').to_owned());
        } else if line.starts_with("  ") && !line.starts_with("   ") {
            name = line.trim().trim_end_matches(':').to_owned();
        }
    }
    assert!(all.len() >= 9, "{all:?}");
    all
}

fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap()
}
