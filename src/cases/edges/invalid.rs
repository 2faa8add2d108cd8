//! Invalid entries: two of them, of which the rejection names one, and one among many.

use std::sync::LazyLock;

use mcp_overlay_model::Case;
use serde_json::{Value, json};

use super::build::{contributor, hosted, plugin, product, server, set, table, with_host};
use crate::cases::digits::Digits;
use crate::cases::samples::names::{CONFUSABLE, IDS};

/// Numbers whose order as texts differs from their order.
const POSITIONS: [usize; 7] = [0, 1, 2, 3, 9, 10, 11];

pub(super) fn contributions_size() -> u64 {
    product([POSITIONS.len(), POSITIONS.len(), POSITIONS.len(), POSITIONS.len(), 2])
}

/// Two invalid contributions.
pub(super) fn contributions(digits: &mut Digits) -> Option<Case> {
    let mut bad = [(0, 0); 2];
    for place in &mut bad {
        *place = (*digits.pick(&POSITIONS)?, *digits.pick(&POSITIONS)?);
    }
    let mut case = with_host(json!({}));
    for (number, id) in IDS.into_iter().take(12).enumerate() {
        let list = (0..12).map(|index| {
            let is_bad = bad.contains(&(number, index));
            set(&format!("s{index}"), if is_bad { json!({}) } else { server("c") })
        });
        case.contributors.push(contributor(id, list.collect()));
    }
    if digits.next(2) == 1 {
        // It counts among the contributors.
        case.contributors.insert(1, hosted());
    }
    Some(case)
}

/// All names of the groups.
static NAMES: LazyLock<Vec<&str>> =
    LazyLock::new(|| CONFUSABLE.iter().flat_map(|group| group.iter().copied()).collect());

/// Other invalid places beside two servers.
const BESIDE: usize = 4;

pub(super) fn names_size() -> u64 {
    product([NAMES.len(), 24, BESIDE])
}

/// Two invalid servers in the host config, alone and with another invalid place.
pub(super) fn names(digits: &mut Digits) -> Option<Case> {
    let first = digits.next(NAMES.len() as u64) as usize;
    let distance = digits.next(24) as usize * 5 + 1;
    let names = [NAMES.get(first)?, NAMES.get((first + distance) % NAMES.len())?];
    let servers = names.map(|name| (*name, json!({"command": []})));
    let mut host = table([("mcp_servers", json!(table(servers)))]);
    let mut case = with_host(Value::Null);
    match digits.next(BESIDE as u64) {
        0 => {}
        1 => drop(host.insert("chatgpt_base_url".into(), json!(1))),
        2 => drop(host.insert("features".into(), json!({"apps": 1, "connectors": "x"}))),
        _ => case.contributors = vec![contributor("x", vec![set("a", json!(null))])],
    }
    case.host = Value::Object(host);
    Some(case)
}

/// How many entries there are, of which one is invalid.
const MANY: usize = 12;

pub(super) fn among_size() -> u64 {
    product([MANY, 4, 6])
}

/// One invalid entry among many valid ones, in the config, in one plugin, in one of many plugins,
/// and in a contribution.
pub(super) fn among(digits: &mut Digits) -> Option<Case> {
    let bad = digits.next(MANY as u64) as usize;
    let place = digits.next(4);
    let wrong = digits
        .pick(&[
            json!({}),
            json!({"command": "c", "url": "https://u.example"}),
            json!({"command": "c", "args": "x"}),
            json!({"url": "https://u.example", "http_headers": {"a": 1}}),
            json!({"command": "c", "bearer_token": "x"}),
            json!({"command": "c", "tool_timeout_sec": -1}),
        ])?
        .clone();
    let entry = |number: usize| if number == bad { wrong.clone() } else { server("c") };
    let names: Vec<String> = (0..MANY).map(|number| format!("s{}", number * 7 % MANY)).collect();
    let servers = || names.iter().enumerate().map(|(number, name)| (name.as_str(), entry(number)));
    let mut case = with_host(json!({}));
    match place {
        0 => case.host = json!({"mcp_servers": table(servers())}),
        1 => case.plugins = vec![plugin("p", servers())],
        2 => {
            let ids = IDS.into_iter().take(MANY).enumerate();
            let plugins =
                ids.map(|(number, id)| plugin(id, [("s", entry(number)), (id, server(id))]));
            case.plugins = plugins.collect();
        }
        _ => {
            let list = servers().map(|(name, entry)| set(name, entry)).collect();
            case.contributors = vec![contributor("x", list)];
        }
    }
    Some(case)
}
