//! Invalid cases: with one small mistake, or with arbitrary JSON.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use mcp_overlay_model::{Case, Contribution, ContributorKind};
use serde_json::{Map, Value, json};

use super::draw::{free_text, name, once_in, pick, value};
use super::server;
use crate::cases::entries::{entries, entries_mut};
use crate::cases::samples::fields::SAMPLES;
use crate::cases::samples::names::CONFUSABLE;
use crate::cases::samples::urls::NO_BASES;
use crate::cases::samples::{ANY_TYPE, parsed};

/// A few values of every type.
static VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| parsed(ANY_TYPE));

/// Puts a mistake into an otherwise valid case; in one of four cases, two mistakes.
pub(super) fn perturb(u: &mut Unstructured<'_>, case: &mut Case) -> Result<()> {
    for _ in 0..if once_in(u, 4)? { 2 } else { 1 } {
        match u.int_in_range(0..=7)? {
            0..=1 => break_host(u, case)?,
            2 => edit_host_servers(case, |servers| add_broken_server(u, servers))?,
            3 => edit_host_servers(case, |servers| add_broken_pair(u, servers))?,
            4 => {
                if let Some(position) = position(u, case.plugins.len())?
                    && let Some(plugin) = case.plugins.get_mut(position)
                {
                    add_broken_server(u, &mut plugin.mcp_servers)?;
                }
            }
            5 => break_contribution(u, case)?,
            _ => break_existing_server(u, case)?,
        }
    }
    Ok(())
}

/// The position of one of this many things; `None` if there is none.
fn position(u: &mut Unstructured<'_>, count: usize) -> Result<Option<usize>> {
    count.checked_sub(1).map(|last| u.int_in_range(0..=last)).transpose()
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
        0..=2 => ("chatgpt_base_url", Value::from(pick(u, NO_BASES)?)),
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
    let value = value(u, &VALUES)?;
    Ok(if value.is_object() { Value::from("yes") } else { value })
}

fn add_broken_server(u: &mut Unstructured<'_>, servers: &mut Map<String, Value>) -> Result<()> {
    let name = name(u)?;
    let entry = broken_server(u)?;
    servers.insert(name, entry);
    Ok(())
}

/// Two invalid servers, whose names may be in another order by another comparison.
fn add_broken_pair(u: &mut Unstructured<'_>, servers: &mut Map<String, Value>) -> Result<()> {
    let group = u.choose(CONFUSABLE)?;
    for _ in 0..2 {
        let name = u.choose(group)?;
        servers.insert((*name).into(), broken_server(u)?);
    }
    Ok(())
}

/// Breaks one server of the host config, a plugin or a contribution; without one, adds one.
fn break_existing_server(u: &mut Unstructured<'_>, case: &mut Case) -> Result<()> {
    let (field, value) = broken_field(u)?;
    let chosen = position(u, entries(case).count())?;
    match chosen.and_then(|position| entries_mut(case).nth(position)) {
        Some(entry) => {
            edit(entry, |entry| entry.insert(field.into(), value));
            Ok(())
        }
        None => edit_host_servers(case, |servers| add_broken_server(u, servers)),
    }
}

/// Adds an invalid contribution to any list, at any place.
fn break_contribution(u: &mut Unstructured<'_>, case: &mut Case) -> Result<()> {
    let server = broken_server(u)?;
    let broken = Contribution::Set { name: name(u)?, server };
    let lists =
        case.contributors.iter_mut().filter_map(|contributor| match &mut contributor.kind {
            ContributorKind::Scripted(list) => Some(list),
            ContributorKind::HostedApps | ContributorKind::ExecutorPlugins => None,
        });
    let mut lists: Vec<_> = lists.collect();
    if let Some(chosen) = position(u, lists.len())?
        && let Some(list) = lists.get_mut(chosen)
    {
        list.insert(u.int_in_range(0..=list.len())?, broken);
    }
    Ok(())
}

fn broken_server(u: &mut Unstructured<'_>) -> Result<Value> {
    let fixed = [
        json!({}),
        json!({"enabled": true}),
        json!("npx"),
        json!(["npx"]),
        json!(null),
        json!({"type": "stdio", "command": "c", "url": "https://a.example"}),
        json!({"type": "http", "command": "c", "url": "https://a.example"}),
    ];
    if once_in(u, 4)? {
        return u.choose(&fixed).cloned();
    }
    let mut entry = server::entry(u)?;
    let (field, value) = broken_field(u)?;
    edit(&mut entry, |entry| entry.insert(field.into(), value));
    Ok(entry)
}

/// A field that makes most servers invalid, or one that only looks as if it did: any field, with a
/// value of another type, with an invalid one, or in a server that does not have it.
fn broken_field(u: &mut Unstructured<'_>) -> Result<(&'static str, Value)> {
    let samples = u.choose(&SAMPLES)?;
    let values = match u.int_in_range(0..=7)? {
        0..=3 => &samples.invalid,
        4 => &samples.valid,
        5 => &samples.boundary,
        _ => &*VALUES,
    };
    let value = if values.is_empty() { value(u, &VALUES)? } else { value(u, values)? };
    Ok((samples.field.name, value))
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
            let base = format!("{start}{}", free_text(u)?);
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
