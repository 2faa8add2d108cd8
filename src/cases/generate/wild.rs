//! Invalid cases: with one small mistake, or with arbitrary JSON.

use arbitrary::{Result, Unstructured};
use mcp_overlay_model::{Case, Contribution, ContributorKind};
use serde_json::{Map, Value, json};

use super::draw::{name, once_in, pick};
use super::server;

/// Puts a mistake into an otherwise valid case; in one of four cases, two mistakes.
pub(super) fn perturb(u: &mut Unstructured<'_>, case: &mut Case) -> Result<()> {
    for _ in 0..if once_in(u, 4)? { 2 } else { 1 } {
        match u.int_in_range(0..=7)? {
            0..=1 => break_host(u, case)?,
            2..=3 => edit_host_servers(case, |servers| add_broken_server(u, servers))?,
            4 => {
                if let Some(plugin) = case.plugins.first_mut() {
                    add_broken_server(u, &mut plugin.mcp_servers)?;
                }
            }
            5 => break_contribution(u, case)?,
            _ => edit_host_servers(case, |servers| break_existing_server(u, servers))?,
        }
    }
    Ok(())
}

/// Edits a value as a table; any other value is first replaced by an empty table.
fn edit<R>(value: &mut Value, change: impl FnOnce(&mut Map<String, Value>) -> R) -> R {
    let mut table = match value.take() {
        Value::Object(table) => table,
        _ => Map::new(),
    };
    let result = change(&mut table);
    *value = Value::Object(table);
    result
}

fn edit_host_servers<R>(case: &mut Case, change: impl FnOnce(&mut Map<String, Value>) -> R) -> R {
    edit(&mut case.host, |host| edit(host.entry("mcp_servers").or_insert(Value::Null), change))
}

fn break_host(u: &mut Unstructured<'_>, case: &mut Case) -> Result<()> {
    let bad_urls = [
        "",
        "chatgpt.com",
        "https:chatgpt.com",
        "https://",
        "ftp://chatgpt.com",
        "https://user:pw@chatgpt.com",
        "https://@chatgpt.com",
        "https://chatgpt.com?",
        "https://chatgpt.com/#x",
        "https://chatgpt.com\\@evil.example",
        "https://chat gpt.com",
        " https://chatgpt.com",
        "https://chatgpt.com:99999",
        "https://%63hatgpt.com",
        "https://chatgpt.com/%zz",
        "https://chatgpt。com",
        "http://[::1",
        "http://[v1.x]/",
        "//chatgpt.com",
    ];
    let bad_overrides = [
        json!({"path": "///"}),
        json!({"path": "/"}),
        json!({"path": ""}),
        json!({"path": "", "enabled": true}),
        json!({"enabled": true, "path": ""}),
        json!({"enabled": false, "path": ""}),
        json!({"enabeld": true}),
        json!({"enabled": "yes"}),
        json!({"path": 1}),
        json!("on"),
        json!([]),
    ];
    let (key, value) = match u.int_in_range(0..=9)? {
        0..=2 => ("chatgpt_base_url", Value::from(pick(u, &bad_urls)?)),
        7 | 8 => ("features", json!({pick(u, &["other", "connectors"])?: not_a_table(u)?})),
        9 => ("features", json!({"apps_mcp_path_override": u.choose(&bad_overrides)?.clone()})),
        3 => ("apps_mcp_product_sku", wrong(u)?),
        4 => ("features", json!({pick(u, &["apps", "connectors", "other"])?: not_a_table(u)?})),
        5 => ("features", json!({"apps_mcp_path_override": u.choose(&bad_overrides)?.clone()})),
        _ => (pick(u, &["features", "mcp_servers", "chatgpt_base_url", "env"])?, wrong(u)?),
    };
    set_host_key(case, key, value);
    Ok(())
}

/// A value of a type that few fields accept.
fn wrong(u: &mut Unstructured<'_>) -> Result<Value> {
    let values = [json!(5), json!("yes"), json!([]), json!([1]), json!({"a": 1}), json!(-1.5)];
    u.choose(&values).cloned()
}

/// The same without a table, because a feature that is a table is not specified.
fn not_a_table(u: &mut Unstructured<'_>) -> Result<Value> {
    let values = [json!(5), json!("yes"), json!([]), json!([1]), json!(-1.5)];
    u.choose(&values).cloned()
}

fn add_broken_server(u: &mut Unstructured<'_>, servers: &mut Map<String, Value>) -> Result<()> {
    let name = name(u)?;
    let entry = broken_server(u)?;
    servers.insert(name, entry);
    Ok(())
}

fn break_existing_server(u: &mut Unstructured<'_>, servers: &mut Map<String, Value>) -> Result<()> {
    let (field, value) = broken_field(u)?;
    match servers.values_mut().next() {
        Some(entry) => {
            edit(entry, |entry| entry.insert(field.into(), value));
            Ok(())
        }
        None => add_broken_server(u, servers),
    }
}

fn break_contribution(u: &mut Unstructured<'_>, case: &mut Case) -> Result<()> {
    for contributor in &mut case.contributors {
        if let ContributorKind::Scripted(list) = &mut contributor.kind {
            let server = broken_server(u)?;
            list.push(Contribution::Set { name: name(u)?, server });
            break;
        }
    }
    Ok(())
}

fn broken_server(u: &mut Unstructured<'_>) -> Result<Value> {
    let fixed = [json!({}), json!({"enabled": true}), json!("npx"), json!(["npx"]), json!(null)];
    if once_in(u, 4)? {
        return u.choose(&fixed).cloned();
    }
    let mut entry = server::entry(u)?;
    let (field, value) = broken_field(u)?;
    edit(&mut entry, |entry| entry.insert(field.into(), value));
    Ok(entry)
}

/// A field that makes most servers invalid, or one that only looks as if it did.
fn broken_field(u: &mut Unstructured<'_>) -> Result<(&'static str, Value)> {
    Ok(match u.int_in_range(0..=25)? {
        22..=25 => ("auth", u.choose(&[json!("ChatGPT"), json!(true), json!("bearer")])?.clone()),
        0 => ("command", json!("srv")),
        1 => ("url", json!("https://x.example")),
        2 => ("bearer_token", json!("secret")),
        3 => ("bearer_token_env_var", json!("TOK")),
        4 => ("http_headers", json!({"a": "b"})),
        5 => ("env_http_headers", json!({})),
        6 => ("oauth", u.choose(&[json!({}), json!({"client_id": 1}), json!(["c"])])?.clone()),
        7 => ("oauth_resource", json!("r")),
        8 => ("args", u.choose(&[json!([]), json!([null]), json!("x")])?.clone()),
        9 => ("env", u.choose(&[json!({}), json!({"K": 1}), json!({"K": null})])?.clone()),
        10 => ("env_vars", bad_env_vars(u)?),
        11 => ("cwd", u.choose(&[json!("rel"), json!(1)])?.clone()),
        12 => ("environment_id", u.choose(&[json!("gpu-box"), json!(""), json!(1)])?.clone()),
        13 => ("startup_timeout_sec", bad_seconds(u)?),
        14 => ("tool_timeout_sec", bad_seconds(u)?),
        15 => {
            let written = [json!(-5), json!(1000.0), json!("1s"), json!(u64::MAX)];
            ("startup_timeout_ms", u.choose(&written)?.clone())
        }
        16 => {
            let written = [json!("sometimes"), json!("Auto"), json!({"auto": null})];
            ("default_tools_approval_mode", u.choose(&written)?.clone())
        }
        17 => ("enabled", u.choose(&[json!("yes"), json!(1), json!(null)])?.clone()),
        18 => ("name", json!(5)),
        19 => {
            let written = [
                json!({"x": null}),
                json!({"x": {"approval_mode": "never"}}),
                json!({"x": {"approval_mode": null, "y": 1}}),
                json!([]),
            ];
            ("tools", u.choose(&written)?.clone())
        }
        20 => ("scopes", u.choose(&[json!("s"), json!([1]), json!(null)])?.clone()),
        _ => ("required", wrong(u)?),
    })
}

fn bad_env_vars(u: &mut Unstructured<'_>) -> Result<Value> {
    let written = [
        json!([{"name": "X", "source": "moon"}]),
        json!([{"source": "local"}]),
        json!([{"name": "X", "extra": 1}]),
        json!([1]),
        json!([null]),
        json!({"name": "X"}),
    ];
    u.choose(&written).cloned()
}

fn bad_seconds(u: &mut Unstructured<'_>) -> Result<Value> {
    let written = [json!(-1.0), json!(-1), json!("1"), json!(1e20), json!(-0.0), json!(1e300)];
    u.choose(&written).cloned()
}

/// Puts arbitrary JSON wherever the format of a case allows it.
pub(super) fn scatter(u: &mut Unstructured<'_>, case: &mut Case) -> Result<()> {
    let keys = ["chatgpt_base_url", "apps_mcp_product_sku", "features", "mcp_servers", "env", "x"];
    match u.int_in_range(0..=3)? {
        0 => case.host = any_json(u, 3)?,
        1 => set_host_key(case, pick(u, &keys)?, any_json(u, 3)?),
        2 => {
            let (name, entry) = (name(u)?, any_json(u, 2)?);
            edit_host_servers(case, |servers| servers.insert(name, entry));
        }
        _ => {
            let start = pick(u, &["https://", "http://chatgpt.com", ""])?;
            let base = format!("{start}{}", u.arbitrary::<&str>()?);
            set_host_key(case, "chatgpt_base_url", Value::from(base));
        }
    }
    Ok(())
}

fn set_host_key(case: &mut Case, key: &str, value: Value) {
    edit(&mut case.host, |host| host.insert(key.into(), value));
}

/// Any JSON, at most `depth` levels deep, with keys that configs use.
fn any_json(u: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    let keys = [
        "command",
        "url",
        "args",
        "env",
        "env_vars",
        "enabled",
        "tools",
        "apps",
        "path",
        "name",
        "apps_mcp_path_override",
        "features",
        "mcp_servers",
        "codex_apps",
        "",
    ];
    Ok(match u.int_in_range(0..=if depth == 0 { 4 } else { 6 })? {
        0 => Value::Null,
        1 => Value::Bool(u.arbitrary()?),
        2 => json!(u.arbitrary::<i64>()?),
        3 => json!(u.arbitrary::<f64>()?),
        4 => Value::from(u.arbitrary::<&str>()?),
        5 => (0..u.int_in_range(0..=3)?).map(|_| any_json(u, depth - 1)).collect::<Result<_>>()?,
        _ => {
            let mut table = Map::new();
            for _ in 0..u.int_in_range(0..=4)? {
                table.insert(pick(u, &keys)?.to_string(), any_json(u, depth - 1)?);
            }
            Value::Object(table)
        }
    })
}
