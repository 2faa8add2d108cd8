//! Large cases: many entries, deep nesting and long texts.

use mcp_overlay_model::{Case, Contribution};
use serde_json::{Map, Value, json};

use super::build::{Place, contributor, plugin, remove, server, set, table, with_entry, with_host};
use crate::cases::digits::Digits;

/// How many servers, plugins or contributions.
const MANY: usize = 1_000;

/// What every reader must manage, `host.wrong-type` says.
const DEPTH: usize = 60;

/// The length of a long text.
const MEBIBYTE: usize = 1 << 20;

const SIZES: &[fn() -> Case] = &[
    servers_in_config,
    servers_in_a_plugin,
    plugins,
    contributors,
    contributions,
    tools,
    headers,
    || with_entry(Place::Host, "a", json!({"command": "c", "args": vec!["x"; MANY]})),
    || with_entry(Place::Host, "a", json!({"command": "c", "args": ["x".repeat(MEBIBYTE)]})),
    || with_entry(Place::Plugin, "a", json!({"command": "\u{65e5}".repeat(MEBIBYTE / 3)})),
    || {
        with_entry(
            Place::Contribution,
            "a",
            json!({"command": "c", "unknown": "x".repeat(MEBIBYTE)}),
        )
    },
    || with_entry(Place::Host, "a", json!({"command": "c", "unknown": deep(DEPTH - 5)})),
    || with_entry(Place::Plugin, "a", json!({"command": "c", "unknown": deep(DEPTH - 5)})),
    || with_entry(Place::Contribution, "a", json!({"command": deep(DEPTH - 8)})),
    || with_host(json!({"unknown": deep(DEPTH - 2), "mcp_servers": {"a": {"command": "c"}}})),
    || with_entry(Place::Host, &"n".repeat(65), server("c")),
    || with_entry(Place::Host, &"n".repeat(129), server("c")),
    || with_entry(Place::Host, &"n".repeat(300), server("c")),
    || with_entry(Place::Plugin, &"\u{1f600}".repeat(300), server("c")),
    || with_entry(Place::Contribution, &"n".repeat(10_000), server("c")),
    || {
        let url = format!("https://a.example/{}", "x".repeat(10_000));
        with_entry(Place::Host, "a", json!({ "url": url }))
    },
    || {
        with_host(
            json!({"chatgpt_base_url": format!("https://corp.example/{}", "x/".repeat(5_000))}),
        )
    },
    || with_host(json!({"chatgpt_base_url": format!("https://chatgpt.com{}", "/".repeat(10_000))})),
    long_names_that_differ_at_the_end,
];

pub(super) fn size() -> u64 {
    SIZES.len() as u64
}

pub(super) fn case(digits: &mut Digits) -> Option<Case> {
    digits.pick(SIZES).map(|case| case())
}

fn numbered(prefix: &str) -> impl Iterator<Item = (String, Value)> {
    (0..MANY)
        .map(move |number| (format!("{prefix}{number}"), server(&format!("{prefix}-{number}"))))
}

fn servers_in_config() -> Case {
    let servers: Map<String, Value> = numbered("s").collect();
    with_host(json!({"mcp_servers": servers}))
}

fn servers_in_a_plugin() -> Case {
    let mut case = with_host(json!({"mcp_servers": {"s500": {"command": "config"}}}));
    case.plugins = vec![plugin("p", [])];
    case.plugins.iter_mut().for_each(|plugin| plugin.mcp_servers = numbered("s").collect());
    case
}

fn plugins() -> Case {
    let mut case = with_host(json!({}));
    case.plugins = (0..MANY)
        .map(|number| {
            let shared = format!("s{}", number / 2);
            plugin(&format!("p{number}"), [(shared.as_str(), server(&number.to_string()))])
        })
        .collect();
    case
}

fn contributors() -> Case {
    let mut case = with_host(json!({}));
    case.contributors = (0..MANY)
        .map(|number| {
            let name = format!("s{}", number % 10);
            contributor(&format!("x{number}"), vec![set(&name, server(&number.to_string()))])
        })
        .collect();
    case
}

fn contributions() -> Case {
    let mut case = with_host(json!({}));
    let contribution = |number: usize| -> Contribution {
        let name = format!("s{}", number * 7 % 100);
        match number % 3 {
            0 => remove(&name),
            _ => set(&name, server(&number.to_string())),
        }
    };
    case.contributors = vec![contributor("x", (0..MANY).map(contribution).collect())];
    case
}

fn tools() -> Case {
    let tools: Map<String, Value> = (0..MANY)
        .map(|number| (format!("t{number}"), json!({"approval_mode": "approve"})))
        .collect();
    with_entry(Place::Host, "a", json!({"command": "c", "tools": tools}))
}

fn headers() -> Case {
    let headers: Map<String, Value> =
        (0..MANY).map(|number| (format!("X-{number}"), Value::from(number.to_string()))).collect();
    with_entry(Place::Host, "a", json!({"url": "https://a.example", "http_headers": headers}))
}

/// Tables and lists in turn, one in the other.
fn deep(depth: usize) -> Value {
    (0..depth).fold(Value::from("x"), |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({ "a": inner }),
    })
}

fn long_names_that_differ_at_the_end() -> Case {
    let names: Vec<String> = ["a", "b"].map(|end| format!("{}{end}", "n".repeat(256))).into();
    let servers = table(names.iter().map(|name| (name.as_str(), server(name))));
    let mut case = with_host(json!({"mcp_servers": servers}));
    let last = names.last().cloned().unwrap_or_default();
    case.contributors = vec![contributor("x", vec![remove(&last)])];
    case
}
