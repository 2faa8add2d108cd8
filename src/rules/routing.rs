//! What auth, a plugin and its user decide about a plugin's servers: `route.*`, `auth.*` and
//! `plugin.*`.

use mcp_overlay_model::{Answer, Auth, Case, Plugin, Rule};
use serde_json::{Value, json};

use super::entry::{Entry, Reached, Rewrite, Shows, Step};
use super::fault::change::{edited, is_disabled, is_valid, with_views};
use super::fault::{Change, Fault};
use super::wide::disabled_in;

pub(super) const RULES: &[Entry] = &[
    Entry {
        reached: Reached::When(|situation| {
            let is_routed = situation.case.auth.is_some_and(Auth::is_backend);
            situation.resolved(|_| is_routed && situation.case.plugins.iter().any(hides))
        }),
        rewrite: Some(Rewrite { step: Step::Plugins, write: without_what_apps_hide }),
        faults: &[Fault::new(
            "apps-of-all-plugins-hide",
            Rule::RouteAppHidesServer,
            "an app of any plugin hides the server of its name",
            Change::Resolves(apps_of_all_plugins_hide),
        )
        .also(&[Rule::ConfiguredUnion])],
        ..Entry::of(Rule::RouteAppHidesServer)
    },
    Entry {
        reached: Reached::When(|situation| situation.case.plugins.iter().any(names_an_app)),
        faults: &[Fault::new(
            "apps-hide-only-if-on",
            Rule::RouteAuthAlone,
            "apps hide servers only while the Apps feature is on",
            Change::Resolves(|case| {
                let off = case.host.pointer("/features/apps") == Some(&Value::Bool(false));
                off.then(|| edited(case, without_apps)).flatten()
            }),
        )
        .also(&[Rule::RouteAppHidesServer])],
        ..Entry::of(Rule::RouteAuthAlone)
    },
    Entry {
        reached: Reached::When(|situation| {
            let mut apps = situation.case.plugins.iter().flat_map(|plugin| plugin.apps.values());
            apps.any(|connector| connector.trim().is_empty())
        }),
        rewrite: Some(Rewrite { step: Step::Plugins, write: without_blank_apps }),
        faults: &[Fault::new(
            "blank-app-hides",
            Rule::RouteBlankAppIsNone,
            "an app without a connector hides a server too",
            Change::Resolves(|case| {
                edited(case, |case| {
                    let apps = case.plugins.iter_mut().flat_map(|p| p.apps.values_mut());
                    let blank = apps.filter(|connector| connector.trim().is_empty());
                    blank.for_each(|connector| *connector = "connector".into());
                })
            }),
        )
        .also(&[Rule::ConfiguredUnion])],
        ..Entry::of(Rule::RouteBlankAppIsNone)
    },
    Entry {
        reached: Reached::When(|situation| {
            let is_routed = situation.case.auth.is_some_and(Auth::is_backend);
            situation.resolved(|_| is_routed && situation.case.plugins.iter().any(hides))
        }),
        shows: Shows::InViews,
        faults: &[Fault::new(
            "hidden-server-vetoes",
            Rule::RouteHiddenDoesNotVeto,
            "a disabled server that an app hides disables what is set over it",
            Change::Answers(hidden_server_vetoes),
        )
        .also(&[Rule::OverlaySetReplacesButDisabled])],
        ..Entry::of(Rule::RouteHiddenDoesNotVeto)
    },
    Entry {
        reached: Reached::When(|situation| {
            matches!(situation.case.auth, Some(Auth::BedrockApiKey | Auth::Headers))
        }),
        shows: Shows::InViews,
        faults: &[Fault::new(
            "bedrock-key-passes-gate",
            Rule::AuthWords,
            "a key of Amazon Bedrock opens the gate",
            Change::Resolves(|case| {
                let is_key = case.auth == Some(Auth::BedrockApiKey);
                is_key.then(|| Case { auth: Some(Auth::ChatGpt), ..case.clone() })
            }),
        )
        .also(&[Rule::GateClosedRemoves, Rule::GateOpen])],
        ..Entry::of(Rule::AuthWords)
    },
    Entry {
        reached: Reached::When(|situation| {
            let mut entries = situation.case.plugins.iter().flat_map(|p| p.mcp_servers.values());
            entries.any(|entry| entry.get("type").is_some() || entry.get("oauth").is_some())
        }),
        shows: Shows::InViews,
        faults: &[Fault::new(
            "plugin-oauth-of-a-wrong-type-refused",
            Rule::PluginEntryShape,
            "an `oauth` that is no table makes a plugin's server invalid",
            Change::Reads(|case| {
                edited(case, |case| {
                    let entries = case.plugins.iter_mut().flat_map(|p| p.mcp_servers.values_mut());
                    for entry in entries.filter_map(Value::as_object_mut) {
                        let oauth = entry.get("oauth").filter(|oauth| !oauth.is_null());
                        if oauth.is_some_and(|oauth| !oauth.is_object()) {
                            entry.insert("enabled".into(), json!([]));
                        }
                    }
                })
            }),
        )
        .also(&[Rule::ServerForeignField, Rule::ServerUnknownField, Rule::ConfiguredUnion])],
        ..Entry::of(Rule::PluginEntryShape)
    },
    Entry {
        shows: Shows::InViews,
        faults: &[Fault::new(
            "plugin-cwd-stays-relative",
            Rule::PluginRelativeCwd,
            "a relative cwd of a plugin's server is left as it is",
            Change::Resolves(|case| {
                edited(case, |case| case.plugins.iter_mut().for_each(|plugin| plugin.root = None))
            }),
        )],
        ..Entry::of(Rule::PluginRelativeCwd)
    },
    Entry {
        faults: &[Fault::new(
            "policy-does-not-enable",
            Rule::PluginUserPolicy,
            "a policy without `enabled` leaves a disabled server disabled",
            Change::Resolves(policy_does_not_enable),
        )],
        ..Entry::of(Rule::PluginUserPolicy)
    },
];

/// Whether a plugin declares an app of the name of one of its servers.
fn names_an_app(plugin: &Plugin) -> bool {
    plugin.active && plugin.apps.keys().any(|app| plugin.mcp_servers.contains_key(app))
}

/// Whether an app of the plugin hides one of its servers with backend auth.
fn hides(plugin: &Plugin) -> bool {
    let is_declared = |(name, connector): (&String, &String)| {
        !connector.trim().is_empty() && plugin.mcp_servers.contains_key(name)
    };
    plugin.active && plugin.apps.iter().any(is_declared)
}

/// Without the servers that apps hide, and then without these apps. One that is disabled stays: what it
/// does to others is another rule's.
fn without_what_apps_hide(case: &mut Case) {
    let is_routed = case.auth.is_some_and(Auth::is_backend);
    for plugin in &mut case.plugins {
        let servers = &mut plugin.mcp_servers;
        plugin.apps.retain(|name, connector| {
            let is_off = servers.get(name).is_some_and(is_disabled);
            let stays = connector.trim().is_empty() || is_off;
            if is_routed && !stays {
                servers.remove(name);
            }
            stays
        });
    }
}

fn without_blank_apps(case: &mut Case) {
    for plugin in &mut case.plugins {
        plugin.apps.retain(|_, connector| !connector.trim().is_empty());
    }
}

fn without_apps(case: &mut Case) {
    case.plugins.iter_mut().for_each(|plugin| plugin.apps.clear());
}

fn apps_of_all_plugins_hide(case: &Case) -> Option<Case> {
    edited(case, |case| {
        let all: Vec<_> = case.plugins.iter().flat_map(|plugin| plugin.apps.clone()).collect();
        case.plugins.iter_mut().for_each(|plugin| plugin.apps.extend(all.iter().cloned()));
    })
}

fn hidden_server_vetoes(case: &Case, answer: &Answer) -> Option<Answer> {
    let is_routed = case.auth.is_some_and(Auth::is_backend);
    let active = case.plugins.iter().filter(|plugin| plugin.active && is_routed);
    let hidden = active.flat_map(|plugin| {
        let apps = plugin.apps.iter().filter(|(_, connector)| !connector.trim().is_empty());
        apps.filter_map(|(name, _)| Some((name, plugin.mcp_servers.get(name)?)))
    });
    let disabled: Vec<&String> =
        hidden.filter(|(_, e)| is_disabled(e) && is_valid(case, e)).map(|(name, _)| name).collect();
    with_views(answer, |views| {
        let others = views.configured.clone();
        let vetoed = disabled.iter().filter(|name| !others.contains_key(**name));
        for name in vetoed {
            disabled_in(&mut views.runtime, name);
            disabled_in(&mut views.effective, name);
        }
    })
}

fn policy_does_not_enable(case: &Case) -> Option<Case> {
    edited(case, |case| {
        for plugin in &mut case.plugins {
            for (name, policy) in &mut plugin.policy {
                let entry = plugin.mcp_servers.get(name);
                if policy.enabled.is_none() && entry.is_some_and(is_disabled) {
                    policy.enabled = Some(false);
                }
            }
        }
    })
}
