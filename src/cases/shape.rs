//! The shape of a minimal case: the case without the names that do not matter, and with a sketch of each
//! text.
//!
//! Two findings of one rule and one shape are the same finding. The shape is part of the finding's
//! id, so that the id is the same in every run and for every seed.

use std::collections::BTreeMap;

use mcp_overlay_model::{CODEX_APPS, Case};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The first 12 hex digits of the SHA-256 of the verdict, the rule and the shape.
pub fn hash_of(verdict: &str, rule: &str, case: &Case) -> String {
    let mut names = BTreeMap::new();
    let tree = serde_json::to_value(case).unwrap_or_default();
    let shape = shape(&tree, Place::Members, &mut names);
    let text = format!("{verdict}\n{rule}\n{shape}");
    Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The kind of the keys and texts at a place.
#[derive(Clone, Copy)]
enum Place {
    /// Keys with a fixed meaning, such as `command`.
    Members,
    /// Keys that a user chose, such as server names.
    Names,
}

/// Members with keys that a user chose.
const TABLES_OF_NAMES: [&str; 7] =
    ["mcp_servers", "env", "http_headers", "env_http_headers", "tools", "apps", "policy"];

/// Members with a text that is a keyword or an identifier, and therefore matters.
pub(super) const WORDS: [&str; 7] = [
    "auth",
    "profile",
    "source",
    "approval_mode",
    "default_tools_approval_mode",
    "environment_id",
    "match",
];

/// Replaces each text by its sketch, and each chosen name by a number in order of first occurrence.
fn shape(value: &Value, place: Place, names: &mut BTreeMap<String, usize>) -> Value {
    match value {
        Value::Object(table) => {
            let mut shaped = Map::new();
            for (key, inner) in table {
                if key == "id" {
                    continue;
                }
                let below = match TABLES_OF_NAMES.contains(&key.as_str()) {
                    true => Place::Names,
                    false => Place::Members,
                };
                let inner = match inner {
                    Value::String(name) if key == "name" => number_of(name, names),
                    Value::String(_) if WORDS.contains(&key.as_str()) => inner.clone(),
                    inner => shape(inner, below, names),
                };
                let key = match place {
                    Place::Members => key.clone(),
                    Place::Names => number_of(key, names).to_string(),
                };
                shaped.insert(key, inner);
            }
            Value::Object(shaped)
        }
        Value::Array(list) => {
            list.iter().map(|inner| shape(inner, Place::Members, names)).collect()
        }
        Value::String(text) => Value::from(sketch(text)),
        Value::Number(number) => Value::from(if number.is_f64() { "fraction" } else { "integer" }),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

fn number_of(name: &str, names: &mut BTreeMap<String, usize>) -> Value {
    if name == CODEX_APPS || name == "CODEX_CONNECTORS_TOKEN" {
        return Value::from(name);
    }
    let next = names.len();
    Value::from(format!("name {}", *names.entry(name.to_string()).or_insert(next)))
}

/// The most characters of a sketch.
const SKETCH: usize = 60;

/// A text with each run of small letters, capitals, digits, blanks and other characters beyond ASCII as one
/// character of that kind. Punctuation stays: `https://Corp.example:443/` becomes `a://Aa.a:0/`. In a
/// minimal text the kinds are what matters, and two mistakes about a text rarely have the same.
pub fn sketch(text: &str) -> String {
    let mut sketch = String::new();
    for c in text.chars() {
        let kind = match c {
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            '0'..='9' => '0',
            c if c.is_whitespace() => ' ',
            c if c.is_ascii() => c,
            _ => '\u{fc}',
        };
        if !(sketch.ends_with(kind) && (kind.is_alphanumeric() || kind == ' ')) {
            sketch.push(kind);
        }
    }
    sketch.chars().take(SKETCH).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hash(case: Value) -> String {
        hash_of("disagree", "gate.open", &serde_json::from_value(case).unwrap())
    }

    #[test]
    fn names_and_texts_do_not_matter() {
        let case = |name: &str, url: &str| {
            let set = json!({"set": {"name": name, "server": {"url": url}}});
            json!({
                "host": {"mcp_servers": {name: {"url": url}}},
                "contributors": [{"id": name, "contributions": [set]}],
            })
        };
        assert_eq!(hash(case("docs", "https://a.example")), hash(case("b", "http://b.example")));
        assert_ne!(hash(case("docs", "https://a.example")), hash(case("docs", "text")));
        assert_ne!(hash(case("docs", "")), hash(case("codex_apps", "")));
    }

    #[test]
    fn the_kinds_of_characters_matter() {
        assert_eq!(sketch("https://Corp.example:443/"), "a://Aa.a:0/");
        assert_eq!(sketch("https://chatgpt.com"), sketch("http://b.example"));
        assert_eq!(sketch("\t x  \u{e9}\u{e8}"), " a \u{fc}");
        let base = |url: &str| json!({"host": {"chatgpt_base_url": url}});
        assert_ne!(hash(base("https://a.example:443")), hash(base("https://a.example")));
        assert_ne!(hash(base("https://A.example")), hash(base("https://a.example")));
        assert_eq!(hash(base("https://a.example")), hash(base("https://b.example")));
    }

    #[test]
    fn references_between_names_matter() {
        let case = |removed: &str| {
            let remove = json!({"remove": {"name": removed}});
            json!({
                "host": {"mcp_servers": {"a": {"command": "c"}}},
                "contributors": [{"id": "x", "contributions": [remove]}],
            })
        };
        assert_eq!(hash(case("b")), hash(case("c")));
        assert_ne!(hash(case("a")), hash(case("b")));
    }

    #[test]
    fn auth_and_switches_matter() {
        let case = |auth: &str, on: bool| json!({"auth": auth, "host": {"features": {"apps": on}}});
        assert_ne!(hash(case("chatgpt", true)), hash(case("api_key", true)));
        assert_ne!(hash(case("chatgpt", true)), hash(case("chatgpt", false)));
    }
}
