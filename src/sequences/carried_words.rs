//! What requests carry of an entry, in words.

use mcp_overlay_model::lifecycle::Carried;
use serde_json::Value;

use crate::display::{clipped, one_line};

/// The most characters of what a process was started with, which is the host's own text.
const MOST: usize = 400;

/// What a request carried.
pub(super) fn carried_words(carried: &Carried) -> String {
    let Carried { headers, variable, args, env } = carried;
    let mut words: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    words.extend(variable.as_ref().map(|variable| format!("the bearer of {variable}")));
    if !args.is_empty() {
        words.push(format!("the arguments {}", args.join(" ")));
    }
    words.extend(env.iter().map(|(name, value)| format!("{name}={value}")));
    match words.is_empty() {
        true => "with nothing that an entry says".into(),
        false => format!("with {}", clipped(&one_line(&words.join(", ")), MOST)),
    }
}

/// What entries say that a request carries, each once.
pub(super) fn expected_words(expected: &[Carried]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for words in expected.iter().map(carried_words) {
        if !all.contains(&words) {
            all.push(words);
        }
    }
    all
}

/// What an entry says besides its address, to go on with.
pub(super) fn entry_words(entry: &Value) -> String {
    let table = |key: &str| entry.get(key).and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let mut words: Vec<String> =
        table("http_headers").map(|(name, value)| format!("{name}: {}", text(value))).collect();
    let variable = entry.get("bearer_token_env_var").and_then(Value::as_str);
    words.extend(variable.map(|variable| format!("the bearer of {variable}")));
    let args = entry.get("args").and_then(Value::as_array).into_iter().flatten();
    let args: Vec<String> = args.map(text).collect();
    if !args.is_empty() {
        words.push(format!("the arguments {}", args.join(" ")));
    }
    words.extend(table("env").map(|(name, value)| format!("{name}={}", text(value))));
    match words.is_empty() {
        true => String::new(),
        false => format!(" with {}", words.join(", ")),
    }
}

/// The product SKU of a config, if it has one.
pub(super) fn sku_words(config: &Value) -> Option<String> {
    let sku = config.get("apps_mcp_product_sku").and_then(Value::as_str)?;
    Some(format!("the product SKU {sku}"))
}
