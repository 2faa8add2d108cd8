//! The Apps server: its gate, the hosted contributor, and servers that a user disabled.

use mcp_overlay_model::{Auth, CODEX_APPS, Case, Contributor};
use serde_json::{Map, Value, json};

use super::build::{contributor, hosted, plugin, product, remove, set, table, with_host};
use crate::cases::digits::Digits;

const AUTHS: [Option<Auth>; 6] = [
    None,
    Some(Auth::ApiKey),
    Some(Auth::ChatGpt),
    Some(Auth::ChatGptAuthTokens),
    Some(Auth::AgentIdentity),
    Some(Auth::PersonalAccessToken),
];

/// Values of a feature; the first stands for its absence.
const SWITCHES: [Option<Value>; 4] =
    [None, Some(Value::Null), Some(Value::Bool(true)), Some(Value::Bool(false))];

/// Ways in which a user or a plugin defines `codex_apps`.
const OWN: usize = 6;

fn own_apps(digits: &mut Digits, case: &mut Case, host: &mut Map<String, Value>) {
    let entry = match digits.next(OWN as u64) {
        0 => return,
        1 => json!({"command": "own"}),
        2 => json!({"url": "https://own.example", "enabled": false}),
        3 => json!({"url": "https://chatgpt.com/own", "auth": "chatgpt"}),
        4 => {
            let entry = json!({"command": "own", "enabled": true});
            case.plugins = vec![plugin("p", [(CODEX_APPS, entry)])];
            return;
        }
        _ => {
            let entry = json!({"url": "https://own.example", "enabled": false});
            case.plugins = vec![plugin("p", [(CODEX_APPS, entry)])];
            return;
        }
    };
    host.insert("mcp_servers".into(), json!(table([(CODEX_APPS, entry)])));
}

pub(super) fn gate_size() -> u64 {
    product([AUTHS.len(), SWITCHES.len(), SWITCHES.len(), OWN, 5])
}

pub(super) fn gate(digits: &mut Digits) -> Option<Case> {
    let mut case = with_host(Value::Null);
    case.auth = *digits.pick(&AUTHS)?;
    let mut features = Map::new();
    for name in ["apps", "connectors"] {
        if let Some(value) = digits.pick(&SWITCHES)? {
            features.insert(name.into(), value.clone());
        }
    }
    let mut host = table([("features", Value::Object(features))]);
    own_apps(digits, &mut case, &mut host);
    let own = json!({"command": "set"});
    case.contributors = match digits.next(5) {
        0 => Vec::new(),
        1 => vec![hosted()],
        2 => vec![contributor("x", vec![set(CODEX_APPS, own)]), hosted()],
        3 => vec![hosted(), contributor("x", vec![remove(CODEX_APPS)])],
        _ => vec![contributor("x", vec![set(CODEX_APPS, own)])],
    };
    case.host = Value::Object(host);
    Some(case)
}

/// What a scripted contributor between hosted ones does.
fn scripted(digits: &mut Digits, id: &str) -> Contributor {
    contributor(
        id,
        match digits.next(4) {
            0 => Vec::new(),
            1 => vec![set(CODEX_APPS, json!({"command": id}))],
            2 => vec![remove(CODEX_APPS)],
            _ => vec![set("docs", json!({"command": id, "enabled": false}))],
        },
    )
}

pub(super) fn hosted_size() -> u64 {
    product([4, 4, 4, 8, 2, OWN])
}

/// Up to three hosted contributors around up to three scripted ones.
fn hosted_contributors(digits: &mut Digits) -> Vec<Contributor> {
    let scripted = ["c", "a", "b"].map(|id| scripted(digits, id));
    let mut mask = digits.next(8);
    let mut contributors = Vec::new();
    for contributor in scripted {
        if mask % 2 == 1 {
            contributors.push(hosted());
        }
        mask /= 2;
        contributors.push(contributor);
    }
    contributors
}

pub(super) fn hosted_cases(digits: &mut Digits) -> Option<Case> {
    let mut case = with_host(Value::Null);
    case.contributors = hosted_contributors(digits);
    let is_on = digits.next(2) == 0;
    let mut host = table([("features", json!({"apps": is_on}))]);
    own_apps(digits, &mut case, &mut host);
    // A hosted contributor that comes last overrules those before it.
    if case.contributors.len() == 6 {
        case.contributors.push(hosted());
    }
    case.host = Value::Object(host);
    Some(case)
}

/// A server that is absent, enabled or disabled.
fn switched(digits: &mut Digits, command: &str) -> Option<Value> {
    match digits.next(4) {
        0 => None,
        1 => Some(json!({ "command": command })),
        2 => Some(json!({ "command": command, "enabled": false })),
        _ => Some(json!({ "command": command, "enabled": true, "required": true })),
    }
}

pub(super) fn disabled_size() -> u64 {
    product([2, 2, 4, 4, 4, 5, 5])
}

/// A server disabled in the config or a plugin, set and removed by contributions.
pub(super) fn disabled(digits: &mut Digits) -> Option<Case> {
    let name = *digits.pick(&["docs", CODEX_APPS])?;
    let is_on = digits.next(2) == 0;
    let mut case = with_host(Value::Null);
    let own = switched(digits, "config").map(|entry| (name, entry));
    for id in ["q", "p"] {
        let servers = switched(digits, id).map(|entry| (name, entry));
        case.plugins.push(plugin(id, servers));
    }
    for id in ["y", "x"] {
        let list = match digits.next(5) {
            4 => vec![remove(name)],
            number => {
                let server = switched(&mut Digits::new(number), id);
                server.map(|server| set(name, server)).into_iter().collect()
            }
        };
        case.contributors.push(contributor(id, list));
    }
    case.host = json!({"features": {"apps": is_on}, "mcp_servers": table(own)});
    Some(case)
}
