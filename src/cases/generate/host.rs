//! Valid host configs.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

use super::draw::{free_text, name, once_in, pick, size, value};
use super::server::servers;
use crate::cases::samples::urls::{BASES, HOSTS, NO_BASES, PATHS, PORTS};

/// A valid host config, often a small one.
pub(super) fn host(u: &mut Unstructured<'_>) -> Result<Map<String, Value>> {
    let mut host = Map::new();
    if once_in(u, 2)? {
        host.insert("chatgpt_base_url".into(), base(u)?);
    }
    if once_in(u, 6)? {
        host.insert("apps_mcp_product_sku".into(), sku(u)?);
    }
    if !once_in(u, 3)? {
        host.insert("features".into(), Value::Object(features(u)?));
    }
    if once_in(u, 5)? {
        host.insert("env".into(), Value::Object(environment(u)?));
    }
    if !once_in(u, 8)? {
        host.insert("mcp_servers".into(), Value::Object(servers(u, 3)?));
    }
    if once_in(u, 16)? {
        let key = pick(u, &["model", "plugins", "Features", "mcpServers", "__proto__", ""])?;
        let ignored = [json!(["ignored"]), json!(null), json!({"apps": false}), json!(1)];
        host.insert(key.into(), value(u, &ignored)?);
    }
    Ok(host)
}

/// A listed base, or one composed of a host, a port and a path, which may be none.
fn base(u: &mut Unstructured<'_>) -> Result<Value> {
    if !once_in(u, 8)? {
        return Ok(Value::from(pick(u, BASES)?));
    }
    let scheme = pick(u, &["https://", "http://"])?;
    let (host, port) = (pick(u, HOSTS)?, pick(u, PORTS)?);
    let composed = match u.int_in_range(0..=2)? {
        0 => format!("{scheme}{host}"),
        1 => format!("{scheme}corp.example{port}{}", pick(u, PATHS)?),
        _ => format!("{scheme}{host}{}", pick(u, PATHS)?),
    };
    // A base that is none would hide the rest of most of these cases.
    let is_odd = composed.contains(|c: char| c.is_whitespace() || "\\%<>^|\"@".contains(c));
    let is_refused = NO_BASES.contains(&composed.as_str()) || is_odd;
    Ok(Value::from(if is_refused { "https://corp.example".to_string() } else { composed }))
}

fn sku(u: &mut Unstructured<'_>) -> Result<Value> {
    if once_in(u, 4)? {
        return Ok(Value::from(free_text(u)?));
    }
    Ok(Value::from(pick(u, &["tpp", "codex", "sku with space", "", " ", "Codex"])?))
}

/// Variables, among them the token of the Apps server, with a value that may be blank.
fn environment(u: &mut Unstructured<'_>) -> Result<Map<String, Value>> {
    let mut variables = Map::new();
    for _ in 0..=size(u, 1, 12)? {
        let token = match once_in(u, 12)? {
            true => free_text(u)?,
            false => {
                pick(u, &["tok", "", " \t", "\u{a0}", " t ", "\u{feff}", "\u{85}", "\u{1c}", "\n"])?
                    .into()
            }
        };
        let variable = match u.int_in_range(0..=7)? {
            0..=4 => "CODEX_CONNECTORS_TOKEN".into(),
            5 => "codex_connectors_token".into(),
            6 => name(u)?,
            _ => "TOK".into(),
        };
        variables.insert(variable, Value::from(token));
    }
    Ok(variables)
}

fn features(u: &mut Unstructured<'_>) -> Result<Map<String, Value>> {
    let mut features = Map::new();
    match u.int_in_range(0..=7)? {
        0..=1 => features.insert("apps".into(), Value::Bool(false)),
        2 => features.insert("apps".into(), Value::Null),
        3..=4 => None,
        _ => features.insert("apps".into(), Value::Bool(true)),
    };
    if once_in(u, 2)? {
        features.insert("apps_mcp_path_override".into(), path_override(u)?);
    }
    if once_in(u, 12)? {
        features.insert("connectors".into(), Value::Bool(u.arbitrary()?));
    }
    if once_in(u, 16)? {
        features.insert("other".into(), Value::Bool(u.arbitrary()?));
    }
    Ok(features)
}

fn path_override(u: &mut Unstructured<'_>) -> Result<Value> {
    let path = match once_in(u, 24)? {
        true => pick(u, &["", "/", "///"])?,
        false => pick(
            u,
            &["/custom/mcp", "//deep//path", "x", "ps/mcp", "?q=1", "../up", "/a b", "/%2e", "/x/"],
        )?,
    };
    Ok(match u.int_in_range(0..=6)? {
        0 | 1 => Value::Bool(true),
        2 => Value::Bool(false),
        3 => json!({}),
        4 => json!({ "path": path }),
        5 if once_in(u, 3)? => json!({ "enabled": null, "path": path }),
        5 => json!({ "enabled": true }),
        _ => json!({ "enabled": u.arbitrary::<bool>()?, "path": path }),
    })
}
