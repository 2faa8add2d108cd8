//! Faults of reading config and plugins together, `configured.*`.

use std::collections::BTreeSet;

use mcp_overlay_model::{Answer, Case, Rule};

use super::change::{edited, host_entries, is_disabled, is_valid, with_views};
use super::fault::{Change, Fault};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "disabled-left-out-of-configured",
        rule: Some(Rule::ConfiguredUnion),
        what: "a disabled server is not even configured",
        also: &[],
        change: Change::Answers(|_, answer| {
            with_views(answer, |views| views.configured.retain(|_, server| !is_disabled(server)))
        }),
    },
    Fault {
        name: "plugin-beats-config",
        rule: Some(Rule::ConfiguredConfigOverPlugin),
        what: "a plugin's server replaces the user's own of the same name",
        also: &[],
        change: Change::Resolves(plugin_beats_config),
    },
    Fault {
        name: "last-plugin-wins",
        rule: Some(Rule::ConfiguredFirstPluginWins),
        what: "of several plugins the last one has the word",
        also: &[],
        change: Change::Resolves(|case| {
            (case.plugins.len() > 1).then(|| edited(case, |case| case.plugins.reverse())).flatten()
        }),
    },
    Fault {
        name: "owner-forgotten-after-remove",
        rule: Some(Rule::ConfiguredOwnersExact),
        what: "a name that an extension removed loses its plugin",
        also: &[],
        change: Change::Answers(owner_forgotten_after_remove),
    },
    Fault {
        name: "inactive-plugin-counted",
        rule: Some(Rule::ConfiguredInactivePluginIgnored),
        what: "plugins that are switched off bring their servers",
        also: &[],
        change: Change::Resolves(|case| {
            let any = case.plugins.iter().any(|plugin| !plugin.active);
            let switch_on = |case: &mut Case| case.plugins.iter_mut().for_each(|p| p.active = true);
            any.then(|| edited(case, switch_on)).flatten()
        }),
    },
    Fault {
        name: "invalid-server-drops-plugin",
        rule: Some(Rule::ConfiguredInvalidPluginServerDropped),
        what: "one invalid server takes its whole plugin along",
        also: &[],
        change: Change::Resolves(|case| {
            edited(case, |case| {
                case.plugins.retain(|plugin| plugin.mcp_servers.values().all(is_valid));
            })
        }),
    },
];

fn plugin_beats_config(case: &Case) -> Option<Case> {
    let active = case.plugins.iter().filter(|plugin| plugin.active);
    let entries = active.flat_map(|plugin| &plugin.mcp_servers);
    let brought: BTreeSet<&String> =
        entries.filter(|(_, entry)| is_valid(entry)).map(|(name, _)| name).collect();
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
    if let Answer::Resolved { views, plugin_owners } = &mut edited {
        plugin_owners.retain(|name, _| views.runtime.contains_key(name));
    }
    (edited != *answer).then_some(edited)
}
