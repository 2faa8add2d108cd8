//! What an administrator demands: `requirements.*`.

use std::collections::BTreeMap;

use mcp_overlay_model::wide::{PluginRequirements, Requirements};
use mcp_overlay_model::{Answer, Case, Contribution, Rule};
use serde_json::{Map, Value, json};

use super::entry::{Entry, Reached, Shows};
use super::fault::change::{edited, host_entries, list_of, with_views};
use super::fault::{Change, Fault};
use super::wide::disabled_in;
use crate::subject::{ProductionSubject, Subject};

/// A rule about requirements with one fault.
const fn rule(rule: Rule, reached: Reached, faults: &'static [Fault]) -> Entry {
    Entry { reached, shows: Shows::InViews, faults, ..Entry::of(rule) }
}

pub(super) const RULES: &[Entry] = &[
    rule(
        Rule::RequirementsAllowList,
        Reached::ByReason,
        &[Fault::new(
            "unlisted-server-allowed",
            Rule::RequirementsAllowList,
            "a server of which no requirement speaks is allowed",
            Change::Resolves(unlisted_server_allowed),
        )],
    ),
    rule(
        Rule::RequirementsEmptyList,
        Reached::ByReason,
        &[Fault::new(
            "empty-list-demands-nothing",
            Rule::RequirementsEmptyList,
            "an empty list of servers is taken for an absent one",
            Change::Resolves(|case| {
                with_requirements(case, |demanded| {
                    demanded.mcp_servers =
                        demanded.mcp_servers.take().filter(|list| !list.is_empty());
                })
            }),
        )
        .also(&[Rule::SelectedDisabledIsNoVeto])],
    ),
    rule(
        Rule::RequirementsPlugins,
        Reached::ByReason,
        &[Fault::new(
            "unlisted-plugin-allowed",
            Rule::RequirementsPlugins,
            "a plugin that is not listed is not held to any requirement",
            Change::Resolves(unlisted_plugin_allowed),
        )
        .also(&[Rule::SelectedDisabledIsNoVeto])],
    ),
    rule(
        Rule::RequirementsAppsServerFree,
        Reached::When(|situation| {
            let demanded = situation.case.requirements.as_ref();
            demanded.is_some_and(|demanded| demanded.mcp_servers.is_some())
                && situation.resolved(|views| views.overlays.iter().any(|o| o.server.is_some()))
        }),
        &[Fault::new(
            "requirements-held-against-a-set",
            Rule::RequirementsAppsServerFree,
            "a contribution that no requirement allows is disabled",
            Change::Answers(held_against_a_set),
        )
        .also(&[
            Rule::OverlaySetReplacesButDisabled,
            Rule::OverlayLastWins,
            Rule::ContributionOrder,
            Rule::HostedEnabledSets,
            Rule::AppsServerShape,
        ])],
    ),
    rule(
        Rule::RequirementsIdentity,
        Reached::ByReason,
        &[Fault::new(
            "identity-without-trailing-slash",
            Rule::RequirementsIdentity,
            "a URL is compared without its trailing slash",
            Change::Resolves(without_trailing_slash),
        )],
    ),
    rule(
        Rule::RequirementsMatchers,
        Reached::ByReason,
        &[Fault::new(
            "expression-searched",
            Rule::RequirementsMatchers,
            "an expression is searched for, and need not match the whole value",
            Change::Resolves(|case| with_identities(case, expressions_searched)),
        )],
    ),
    rule(
        Rule::RequirementsInvalid,
        Reached::ByReason,
        &[Fault::new(
            "invalid-requirement-dropped",
            Rule::RequirementsInvalid,
            "an invalid requirement is left out",
            Change::Reads(invalid_requirement_dropped),
        )],
    ),
    rule(
        Rule::RequirementsFeatures,
        Reached::When(|situation| {
            let demanded = situation.case.requirements.as_ref();
            demanded.is_some_and(|demanded| demanded.features.contains_key("apps"))
        }),
        &[Fault::new(
            "demanded-feature-ignored",
            Rule::RequirementsFeatures,
            "a feature that an administrator demands is what the host config says",
            Change::Resolves(|case| with_requirements(case, |demanded| demanded.features.clear())),
        )
        .also(&[
            Rule::HostedDisabledRemoves,
            Rule::HostedEnabledSets,
            Rule::LegacyFirstInRuntime,
            Rule::RuntimeThreePhases,
            Rule::GateClosedRemoves,
            Rule::GateOpen,
            Rule::GatePassesButAuth,
        ])],
    ),
    Entry {
        reached: Reached::When(|situation| {
            situation.case.thread.is_some() && situation.built(|_| true)
        }),
        shows: Shows::InViews,
        faults: &[Fault::new(
            "originator-of-the-host",
            Rule::AppsServerOriginator,
            "the Apps server is told the host's own name, whoever the thread is of",
            Change::Resolves(|case| {
                edited(case, |case| {
                    case.thread.iter_mut().for_each(|thread| thread.originator = None);
                })
            }),
        )
        .also(&[Rule::AppsServerSkuHeader, Rule::AppsServerSkuDefault])],
        ..Entry::of(Rule::AppsServerOriginator)
    },
];

fn with_requirements(case: &Case, change: impl Fn(&mut Requirements)) -> Option<Case> {
    edited(case, |case| case.requirements.iter_mut().for_each(&change))
}

/// The requirement that a server matches, as its entry is written.
fn identity_of(entry: &Value) -> Value {
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    match entry.get("url") {
        Some(_) => json!({"identity": {"url": text("url")}}),
        None => json!({"identity": {"command": text("command")}}),
    }
}

fn unlisted_server_allowed(case: &Case) -> Option<Case> {
    let servers: Vec<(String, Value)> =
        host_entries(case).map(|(name, entry)| (name.clone(), identity_of(entry))).collect();
    with_requirements(case, |demanded| {
        let Some(list) = demanded.mcp_servers.as_mut().filter(|list| !list.is_empty()) else {
            return;
        };
        for (name, identity) in &servers {
            list.entry(name).or_insert_with(|| identity.clone());
        }
    })
}

fn unlisted_plugin_allowed(case: &Case) -> Option<Case> {
    let servers: BTreeMap<String, Map<String, Value>> = case
        .plugins
        .iter()
        .map(|plugin| {
            let entries = plugin.mcp_servers.iter();
            let all = entries.map(|(name, entry)| (name.clone(), identity_of(entry)));
            (plugin.id.clone(), all.collect())
        })
        .collect();
    with_requirements(case, |demanded| {
        let Some(plugins) = &mut demanded.plugins else { return };
        for (id, mcp_servers) in &servers {
            plugins
                .entry(id.clone())
                .or_insert_with(|| PluginRequirements { mcp_servers: mcp_servers.clone() });
        }
    })
}

fn held_against_a_set(case: &Case, answer: &Answer) -> Option<Answer> {
    let list = case.requirements.as_ref()?.mcp_servers.as_ref()?;
    let contributions = case.contributors.iter().flat_map(list_of);
    let set = contributions.filter(|said| matches!(said, Contribution::Set { .. }));
    let names: Vec<&str> =
        set.map(Contribution::name).filter(|name| !list.contains_key(*name)).collect();
    with_views(answer, |views| {
        for name in names {
            disabled_in(&mut views.runtime, name);
            disabled_in(&mut views.effective, name);
        }
    })
}

fn without_trailing_slash(case: &Case) -> Option<Case> {
    let urls: BTreeMap<String, String> = host_entries(case)
        .filter_map(|(name, entry)| Some((name.clone(), entry.get("url")?.as_str()?.to_string())))
        .collect();
    with_requirements(case, |demanded| {
        for (name, requirement) in demanded.mcp_servers.iter_mut().flatten() {
            let Some(identity) = requirement.get_mut("identity") else { continue };
            let is_of_command = identity.get("command").is_some();
            if let (Some(Value::String(url)), Some(own)) = (identity.get_mut("url"), urls.get(name))
                && url.trim_end_matches('/') == own.trim_end_matches('/')
                && !is_of_command
            {
                *url = own.clone();
            }
        }
    })
}

fn expressions_searched(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(expression)) = members.get_mut("expression") {
                *expression = format!("(?s:.*)(?:{expression})(?s:.*)");
            }
            members.values_mut().for_each(expressions_searched);
        }
        Value::Array(elements) => elements.iter_mut().for_each(expressions_searched),
        _ => {}
    }
}

/// A case with a change made to each requirement.
fn with_identities(case: &Case, change: fn(&mut Value)) -> Option<Case> {
    with_requirements(case, |demanded| {
        demanded.mcp_servers.iter_mut().flat_map(Map::values_mut).for_each(change);
        let plugins = demanded.plugins.iter_mut().flat_map(BTreeMap::values_mut);
        plugins.flat_map(|plugin| plugin.mcp_servers.values_mut()).for_each(change);
    })
}

fn invalid_requirement_dropped(case: &Case) -> Option<Case> {
    let mut read = case.clone();
    // Each round drops one.
    while let Answer::Rejected { rejected } = ProductionSubject.resolve(&read) {
        let path = rejected.path.strip_prefix("requirements.")?;
        let demanded = read.requirements.as_mut()?;
        if let Some(name) = path.strip_prefix("mcp_servers.") {
            demanded.mcp_servers.as_mut()?.remove(name)?;
            continue;
        }
        let (id, name) = path.strip_prefix("plugins.")?.split_once(".mcp_servers.")?;
        demanded.plugins.as_mut()?.get_mut(id)?.mcp_servers.remove(name)?;
    }
    (read != *case).then_some(read)
}
