//! The small scope of wide cases: everything that can speak of one name.
//!
//! The name is `docs` or `codex_apps`. An installed plugin brings it or not, with or without an app of
//! that name and the user's policy; the host config has it or not; it is selected by a contribution,
//! by two, or by a thread's root, in an environment that is ready or not, on either side of the other
//! contributor; that one sets or removes it or does not; requirements match it or not. Four kinds of
//! auth, and Apps on and off, by the config and by requirement. The scope contains every combination,
//! except that requirements of both kinds meet in some forms only.

use std::collections::BTreeMap;

use mcp_overlay_model::wide::{PluginRequirements, Policy, Requirements, SelectedRoot, Thread};
use mcp_overlay_model::{
    Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, Plugin, Profile,
};
use serde_json::{Map, Value, json};

use crate::cases::digits::Digits;

const AUTHS: [Option<Auth>; 4] =
    [None, Some(Auth::ChatGpt), Some(Auth::BedrockApiKey), Some(Auth::Headers)];
const INSTALLED: u64 = 7;
const OWN: u64 = 3;
const SELECTED: u64 = 8;
/// `docs` with four contributions, `codex_apps` with the same and with the hosted one before or not.
const NAME_AND_CONTRIBUTION: u64 = 4 + 4 * 2;
const APPS: u64 = 4;
const REQUIREMENTS: u64 = 10;

/// How many cases the scope has.
pub(super) const COUNT: u64 =
    AUTHS.len() as u64 * APPS * INSTALLED * OWN * SELECTED * NAME_AND_CONTRIBUTION * REQUIREMENTS;

/// The case number `index`; `None` from [`COUNT`] on.
pub(super) fn case(index: u64) -> Option<Case> {
    if index >= COUNT {
        return None;
    }
    let mut digits = Digits::new(index);
    let auth = *digits.pick(&AUTHS)?;
    let apps = digits.next(APPS);
    let (installed, own, selected) =
        (digits.next(INSTALLED), digits.next(OWN), digits.next(SELECTED));
    let (name, hosted, said) = match digits.next(NAME_AND_CONTRIBUTION) {
        said @ 0..4 => ("docs", false, said),
        rest => (CODEX_APPS, rest >= 8, rest % 4),
    };
    let mut features = BTreeMap::new();
    if apps >= 2 {
        features.insert("apps".to_string(), apps == 2);
    }
    let mut mcp_servers = Map::new();
    if own > 0 {
        mcp_servers.insert(name.into(), server("own", own == 1));
    }
    let requirements = requirements(name, digits.next(REQUIREMENTS), features);
    Some(Case {
        id: format!("small-wide-{index}"),
        profile: Profile::default(),
        host: json!({"features": {"apps": apps % 2 == 1}, "mcp_servers": mcp_servers}),
        plugins: plugin(name, installed).into_iter().collect(),
        contributors: contributors(name, selected, hosted, said),
        auth,
        thread: thread(name, selected),
        requirements: Some(requirements),
    })
}

fn server(command: &str, enabled: bool) -> Value {
    if enabled {
        json!({"command": command})
    } else {
        json!({"command": command, "enabled": false})
    }
}

/// Nothing, a server on or off, the same hidden by an app, and the same with a policy against it.
fn plugin(name: &str, installed: u64) -> Option<Plugin> {
    let enabled = installed.checked_sub(1)? % 2 == 0;
    let servers = [(name.to_string(), server("installed", enabled))];
    let mut plugin = Plugin::new("p", servers.into_iter().collect());
    match installed {
        1 | 2 => {}
        3 | 4 => drop(plugin.apps.insert(name.into(), "connector".into())),
        _ => {
            let policy = Policy { enabled: Some(!enabled), ..Policy::default() };
            plugin.policy.insert(name.into(), policy);
        }
    }
    Some(plugin)
}

fn contributors(name: &str, selected: u64, hosted: bool, said: u64) -> Vec<Contributor> {
    let offer = |order, command, enabled| Contribution::SelectedPlugin {
        name: name.into(),
        plugin_id: "s".into(),
        selection_order: order,
        server: server(command, enabled),
    };
    let mut list = match selected {
        1 => vec![offer(0, "selected", true)],
        2 => vec![offer(0, "selected", false)],
        3 => vec![offer(1, "later", true), offer(0, "selected", true)],
        _ => Vec::new(),
    };
    let name = name.to_string();
    match said {
        0 => {}
        1 => list.push(Contribution::Set { name, server: server("set", true) }),
        2 => list.push(Contribution::Set { name, server: server("set", false) }),
        _ => list.push(Contribution::Remove { name }),
    }
    let contributor = |id: &str, kind| Contributor { id: id.into(), kind };
    let mut all = vec![contributor("ext", ContributorKind::Scripted(list))];
    if hosted {
        all.insert(0, contributor("hosted-apps", ContributorKind::HostedApps));
    }
    if selected >= 4 {
        let place = if selected.is_multiple_of(2) { 0 } else { all.len() };
        all.insert(place, contributor("executor-plugins", ContributorKind::ExecutorPlugins));
    }
    all
}

/// A thread that selects a plugin in an environment that is ready or not.
fn thread(name: &str, selected: u64) -> Option<Thread> {
    let environment = match selected {
        4 | 5 => "local",
        6 | 7 => "gpu-box",
        _ => return None,
    };
    let servers = [(name.to_string(), server("root", true))];
    Some(Thread {
        originator: None,
        selected_plugins: vec![SelectedRoot {
            id: "s".into(),
            environment_id: environment.into(),
            root: "/plugins/s".into(),
            mcp_servers: servers.into_iter().collect(),
        }],
        environments: Some(vec!["local".into()]),
    })
}

/// Of the user's servers and of plugins' ones: nothing, or an empty list, or what matches, or what
/// does not.
fn requirements(name: &str, number: u64, features: BTreeMap<String, bool>) -> Requirements {
    let demanded = |command: &str| {
        let identity = json!({"identity": {"command": command}});
        [(name.to_string(), identity)].into_iter().collect::<Map<String, Value>>()
    };
    let (own, plugins) =
        if number < 4 { (0, number) } else { (1 + (number - 4) / 2, number % 2 * 2) };
    let of_plugins = |commands: [&str; 2]| {
        let ids = ["p", "s"].map(String::from);
        let of = commands.map(|command| PluginRequirements { mcp_servers: demanded(command) });
        ids.into_iter().zip(of).collect::<BTreeMap<_, _>>()
    };
    Requirements {
        mcp_servers: match own {
            0 => None,
            1 => Some(Map::new()),
            2 => Some(demanded("own")),
            _ => Some(demanded("other")),
        },
        plugins: match plugins {
            0 => None,
            1 => Some(BTreeMap::new()),
            2 => Some(of_plugins(["installed", "root"])),
            _ => Some(of_plugins(["other", "other"])),
        },
        features,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_numbers_make_the_same_case() {
        assert_eq!(COUNT, 322_560);
        assert!(case(COUNT).is_none());
        let seen: BTreeSet<String> = (0..COUNT)
            .map(|index| {
                let mut case = case(index).unwrap();
                case.id.clear();
                serde_json::to_string(&case).unwrap()
            })
            .collect();
        // Where nothing says a name, which one it is makes no difference: that leaves auth, apps and
        // three requirements.
        let nameless = AUTHS.len() as u64 * APPS * 3;
        assert_eq!(seen.len() as u64, COUNT - nameless);
    }
}
