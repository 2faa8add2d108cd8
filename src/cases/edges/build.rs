//! Parts from which the families build their cases.

use mcp_overlay_model::{Auth, Case, Contribution, Contributor, ContributorKind, Plugin, Profile};
use serde_json::{Map, Value, json};

/// Where a server entry stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Host,
    Plugin,
    Contribution,
}

pub(super) const PLACES: [Place; 3] = [Place::Host, Place::Plugin, Place::Contribution];

/// A case with this host config and nothing else, signed in to ChatGPT.
pub(super) fn with_host(host: Value) -> Case {
    Case {
        id: String::new(),
        profile: Profile::default(),
        host,
        plugins: Vec::new(),
        contributors: Vec::new(),
        auth: Some(Auth::ChatGpt),
        thread: None,
        requirements: None,
    }
}

/// A case with this entry at this place, and a plain neighbour, which must not be lost.
pub(super) fn with_entry(place: Place, name: &str, entry: Value) -> Case {
    let neighbour = || json!({"command": "neighbour"});
    let mut case = with_host(json!({"features": {"apps": false}}));
    match place {
        Place::Host => {
            let servers = table([(name, entry), ("neighbour", neighbour())]);
            case.host = json!({"features": {"apps": false}, "mcp_servers": servers});
        }
        Place::Plugin => {
            case.plugins = vec![plugin("p@market", [(name, entry), ("neighbour", neighbour())])];
        }
        Place::Contribution => {
            case.host = json!({
                "features": {"apps": false},
                "mcp_servers": {"neighbour": neighbour()},
            });
            case.contributors = vec![contributor("x", vec![set(name, entry)])];
        }
    }
    case
}

pub(super) fn table<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

pub(super) fn plugin<'a>(id: &str, servers: impl IntoIterator<Item = (&'a str, Value)>) -> Plugin {
    Plugin::new(id, table(servers))
}

pub(super) fn contributor(id: &str, list: Vec<Contribution>) -> Contributor {
    Contributor { id: id.into(), kind: ContributorKind::Scripted(list) }
}

pub(super) fn hosted() -> Contributor {
    Contributor { id: "hosted-apps".into(), kind: ContributorKind::HostedApps }
}

pub(super) fn set(name: &str, server: Value) -> Contribution {
    Contribution::Set { name: name.into(), server }
}

pub(super) fn remove(name: &str) -> Contribution {
    Contribution::Remove { name: name.into() }
}

/// A server that can be told from all others by its command.
pub(super) fn server(command: &str) -> Value {
    json!({ "command": command })
}

/// The product of the lengths of lists.
pub(super) fn product<const N: usize>(lengths: [usize; N]) -> u64 {
    lengths.into_iter().map(|length| length as u64).product()
}
