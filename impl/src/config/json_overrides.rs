//! Overrides that a client sends as JSON, for one thread.

use serde_json::{Map, Value};

use super::overrides::{Override, OverrideError};

/// The most steps of a key: a deeper tree could run out of stack.
const MAX_STEPS: usize = 64;
/// The most bytes of keys and values: each thread keeps its own.
const MAX_BYTES: usize = 256 * 1024;

impl Override {
    /// The overrides of a JSON object, as `thread/start` has them. Every dot in a key separates two
    /// steps. Objects are merged into the tables of the file; other values replace what the file has.
    ///
    /// # Errors
    /// A key leads too deep, or all together are too large.
    pub fn of_json(settings: &Map<String, Value>) -> Result<Vec<Self>, OverrideError> {
        let mut found = Found { overrides: Vec::new(), bytes: 0 };
        found.add_all(&[], settings)?;
        Ok(found.overrides)
    }
}

struct Found {
    overrides: Vec<Override>,
    bytes: usize,
}

impl Found {
    fn add_all(
        &mut self,
        above: &[String],
        settings: &Map<String, Value>,
    ) -> Result<(), OverrideError> {
        for (key, value) in settings {
            let mut steps = above.to_vec();
            steps.extend(key.split('.').map(str::to_owned));
            if steps.len() > MAX_STEPS {
                return Err(OverrideError::TooDeep(MAX_STEPS));
            }
            match value {
                Value::Object(inner) if !inner.is_empty() => self.add_all(&steps, inner)?,
                value => self.add(steps, toml(value))?,
            }
        }
        Ok(())
    }

    fn add(&mut self, steps: Vec<String>, value: String) -> Result<(), OverrideError> {
        self.bytes += value.len() + steps.iter().map(String::len).sum::<usize>();
        if self.bytes > MAX_BYTES {
            return Err(OverrideError::TooLarge(MAX_BYTES));
        }
        self.overrides.push(Override::at(steps, value));
        Ok(())
    }
}

/// The value as TOML. Null, which TOML does not have, is an empty string, as in Codex.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => string(text),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(","))
        }
        Value::Object(entries) => {
            let entry =
                |(key, value): (&String, &Value)| format!("{}={}", string(key), toml(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
        }
    }
}

/// A JSON string is one of TOML, except for a character that only TOML wants escaped.
fn string(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::tree::{TreeValue, parse_value};

    fn of(settings: &Value) -> Result<Vec<Override>, OverrideError> {
        Override::of_json(settings.as_object().unwrap())
    }

    #[test]
    fn dotted_and_nested_keys_are_the_same() {
        let dotted = of(&json!({ "mcp_servers.a.command": "x", "mcp_servers.a.args": [] }));
        let nested = of(&json!({ "mcp_servers": { "a": { "command": "x", "args": [] } } }));
        let mixed = of(&json!({ "mcp_servers.a": { "command": "x", "args": [] } })).unwrap();
        let sorted = |mut all: Vec<Override>| {
            all.sort_by(|a, b| a.key().cmp(b.key()));
            all
        };
        assert_eq!(sorted(dotted.unwrap()), sorted(mixed.clone()));
        assert_eq!(sorted(nested.unwrap()), sorted(mixed));
    }

    #[test]
    fn every_string_survives() {
        let text: String = (0..=0x2030).filter_map(char::from_u32).collect();
        let value = parse_value(&string(&text), 0).unwrap().value;
        assert!(matches!(value, TreeValue::String(read) if read == text));
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = json!({ "a.".repeat(MAX_STEPS): 1 });
        assert_eq!(of(&deep), Err(OverrideError::TooDeep(MAX_STEPS)));
        let large = json!({ "a": "x".repeat(MAX_BYTES) });
        assert_eq!(of(&large), Err(OverrideError::TooLarge(MAX_BYTES)));
    }
}
