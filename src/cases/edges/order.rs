//! Order: of plugins, of contributors and within one list, with more of each than sorting by text
//! keeps in order.

use mcp_overlay_model::Case;
use serde_json::json;

use super::build::{contributor, hosted, plugin, product, remove, server, set, with_host};
use crate::cases::digits::Digits;
use crate::cases::samples::names::IDS;

/// Which of three plugins have the same id.
const PATTERNS: [[&str; 3]; 5] =
    [["x", "x", "x"], ["x", "x", "y"], ["x", "y", "x"], ["y", "x", "x"], ["z", "y", "x"]];

pub(super) fn same_ids_size() -> u64 {
    product([PATTERNS.len(), 8, 4, 4, 4, 2])
}

/// Three plugins, some with one id, that define a server validly, invalidly or not at all.
pub(super) fn same_ids(digits: &mut Digits) -> Option<Case> {
    let ids = *digits.pick(&PATTERNS)?;
    let mut active = digits.next(8);
    let mut case = with_host(json!({}));
    for (number, id) in ids.into_iter().enumerate() {
        let command = format!("of-{number}");
        let mut plugin = match digits.next(4) {
            0 => plugin(id, []),
            1 => plugin(id, [("s", json!({})), ("t", server(&command))]),
            2 => plugin(id, [("s", server(&command))]),
            _ => plugin(id, [("s", server(&command)), ("t", server(&command))]),
        };
        plugin.active = active.is_multiple_of(2);
        active /= 2;
        case.plugins.push(plugin);
    }
    if digits.next(2) == 1 {
        case.host = json!({"mcp_servers": {"t": {"command": "config", "enabled": false}}});
    }
    case.contributors = vec![contributor("x", vec![set("u", server("set"))])];
    Some(case)
}

pub(super) fn namesakes_size() -> u64 {
    product([PATTERNS.len(), 4, 4, 4])
}

/// Three contributors, some with one id.
pub(super) fn namesakes(digits: &mut Digits) -> Option<Case> {
    let mut case = with_host(json!({"mcp_servers": {"s": {"command": "config"}}}));
    for (number, id) in digits.pick(&PATTERNS)?.iter().enumerate() {
        let (own, command) = (format!("own-{number}"), format!("by-{number}"));
        let list = match digits.next(4) {
            0 => Vec::new(),
            1 => vec![set(&own, server(&command))],
            2 => vec![remove("s"), set(&own, server(&command))],
            _ => vec![set("s", server(&command))],
        };
        case.contributors.push(contributor(id, list));
    }
    Some(case)
}

/// The ids in three orders.
fn ids(digits: &mut Digits) -> Vec<&'static str> {
    let mut ids = IDS.to_vec();
    match digits.next(3) {
        0 => {}
        1 => ids.reverse(),
        _ => ids.sort_unstable(),
    }
    ids
}

pub(super) fn plugins_size() -> u64 {
    product([3, 3, IDS.len()])
}

/// Seventeen plugins, of which the first few do not count.
pub(super) fn plugins(digits: &mut Digits) -> Option<Case> {
    let ids = ids(digits);
    let how = digits.next(3);
    let winner = digits.next(IDS.len() as u64) as usize;
    let mut case = with_host(json!({}));
    for (number, id) in ids.into_iter().enumerate() {
        let own = format!("own-{number}");
        let shared = server(&format!("of-{number}"));
        let counts = number >= winner;
        let mut plugin = match how {
            0 if !counts => {
                plugin(id, [(own.as_str(), server("own")), ("s", json!({"command": 1}))])
            }
            1 if !counts => plugin(id, [(own.as_str(), server("own"))]),
            _ => plugin(id, [(own.as_str(), server("own")), ("s", shared)]),
        };
        plugin.active = counts || how != 2;
        case.plugins.push(plugin);
    }
    Some(case)
}

/// The number of contributors.
const MANY: usize = 12;

pub(super) fn contributors_size() -> u64 {
    product([3, 5, MANY + 1])
}

/// Twelve contributors, of which one, or all from one on, decide about the same server.
pub(super) fn contributors(digits: &mut Digits) -> Option<Case> {
    let ids = ids(digits);
    let how = digits.next(5);
    let at = digits.next(MANY as u64 + 1) as usize;
    let mut case =
        with_host(json!({"mcp_servers": {"s": {"command": "config", "enabled": false}}}));
    for (number, id) in ids.into_iter().take(MANY).enumerate() {
        let (own, shared) = (format!("own-{number}"), server(&format!("by-{number}")));
        let mut list = vec![set(&own, server("own"))];
        match how {
            0 if number == at => list.push(set("s", shared)),
            1 if number <= at => list.push(set("s", shared)),
            2 => list.push(if number == at { remove("s") } else { set("s", shared) }),
            3 if number == at => list.extend([set("s", shared), remove("s")]),
            4 => list.push(if number % 2 == at % 2 { set("s", shared) } else { remove("s") }),
            _ => {}
        }
        if let Some(before) = number.checked_sub(1) {
            list.push(remove(&format!("own-{before}")));
        }
        case.contributors.push(contributor(id, list));
    }
    case.contributors.insert(at, hosted());
    Some(case)
}

/// The length of the list.
const LONG: usize = 40;

pub(super) fn long_list_size() -> u64 {
    product([3, LONG])
}

/// One contributor with many contributions, whose order is not that of the names.
pub(super) fn long_list(digits: &mut Digits) -> Option<Case> {
    let how = digits.next(3);
    let at = digits.next(LONG as u64) as usize;
    let mut case = with_host(json!({"features": {"apps": false}}));
    let list = (0..LONG).map(|number| {
        // Sets of seven names in turn, so that each is overwritten several times.
        let name = format!("n{}", number * 5 % 7);
        match how {
            0 if number == at => remove(&name),
            1 if number > at => remove(&name),
            _ => set(&name, json!({"command": format!("c{number}"), "enabled": number % 3 != 0})),
        }
    });
    case.contributors = vec![contributor("x", list.collect())];
    Some(case)
}
