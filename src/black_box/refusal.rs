//! Whether an error refuses the config, or is a breakdown of the host.
//!
//! A refusal names the config file or the key that is wrong. A user can act on nothing less, and a
//! host that fails for any other reason must not be taken for one that validates its config.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::Table;

/// JSON-RPC: the method does not exist.
const UNKNOWN_METHOD: i64 = -32601;

/// The signs of a stack trace in the output of common languages.
const TRACES: [&str; 6] = [
    "Traceback (most recent call last)",
    "panicked at",
    "stack backtrace:",
    "goroutine ",
    "Exception in thread",
    "\", line ",
];

/// The names by which a refusal can point at a config.
#[derive(Clone, Debug)]
pub(super) struct ConfigNames(BTreeSet<String>);

impl ConfigNames {
    /// The file, the keys at the top, and every key together with its table, such as `a.url`.
    pub(super) fn of(config: &Table) -> Self {
        let mut names = BTreeSet::from(["config.toml".to_string()]);
        names.extend(config.keys().cloned());
        for (key, value) in config {
            add_members(key, value, &mut names);
        }
        ConfigNames(names)
    }

    /// The message of an error response that refuses the config.
    ///
    /// # Errors
    /// What the host answered, if that is no refusal.
    pub(super) fn refusal(&self, error: &Value) -> Result<String, String> {
        let code = error.get("code").and_then(Value::as_i64);
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        if code != Some(UNKNOWN_METHOD) && self.is_refusal(message) {
            return Ok(message.to_string());
        }
        let code = code.map_or("without a code".to_string(), |code| code.to_string());
        Err(format!("error {code}"))
    }

    /// Whether a text names the config, and has no stack trace.
    pub(super) fn is_refusal(&self, text: &str) -> bool {
        !has_trace(text) && self.0.iter().any(|name| has_word(text, name))
    }
}

fn add_members(table: &str, value: &toml::Value, names: &mut BTreeSet<String>) {
    let toml::Value::Table(members) = value else { return };
    for (key, value) in members {
        names.insert(format!("{table}.{key}"));
        add_members(key, value, names);
    }
}

fn has_trace(text: &str) -> bool {
    // JavaScript and Java: `at name (file:line)`.
    let is_frame = |line: &str| {
        let line = line.trim_start_matches("  its standard error:").trim_start();
        line.starts_with("at ")
            && line.contains(':')
            && line.ends_with(|c: char| c == ')' || c.is_ascii_digit())
    };
    TRACES.iter().any(|trace| text.contains(trace)) || text.lines().any(is_frame)
}

/// Whether a name stands in a text, and not inside a longer name.
fn has_word(text: &str, name: &str) -> bool {
    let is_inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_inside) && !after.is_some_and(is_inside)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> ConfigNames {
        ConfigNames::of(
            &toml::from_str("[mcp_servers.a]\nurl = 1\n[features]\napps = 2\n").unwrap(),
        )
    }

    #[test]
    fn a_refusal_names_the_file_or_a_key() {
        for text in [
            "failed to reload config: /tmp/x/config.toml:4:7: invalid type: integer `1`",
            "invalid type: integer `1`, expected a string\nin `mcp_servers.a.url`",
            "ended with exit status: 1\n  its standard error: in `features`",
            "a.url: found an integer",
        ] {
            assert!(names().is_refusal(text), "{text}");
            let error = json!({"code": -32603, "message": text});
            assert_eq!(names().refusal(&error), Ok(text.to_string()));
        }
    }

    #[test]
    fn any_other_error_is_a_breakdown() {
        for text in [
            "",
            "internal error",
            "unknown features_x",
            "invalid url",
            "Traceback (most recent call last)\nKeyError: 'mcp_servers'",
            "  its standard error: File \"host.py\", line 3, in main\nconfig.toml",
            "  its standard error: TypeError: mcp_servers\n  its standard error:     at main (host.js:1:2)",
            "thread 'main' panicked at src/main.rs:1:1: config.toml",
        ] {
            assert!(!names().is_refusal(text), "{text}");
        }
        let error = json!({"code": -32601, "message": "config.toml: unknown method"});
        assert_eq!(names().refusal(&error), Err("error -32601".to_string()));
    }
}
