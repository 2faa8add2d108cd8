//! Names that some implementation takes for one name.

use std::sync::LazyLock;

use mcp_overlay_model::Case;
use serde_json::{Value, json};

use super::build::{PLACES, Place};
use super::build::{
    contributor, plugin, product, remove, server, set, table, with_entry, with_host,
};
use crate::cases::digits::Digits;
use crate::cases::samples::names::CONFUSABLE;

/// Every ordered pair of two names of a group.
static PAIRS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let pairs = |group: &&'static [&'static str]| {
        let names = group.iter();
        names.flat_map(|x| group.iter().filter(move |y| x != *y).map(move |y| (*x, *y)))
    };
    CONFUSABLE.iter().flat_map(pairs).collect()
});

/// How the second name meets the first, which the host config defines.
const MEETINGS: usize = 6;

pub(super) fn servers_size() -> u64 {
    product([PAIRS.len(), MEETINGS, 2])
}

pub(super) fn servers(digits: &mut Digits) -> Option<Case> {
    let (first, second) = *digits.pick(&PAIRS)?;
    let own = ("config", first);
    let mut servers = vec![(own.1, server(own.0))];
    let mut case = with_host(Value::Null);
    match digits.next(MEETINGS as u64) {
        0 => servers.push((second, json!({"url": "https://second.example", "enabled": false}))),
        1 => case.plugins = vec![plugin("p", [(second, server("plugin"))])],
        2 => {
            case.plugins = vec![
                plugin("p", [(first, server("first")), (second, server("second"))]),
                plugin("q", [(second, server("other")), (first, server("lost"))]),
            ];
            servers.clear();
        }
        3 => case.contributors = vec![contributor("x", vec![set(second, server("set"))])],
        4 => case.contributors = vec![contributor("x", vec![remove(second)])],
        _ => {
            let list = vec![set(second, server("set")), remove(first), set(first, server("again"))];
            case.contributors = vec![contributor("x", list)];
        }
    }
    let is_on = digits.next(2) == 0;
    case.host = json!({"features": {"apps": is_on}, "mcp_servers": table(servers)});
    Some(case)
}

/// Where two keys of a table meet.
const TABLES: [&str; 6] = ["http_headers", "env_http_headers", "env", "tools", "host env", "ids"];

pub(super) fn keys_size() -> u64 {
    product([PAIRS.len(), TABLES.len()])
}

pub(super) fn keys(digits: &mut Digits) -> Option<Case> {
    let (first, second) = *digits.pick(&PAIRS)?;
    let texts = || json!(table([(first, Value::from("1")), (second, Value::from("2"))]));
    let at = |place: Place, entry: Value| Some(with_entry(place, "a", entry));
    let place = if first < second { PLACES[0] } else { PLACES[2] };
    match *digits.pick(&TABLES)? {
        field @ ("http_headers" | "env_http_headers") => {
            at(place, json!({"url": "https://a.example", field: texts()}))
        }
        "env" => at(place, json!({"command": "srv", "env": texts()})),
        "tools" => {
            let tools = table([
                (first, json!({"approval_mode": "approve"})),
                (second, json!({"approval_mode": "prompt"})),
            ]);
            at(place, json!({"command": "srv", "tools": tools}))
        }
        "host env" => Some(with_host(json!({"env": texts()}))),
        _ => {
            let mut case = with_host(json!({}));
            case.plugins = vec![
                plugin(first, [("a", server("1")), ("b", server("1"))]),
                plugin(second, [("b", server("2")), ("c", server("2"))]),
            ];
            case.contributors = vec![
                contributor(first, vec![set("c", server("x")), set("d", server("x"))]),
                contributor(second, vec![set("d", server("y"))]),
            ];
            Some(case)
        }
    }
}
