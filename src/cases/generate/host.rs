//! Valid host configs.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

use super::draw::{once_in, pick};
use super::server::servers;

/// Base URLs that some rule of `endpoint.*` treats specially.
pub(crate) const BASE_URLS: [&str; 28] = [
    "https://chatgpt.com",
    "https://chatgpt.com/",
    "https://chatgpt.com///",
    "https://chatgpt.com/backend-api/",
    "https://chat.openai.com",
    "https://ChatGPT.com:443",
    "HTTPS://chatgpt.com/x",
    "http://chatgpt.com",
    "https://chatgpt.com.example.net",
    "https://chatgpt.com.example.net/",
    "https://evilchatgpt.com",
    "https://chatgpt.com.",
    "https://chatgpt.com/backend-api-v2",
    "https://corp.example/backend-api",
    "https://corp.example/x/backend-api/y",
    "https://corp.example/base/path",
    "http://127.0.0.1:9/api/codex/",
    "https://corp.example/api/x/codex",
    "https://corp.example/my-api/codex",
    "https://corp.example/api/codexx",
    "https://corp.example/backend-apix/y",
    "https://backend-api.example",
    "https://chat.openai.com.evil.example",
    "http://localhost:8080",
    "http://localhost:8080/",
    "http://[::1]:8080/api/codex",
    "https://corp.example/%7Euser//x",
    "https://corp.example:/",
];

/// A valid host config, often a small one.
pub(super) fn host(u: &mut Unstructured<'_>) -> Result<Map<String, Value>> {
    let mut host = Map::new();
    if once_in(u, 2)? {
        host.insert("chatgpt_base_url".into(), Value::from(pick(u, &BASE_URLS)?));
    }
    if once_in(u, 6)? {
        let sku = pick(u, &["tpp", "codex", "sku with space", ""])?;
        host.insert("apps_mcp_product_sku".into(), Value::from(sku));
    }
    if !once_in(u, 3)? {
        host.insert("features".into(), Value::Object(features(u)?));
    }
    if once_in(u, 5)? {
        let token = pick(u, &["tok", "", " \t", "\u{a0}", " t "])?;
        let variable = pick(u, &["CODEX_CONNECTORS_TOKEN", "CODEX_CONNECTORS_TOKEN", "TOK"])?;
        host.insert("env".into(), json!({ variable: token }));
    }
    if !once_in(u, 8)? {
        host.insert("mcp_servers".into(), Value::Object(servers(u, 3)?));
    }
    if once_in(u, 16)? {
        host.insert(pick(u, &["model", "plugins", "Features"])?.into(), json!(["ignored"]));
    }
    Ok(host)
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
        false => pick(u, &["/custom/mcp", "//deep//path", "x", "ps/mcp", "?q=1", "../up"])?,
    };
    Ok(match u.int_in_range(0..=6)? {
        0 | 1 => Value::Bool(true),
        2 => Value::Bool(false),
        3 => json!({}),
        4 => json!({ "path": path }),
        5 => json!({ "enabled": true }),
        _ => json!({ "enabled": u.arbitrary::<bool>()?, "path": path }),
    })
}
