//! Valid server entries.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

use super::draw::{name, once_in, pick};

/// Zero to `most` server entries by name.
pub(super) fn servers(u: &mut Unstructured<'_>, most: usize) -> Result<Map<String, Value>> {
    let mut servers = Map::new();
    for _ in 0..u.int_in_range(0..=most)? {
        servers.insert(name(u)?, entry(u)?);
    }
    Ok(servers)
}

const TEXTS: [&str; 8] = ["x", "read", "a/b", "", "--flag", "日本", "naïve", "${HOME}"];

/// A valid entry as a user might write it: a transport and a few fields.
pub(super) fn entry(u: &mut Unstructured<'_>) -> Result<Value> {
    let stdio = u.arbitrary::<bool>()?;
    let mut entry = Map::new();
    if stdio {
        entry.insert("command".into(), Value::from(pick(u, &["srv", "npx", "/usr/bin/srv"])?));
    } else {
        entry.insert("url".into(), Value::from(url(u)?));
    }
    // A quarter of the servers is disabled, because half of the rules are about disabled servers.
    if once_in(u, 4)? {
        entry.insert("enabled".into(), Value::Bool(false));
    }
    for _ in 0..*u.choose(&[0, 0, 0, 1, 1, 2, 3, 4])? {
        let (field, value) = if once_in(u, 2)? {
            shared_field(u)?
        } else if stdio {
            stdio_field(u)?
        } else {
            http_field(u)?
        };
        entry.insert(field.into(), value);
    }
    if !stdio && once_in(u, 6)? {
        // Whether the host's credentials go there depends on these two together.
        entry.insert("auth".into(), Value::from("chatgpt"));
        entry.insert("url".into(), Value::from(*u.choose(&NEAR_CHATGPT)?));
    }
    // Some profiles reject a stdio server elsewhere that has no folder.
    if entry.contains_key("environment_id") && stdio && !once_in(u, 6)? {
        entry.insert("cwd".into(), Value::from("/srv"));
    }
    Ok(Value::Object(entry))
}

fn url(u: &mut Unstructured<'_>) -> Result<&'static str> {
    let plain = [
        "https://a.example/mcp",
        "https://b.example/mcp",
        "http://127.0.0.1:9/mcp",
        "https://chatgpt.com/backend-api/wham/apps",
        "https://evil.example/mcp",
    ];
    let is_plain = !once_in(u, 6)?;
    u.choose(if is_plain { &plain } else { &NEAR_CHATGPT }).copied()
}

/// URLs at ChatGPT's origin, and URLs that some parsers mistake for it.
const NEAR_CHATGPT: [&str; 16] = [
    "https://chatgpt.com",
    "HTTPS://user@ChatGPT.com:443/x",
    "https://chatgpt.com:0443/x",
    "https:chatgpt.com/x",
    "https:\\\\chatgpt.com\\x",
    "https://chat%67pt.com/x",
    "https://\u{ff43}hatgpt.com/x",
    " https://chatgpt.com/x\n",
    "https://chatgpt.com\\@evil.example/",
    "https://chatgpt.com@evil.example/",
    "https://evil.example#@chatgpt.com/",
    "http://chatgpt.com/x",
    "https://chatgpt.com:8443/x",
    "https://chatgpt.com./x",
    "https://chat.openai.com/x",
    "https://chatgpt.com.evil.example/x",
];

fn text(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(Value::from(pick(u, &TEXTS)?))
}

fn texts(u: &mut Unstructured<'_>) -> Result<Value> {
    let count = u.int_in_range(0..=2)?;
    (0..count).map(|_| text(u)).collect()
}

fn text_table(u: &mut Unstructured<'_>, keys: [&str; 2]) -> Result<Value> {
    let mut table = Map::new();
    for key in keys.iter().take(u.int_in_range(0..=2)?) {
        table.insert((*key).to_string(), text(u)?);
    }
    Ok(Value::Object(table))
}

/// A time as a user may write it: common values, values that are prone to rounding errors, and any
/// decimal.
fn seconds(u: &mut Unstructured<'_>) -> Result<Value> {
    let common = [json!(0), json!(7), json!(30), json!(30.0), json!(0.25), json!(1.5)];
    let edges = [
        json!(1.14),
        json!(0.1),
        json!(1e-9),
        json!(4e-10),
        json!(1e-300),
        // Exact halves of a nanosecond.
        json!(0.0009765625),
        json!(0.0029296875),
        json!(16_777_215.999_999_999),
        json!(9_007_199_254_740_993_u64),
        // The largest double below 2^64.
        json!(18_446_744_073_709_549_568_u64),
    ];
    Ok(match u.int_in_range(0..=7)? {
        0..=3 => u.choose(&common)?.clone(),
        4 | 5 => u.choose(&edges)?.clone(),
        _ => {
            let digits = 10_f64.powi(u.int_in_range(0..=12)?);
            json!(f64::from(u.arbitrary::<u32>()?) / digits)
        }
    })
}

fn stdio_field(u: &mut Unstructured<'_>) -> Result<(&'static str, Value)> {
    Ok(match u.int_in_range(0..=3)? {
        0 => ("args", texts(u)?),
        1 => ("env", text_table(u, ["K", "L"])?),
        2 => ("env_vars", env_vars(u)?),
        _ => ("cwd", Value::from(pick(u, &["/srv", "rel/dir", ""])?)),
    })
}

fn env_vars(u: &mut Unstructured<'_>) -> Result<Value> {
    let entries = [
        json!("PATH"),
        json!({"name": "T"}),
        json!({"name": "T", "source": "local"}),
        json!({"name": "U", "source": "remote"}),
        json!({"name": "U", "source": null}),
    ];
    (0..u.int_in_range(0..=2)?).map(|_| u.choose(&entries).cloned()).collect()
}

fn http_field(u: &mut Unstructured<'_>) -> Result<(&'static str, Value)> {
    Ok(match u.int_in_range(0..=6)? {
        5 | 6 => ("auth", Value::from(pick(u, &["chatgpt", "chatgpt", "oauth"])?)),
        0 => ("bearer_token_env_var", Value::from("TOK")),
        1 => ("http_headers", text_table(u, ["X-A", "X-OpenAI-Product-Sku"])?),
        2 => ("env_http_headers", text_table(u, ["X-E", "X-F"])?),
        3 => ("oauth", u.choose(&[json!({}), json!({"client_id": "cid"})])?.clone()),
        _ => ("oauth_resource", Value::from("https://r.example")),
    })
}

fn shared_field(u: &mut Unstructured<'_>) -> Result<(&'static str, Value)> {
    Ok(match u.int_in_range(0..=14)? {
        0 => ("environment_id", Value::from(pick(u, &["local", "remote", "gpu-box"])?)),
        1 => ("enabled", Value::Bool(true)),
        2 => ("required", Value::Bool(u.arbitrary()?)),
        3 => ("supports_parallel_tool_calls", Value::Bool(u.arbitrary()?)),
        4 | 5 => ("startup_timeout_sec", seconds(u)?),
        6 => ("startup_timeout_ms", u.choose(&[json!(0), json!(9), json!(1500)])?.clone()),
        7 => ("tool_timeout_sec", seconds(u)?),
        8 => {
            let modes = ["auto", "prompt", "approve", "writes"];
            ("default_tools_approval_mode", Value::from(pick(u, &modes)?))
        }
        9 => ("enabled_tools", texts(u)?),
        10 => ("disabled_tools", texts(u)?),
        11 => ("scopes", texts(u)?),
        12 => {
            let tools =
                [json!({}), json!({"w": {}}), json!({"read": {"approval_mode": "approve"}})];
            ("tools", u.choose(&tools)?.clone())
        }
        13 => ("name", text(u)?),
        _ => (pick(u, &["unknown_field", "Command", "type"])?, json!(1)),
    })
}
