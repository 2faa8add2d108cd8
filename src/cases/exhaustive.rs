//! Every case of a small scope, by number.
//!
//! Two names, `codex_apps` and `docs`, each absent, enabled, disabled or from a plugin; up to two
//! scripted contributors of up to two contributions, each one of {set A, set B, remove} × the two
//! names; the hosted-apps contributor absent or at each position; Apps on and off; all six auth
//! values. The scope contains every combination.

mod wide;

use mcp_overlay_model::{
    Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, Plugin, Profile,
};
use serde_json::{Map, Value, json};

use super::digits::Digits;
use super::edges::has_wide;

const NAMES: [&str; 2] = [CODEX_APPS, "docs"];

/// Lists of zero, one or two of the six contributions.
const LISTS: u64 = 1 + 6 + 6 * 6;
/// With no scripted contributor, hosted-apps has one position, with one two, with two three; and
/// it may be absent.
const CONTRIBUTORS: u64 = 2 + LISTS * 3 + LISTS * LISTS * 4;
/// Two names in four ways each.
const CONFIGURED: u64 = 4 * 4;
/// Apps on and off, none and five kinds of auth.
const APPS_AND_AUTH: u64 = 2 * 6;

/// How many cases the scope has.
pub const COUNT: u64 = CONTRIBUTORS * CONFIGURED * APPS_AND_AUTH;

/// The case number `index`; `None` from [`COUNT`] on.
pub fn case(index: u64) -> Option<Case> {
    if index >= COUNT {
        return None;
    }
    let mut digits = Digits::new(index);
    let auth = match digits.next(6) {
        0 => None,
        kind => Auth::PLAIN.get(kind as usize - 1).copied(),
    };
    let apps = digits.next(2) == 1;
    let mut configured = Map::new();
    let mut from_plugin = Map::new();
    for name in NAMES {
        match digits.next(4) {
            0 => None,
            1 => configured.insert(name.into(), json!({"command": "configured"})),
            2 => configured.insert(name.into(), json!({"command": "configured", "enabled": false})),
            _ => from_plugin.insert(name.into(), json!({"command": "from-plugin"})),
        };
    }
    Some(Case {
        id: format!("small-{index}"),
        profile: Profile::default(),
        host: json!({"features": {"apps": apps}, "mcp_servers": configured}),
        plugins: vec![Plugin::new("p@market", from_plugin)],
        contributors: contributors(digits.rest()),
        auth,
        thread: None,
        requirements: None,
    })
}

/// How many cases the scope of a profile has, wide ones included.
pub fn count_in(profile: Profile) -> u64 {
    COUNT + if has_wide(profile) { wide::COUNT } else { 0 }
}

/// The case number `index` of a profile: the wide ones come last.
pub fn case_in(profile: Profile, index: u64) -> Option<Case> {
    match index.checked_sub(COUNT) {
        None => case(index),
        Some(index) => wide::case(index).filter(|_| has_wide(profile)),
    }
}

fn contributors(number: u64) -> Vec<Contributor> {
    let (scripted, rest) = if number < 2 {
        (0, number)
    } else if number < 2 + LISTS * 3 {
        (1, number - 2)
    } else {
        (2, number - 2 - LISTS * 3)
    };
    let mut digits = Digits::new(rest);
    let hosted_position = digits.next(scripted + 2);
    // Registration order differs from the order of ids, so that sorting by id causes a failure.
    let mut contributors: Vec<Contributor> = ["ext-b", "ext-a"]
        .into_iter()
        .take(scripted as usize)
        .map(|id| {
            let kind = ContributorKind::Scripted(list(digits.next(LISTS)));
            Contributor { id: id.into(), kind }
        })
        .collect();
    if hosted_position > 0 {
        let hosted = Contributor { id: "hosted-apps".into(), kind: ContributorKind::HostedApps };
        contributors.insert(hosted_position as usize - 1, hosted);
    }
    contributors
}

fn list(number: u64) -> Vec<Contribution> {
    match number {
        0 => Vec::new(),
        1..=6 => vec![contribution(number - 1)],
        _ => vec![contribution((number - 7) / 6), contribution((number - 7) % 6)],
    }
}

fn contribution(number: u64) -> Contribution {
    let name = if number < 3 { NAMES[0] } else { NAMES[1] }.to_string();
    match number % 3 {
        0 => Contribution::Set { name, server: json!({"command": "a"}) },
        1 => Contribution::Set {
            name,
            server: json!({"url": "https://b.example", "enabled": Value::Bool(false)}),
        },
        _ => Contribution::Remove { name },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_scope_has_every_case_once() {
        assert_eq!(COUNT, 1_445_184);
        assert!(case(COUNT).is_none());
        // Iterate over the widest digit, the contributors, with the other digits fixed.
        let step = CONFIGURED * APPS_AND_AUTH;
        let mut seen = BTreeSet::new();
        for number in 0..CONTRIBUTORS {
            let case = case(number * step).unwrap();
            seen.insert(serde_json::to_string(&case.contributors).unwrap());
        }
        assert_eq!(seen.len() as u64, CONTRIBUTORS);
    }

    #[test]
    fn the_other_digits_are_all_used() {
        let mut seen = BTreeSet::new();
        for number in 0..CONFIGURED * APPS_AND_AUTH {
            let mut case = case(number).unwrap();
            case.id.clear();
            seen.insert(serde_json::to_string(&case).unwrap());
        }
        assert_eq!(seen.len() as u64, CONFIGURED * APPS_AND_AUTH);
    }
}
