//! Config and plugins together: `configured.*` and `owners.*`.

use std::collections::BTreeSet;

use mcp_overlay_model::{Answer, By, Case, Decided, Plugin, Rule, server};
use serde_json::Value;

use super::entry::{Entry, Reached, Rewrite, Shows, Step};
use super::fault::change::{edited, host_entries, is_disabled, is_valid, with_views};
use super::fault::{Change, Fault};
use super::{configured_faults, warning_faults};
use crate::subject::{ProductionSubject, Subject};

pub(super) const RULES: &[Entry] = &[
    Entry {
        rewrite: Some(Rewrite {
            step: Step::Plugins,
            write: |case| case.plugins.retain(|plugin| plugin.active),
        }),
        faults: &[
            Fault {
                name: "inactive-plugin-counted",
                rule: Some(Rule::ConfiguredInactivePluginIgnored),
                what: "plugins that are switched off bring their servers",
                also: &[],
                change: Change::Resolves(|case| {
                    let any = case.plugins.iter().any(|plugin| !plugin.active);
                    let switch_on =
                        |case: &mut Case| case.plugins.iter_mut().for_each(|p| p.active = true);
                    any.then(|| edited(case, switch_on)).flatten()
                }),
            },
            configured_faults::INACTIVE_TAKES_THE_NAME,
            configured_faults::INACTIVE_SILENCES_NAMESAKE,
        ],
        ..Entry::of(Rule::ConfiguredInactivePluginIgnored)
    },
    Entry {
        rewrite: Some(Rewrite { step: Step::Plugins, write: drop_invalid_plugin_servers }),
        faults: &[
            Fault {
                name: "invalid-server-drops-plugin",
                rule: Some(Rule::ConfiguredInvalidPluginServerDropped),
                what: "one invalid server takes its whole plugin along",
                also: &[],
                change: Change::Resolves(|case| {
                    edited(case, |edited| {
                        let is_whole = |plugin: &Plugin| {
                            plugin.mcp_servers.values().all(|entry| is_valid(case, entry))
                        };
                        edited.plugins.retain(is_whole);
                    })
                }),
            },
            configured_faults::LATER_PLUGIN_DROPPED_WHOLE,
            warning_faults::DROPPED,
            configured_faults::INVALID_TAKES_THE_NAME,
        ],
        ..Entry::of(Rule::ConfiguredInvalidPluginServerDropped)
    },
    Entry {
        rewrite: Some(Rewrite {
            step: Step::Plugins,
            write: drop_plugin_servers_that_config_overrides,
        }),
        faults: &[
            Fault {
                name: "plugin-beats-config",
                rule: Some(Rule::ConfiguredConfigOverPlugin),
                what: "a plugin's server replaces the user's own of the same name",
                also: &[],
                change: Change::Resolves(plugin_beats_config),
            },
            configured_faults::DISABLED_CONFIG_YIELDS,
            configured_faults::OVERRIDDEN_STILL_OWNS,
        ],
        ..Entry::of(Rule::ConfiguredConfigOverPlugin)
    },
    Entry {
        rewrite: Some(Rewrite { step: Step::Plugins, write: drop_plugin_servers_of_later_plugins }),
        faults: &[
            Fault {
                name: "last-plugin-wins",
                rule: Some(Rule::ConfiguredFirstPluginWins),
                what: "of several plugins the last one has the word",
                also: &[],
                change: Change::Resolves(|case| {
                    (case.plugins.len() > 1)
                        .then(|| edited(case, |case| case.plugins.reverse()))
                        .flatten()
                }),
            },
            configured_faults::PLUGINS_SORTED,
            configured_faults::DISABLED_YIELDS_TO_PLUGIN,
            configured_faults::OWNER_IS_THE_LAST,
        ],
        ..Entry::of(Rule::ConfiguredFirstPluginWins)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.resolved(|views| !views.configured.is_empty())
        }),
        faults: &[
            Fault {
                name: "disabled-left-out-of-configured",
                rule: Some(Rule::ConfiguredUnion),
                what: "a disabled server is not even configured",
                also: &[],
                change: Change::Answers(|_, answer| {
                    with_views(answer, |views| {
                        views.configured.retain(|_, server| !is_disabled(server))
                    })
                }),
            },
            configured_faults::NAMES_TRIMMED,
            configured_faults::NAMES_LOWERED,
            configured_faults::NAMES_SANITISED,
            configured_faults::NAMES_COMPOSED,
            configured_faults::NAMES_CUT,
            configured_faults::ASTRAL_CHARACTERS_LOST,
            configured_faults::PROTO_NAMES_LOST,
            configured_faults::INHERITED_NAMES_TAKEN,
            configured_faults::DOTTED_NAMES_LOST,
            configured_faults::EMPTY_NAME_LOST,
            configured_faults::PLUGIN_NAMES_CHECKED,
            configured_faults::SAME_COMMAND_SUPPRESSED,
            configured_faults::NAMESAKE_REPLACED,
        ],
        ..Entry::of(Rule::ConfiguredUnion)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.resolved(|views| !views.plugin_owners.is_empty())
        }),
        shows: Shows::InViews,
        faults: &[Fault {
            name: "owner-forgotten-after-remove",
            rule: Some(Rule::ConfiguredOwnersExact),
            what: "a name that an extension removed loses its plugin",
            also: &[],
            change: Change::Answers(owner_forgotten_after_remove),
        }],
        ..Entry::of(Rule::ConfiguredOwnersExact)
    },
    Entry {
        succeeds: Some(Rule::ConfiguredOwnersExact),
        // What a plugin defines may have no owner in `runtime`: that is what the rule is about.
        reached: Reached::When(|situation| {
            let of_plugin = |decided: &Decided| matches!(decided.reason.by, By::Plugin(_));
            situation.resolved(|views| views.configured.values().any(of_plugin))
        }),
        shows: Shows::InViews,
        faults: &[
            Fault {
                name: "owner-kept-after-remove",
                rule: Some(Rule::OwnersOfRuntime),
                what: "a name that an extension removed keeps its plugin",
                also: &[],
                change: Change::Answers(owner_kept_after_remove),
            },
            configured_faults::OWNERS_LOWERED,
        ],
        ..Entry::of(Rule::OwnersOfRuntime)
    },
];

fn plugin_beats_config(case: &Case) -> Option<Case> {
    let active = case.plugins.iter().filter(|plugin| plugin.active);
    let entries = active.flat_map(|plugin| &plugin.mcp_servers);
    let brought: BTreeSet<&String> =
        entries.filter(|(_, entry)| is_valid(case, entry)).map(|(name, _)| name).collect();
    let any = host_entries(case).any(|(name, _)| brought.contains(name));
    any.then(|| {
        edited(case, |case| {
            if let Some(own) = case.host.get_mut("mcp_servers").and_then(|own| own.as_object_mut())
            {
                own.retain(|name, _| !brought.contains(name));
            }
        })
    })
    .flatten()
}

fn owner_forgotten_after_remove(_: &Case, answer: &Answer) -> Option<Answer> {
    let mut edited = answer.clone();
    if let Answer::Resolved { views, plugin_owners, .. } = &mut edited {
        plugin_owners.retain(|name, _| views.runtime.contains_key(name));
    }
    (edited != *answer).then_some(edited)
}

/// What contributes nothing removes no owner.
fn owner_kept_after_remove(case: &Case, answer: &Answer) -> Option<Answer> {
    let silent = Case { contributors: Vec::new(), ..case.clone() };
    let Answer::Resolved { plugin_owners: configured, .. } = ProductionSubject.resolve(&silent)
    else {
        return None;
    };
    let mut edited = answer.clone();
    if let Answer::Resolved { plugin_owners, .. } = &mut edited {
        plugin_owners.extend(configured);
    }
    (edited != *answer).then_some(edited)
}

fn drop_invalid_plugin_servers(case: &mut Case) {
    let rules = case.profile.rules();
    for plugin in &mut case.plugins {
        plugin.mcp_servers.retain(|_, entry| server::read(entry, rules).is_ok());
    }
}

fn drop_plugin_servers_that_config_overrides(case: &mut Case) {
    let own = case.host.get("mcp_servers").and_then(Value::as_object).cloned().unwrap_or_default();
    for plugin in &mut case.plugins {
        plugin.mcp_servers.retain(|name, _| !own.contains_key(name));
    }
}

fn drop_plugin_servers_of_later_plugins(case: &mut Case) {
    let mut taken = BTreeSet::new();
    for plugin in &mut case.plugins {
        plugin.mcp_servers.retain(|name, _| taken.insert(name.clone()));
    }
}
