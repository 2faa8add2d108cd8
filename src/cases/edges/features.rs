//! Keys of the host config: features, the path override, the token and the product SKU.

use std::sync::LazyLock;

use mcp_overlay_model::{Auth, Case};
use serde_json::{Map, Value, json};

use super::build::{hosted, product, with_host};
use crate::cases::digits::Digits;
use crate::cases::samples::fields::SAMPLES;
use crate::cases::samples::{ANY_TYPE, parsed};

static VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| parsed(ANY_TYPE));

const HOST_KEYS: &[&str] = &[
    "chatgpt_base_url",
    "apps_mcp_product_sku",
    "features",
    "mcp_servers",
    "env",
    "",
    "model",
    "plugins",
    "profile",
    "mcpServers",
    "Features",
    "features.apps",
    "__proto__",
    "constructor",
    "contributors",
    "auth",
];

/// Variables whose value may have any type.
const VARIABLES: &[&str] = &["CODEX_CONNECTORS_TOKEN", "TOK", "", "codex_connectors_token"];

pub(super) fn host_keys_size() -> u64 {
    product([HOST_KEYS.len() + VARIABLES.len() + 1, VALUES.len()])
}

/// Any value of a key of the host config, of a variable, or in place of the host config.
pub(super) fn host_keys(digits: &mut Digits) -> Option<Case> {
    let place = digits.next((HOST_KEYS.len() + VARIABLES.len() + 1) as u64) as usize;
    let value = digits.pick(&VALUES)?.clone();
    let mut host = Map::new();
    host.insert("mcp_servers".into(), json!({"a": {"command": "srv"}}));
    match (HOST_KEYS.get(place), VARIABLES.get(place.saturating_sub(HOST_KEYS.len()))) {
        (Some(key), _) => drop(host.insert((*key).into(), value)),
        (None, Some(variable)) => drop(host.insert("env".into(), json!({*variable: value}))),
        (None, None) => return Some(with_host(value)),
    }
    Some(with_host(Value::Object(host)))
}

const FEATURES: &[&str] = &[
    "apps",
    "connectors",
    "apps_mcp_path_override",
    "other",
    "Apps",
    "APPS",
    " apps",
    "app",
    "connector",
    "apps_mcp_path",
    "__proto__",
    "",
    "plugins",
];

pub(super) fn features_size() -> u64 {
    product([FEATURES.len(), VALUES.len(), 2])
}

/// Any value of a feature; but no table for an unknown one, which is not specified.
pub(super) fn features(digits: &mut Digits) -> Option<Case> {
    let feature = *digits.pick(FEATURES)?;
    let value = digits.pick(&VALUES)?.clone();
    let is_known = ["apps", "connectors", "apps_mcp_path_override"].contains(&feature);
    let value = if value.is_object() && !is_known { Value::Null } else { value };
    let mut case = with_host(json!({"features": {feature: value}, "apps_mcp_product_sku": "s"}));
    if digits.next(2) == 1 {
        case.contributors = vec![hosted()];
    }
    Some(case)
}

const OVERRIDE_SWITCHES: &[&str] = &["", "null", "true", "false", r#""yes""#, "1", "{}"];
const OVERRIDE_PATHS: &[&str] = &[
    "",
    "null",
    r#""""#,
    r#""/""#,
    r#""///""#,
    r#"" ""#,
    r#""/x""#,
    r#""x""#,
    r#""//deep//path/""#,
    r#""../up""#,
    r#""/a/../b""#,
    r#""?q=1""#,
    r##""#f""##,
    r#""/a b""#,
    r#""/%2e%2E/""#,
    r#""/é""#,
    r#""\\x""#,
    r#""https://evil.example""#,
    r#""@evil.example""#,
    r#"":1/x""#,
    r#""/ps/mcp""#,
    "1",
    "true",
    "[]",
    "{}",
];
const OVERRIDE_EXTRAS: &[&str] = &["", r#""other":null"#, r#""Path":"/y""#, r#""enabeld":true"#];
const SOME_BASES: &[&str] =
    &["https://chatgpt.com", "https://corp.example/backend-api/", "http://localhost:8080"];

pub(super) fn overrides_size() -> u64 {
    product([
        OVERRIDE_SWITCHES.len(),
        OVERRIDE_PATHS.len(),
        OVERRIDE_EXTRAS.len(),
        SOME_BASES.len(),
    ])
}

/// The path override as a table.
pub(super) fn overrides(digits: &mut Digits) -> Option<Case> {
    let switch = digits.pick(OVERRIDE_SWITCHES)?;
    let path = digits.pick(OVERRIDE_PATHS)?;
    let extra = digits.pick(OVERRIDE_EXTRAS)?;
    let base = digits.pick(SOME_BASES)?;
    let mut members = Vec::new();
    if !switch.is_empty() {
        members.push(format!(r#""enabled":{switch}"#));
    }
    if !path.is_empty() {
        members.push(format!(r#""path":{path}"#));
    }
    if !extra.is_empty() {
        members.push((*extra).to_string());
    }
    let written: Value = serde_json::from_str(&format!("{{{}}}", members.join(","))).ok()?;
    Some(with_host(json!({
        "chatgpt_base_url": base,
        "features": {"apps_mcp_path_override": written},
    })))
}

/// White space by Unicode, by JavaScript, by Python, by C, and what is none although it looks so.
const BLANKS: &[&str] = &[
    "", " ", "  ", "\t", "\n", "\u{b}", "\u{c}", "\r", "\u{1c}", "\u{1d}", "\u{1e}", "\u{1f}",
    "\u{85}", "\u{a0}", "\u{1680}", "\u{180e}", "\u{2000}", "\u{2001}", "\u{2002}", "\u{2003}",
    "\u{2004}", "\u{2005}", "\u{2006}", "\u{2007}", "\u{2008}", "\u{2009}", "\u{200a}", "\u{200b}",
    "\u{200c}", "\u{200d}", "\u{2028}", "\u{2029}", "\u{202f}", "\u{205f}", "\u{2060}", "\u{3000}",
    "\u{feff}", "\u{0}", "\u{8}", "\u{7f}", "\u{2800}", "\u{3164}", "\u{ad}",
];
const AROUND_BLANKS: &[(&str, &str)] =
    &[("", ""), ("t", ""), ("", "t"), (" ", ""), ("", "\u{a0}"), ("\u{feff}", "")];
/// Names of the variable, and names that are not its name.
const TOKEN_NAMES: &[&str] = &[
    "CODEX_CONNECTORS_TOKEN",
    "codex_connectors_token",
    "CODEX_CONNECTORS_TOKEN ",
    "CODEX-CONNECTORS-TOKEN",
    "CODEX_CONNECTOR_TOKEN",
    "TOK",
];

pub(super) fn tokens_size() -> u64 {
    product([BLANKS.len(), AROUND_BLANKS.len(), TOKEN_NAMES.len(), 4])
}

/// The token of the Apps server, alone and among other variables.
pub(super) fn tokens(digits: &mut Digits) -> Option<Case> {
    let blank = digits.pick(BLANKS)?;
    let (before, after) = digits.pick(AROUND_BLANKS)?;
    let name = *digits.pick(TOKEN_NAMES)?;
    let mut env = Map::new();
    let others: &[&str] = digits.pick(&[&[][..], &["A"], &["Z"], &["A", "Z", "CODEX_HOME"]])?;
    for other in others {
        env.insert((*other).into(), Value::from("x"));
    }
    env.insert(name.into(), Value::from(format!("{before}{blank}{after}")));
    let mut case = with_host(json!({"env": env, "apps_mcp_product_sku": "s"}));
    if others.len() == 1 {
        case.contributors = vec![hosted()];
    }
    Some(case)
}

pub(super) fn skus_size() -> u64 {
    product([sku_values().len(), 2, 2])
}

/// The texts of the table of fields and the blanks.
fn sku_values() -> Vec<Value> {
    let texts = SAMPLES.iter().filter(|samples| samples.field.name == "name");
    let texts = texts.flat_map(|samples| samples.valid.iter().chain(&samples.boundary)).cloned();
    texts.chain(BLANKS.iter().map(|blank| Value::from(*blank))).chain(parsed(ANY_TYPE)).collect()
}

pub(super) fn skus(digits: &mut Digits) -> Option<Case> {
    let sku = digits.pick(&sku_values())?.clone();
    let mut case = with_host(json!({"apps_mcp_product_sku": sku}));
    if digits.next(2) == 1 {
        case.contributors = vec![hosted()];
    }
    if digits.next(2) == 1 {
        case.auth = Some(Auth::PersonalAccessToken);
    }
    Some(case)
}
