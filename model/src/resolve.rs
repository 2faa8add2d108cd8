//! From a case to its outcome.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::answer::PluginOwners;
use crate::case::{Case, Contribution, ContributorKind, Plugin};
use crate::decision::{By, Decided, Rejection, View};
use crate::host::{self, Host};
use crate::outcome::{Outcome, Resolution};
use crate::overlay::Spoken;
use crate::plugin::is_hidden;
use crate::requirements::{self, Demands};
use crate::rule::{Rule, RuleSet};
use crate::selected::Selected;
use crate::server::{self, Server};
use crate::{apps, overlay, plugin, selected, warning};

/// Resolves a case by the rules of its profile.
///
/// Rule `resolution.pure`: The three views MUST be a function of host config, requirements,
/// plugins, contributions, thread and auth alone; executor availability, map iteration order, time
/// and network MUST NOT matter.
///
/// Pure by its signature: a case in, an outcome out.
pub fn resolve(case: &Case) -> Outcome {
    resolve_by(case, case.profile.rules())
}

/// Resolves a case by other rules than those of its profile: without a SHOULD, or those of a
/// profile that a case cannot name.
pub fn resolve_by(case: &Case, rules: RuleSet) -> Outcome {
    let Parts { host, contributed, demands, roots } = match read(case, rules) {
        Ok(read) => read,
        Err(rejections) => return Outcome::Rejected(rejections),
    };
    let configured = configured(case, &host, &demands);
    let (overlays, selected) = overlay::in_order(&case.contributors, contributed, &host, &roots);
    let runtime = overlay::runtime(&host, &configured, &selected, &overlays);
    let effective = apps::effective(&host, &overlays, case.auth, &runtime);
    let owned = if rules.has(Rule::OwnersOfRuntime) { &runtime } else { &configured };
    let plugin_owners = plugin_owners(case, owned);
    Outcome::Resolved(Box::new(Resolution {
        configured,
        runtime,
        effective,
        plugin_owners,
        host,
        overlays,
        selected,
        warnings: warning::warnings(case, rules),
    }))
}

/// A valid case, read.
struct Parts {
    host: Host,
    contributed: Vec<Vec<Spoken>>,
    demands: Demands,
    /// The servers of the thread's selected plugins.
    roots: Vec<Selected>,
}

/// Rule `rejection.smallest-path`: With several invalid places the rejection MUST name the smallest
/// path in byte order; nothing is resolved from a rejected config.
fn read(case: &Case, rules: RuleSet) -> Result<Parts, Vec<Rejection>> {
    let mut rejections = Vec::new();
    let host = kept(host::read(&case.host, rules), &mut rejections);
    let contributed = kept(overlay::read_servers(&case.contributors, rules), &mut rejections);
    let demands = kept(requirements::read(case.requirements.as_ref(), rules), &mut rejections);
    let demands = demands.unwrap_or_default();
    let roots = kept(selected::read(case.thread.as_ref(), &demands, rules), &mut rejections);
    match (host, contributed, roots) {
        (Some(host), Some(contributed), Some(roots)) if rejections.is_empty() => {
            let host = host.held_to(&demands, case.thread.as_ref());
            Ok(Parts { host, contributed, demands, roots })
        }
        _ => {
            rejections.sort();
            Err(rejections)
        }
    }
}

fn kept<T>(read: Result<T, Vec<Rejection>>, rejections: &mut Vec<Rejection>) -> Option<T> {
    read.map_err(|invalid| rejections.extend(invalid)).ok()
}

/// A plugin's entry for a name: the server, or the rule that drops it.
struct Candidate {
    by: By,
    server: Result<Server, Rule>,
    /// The rule that made it another server than was written.
    changed: Option<Rule>,
}

/// Rule `configured.union`: `configured` MUST hold every name that the host config or an active
/// plugin validly defines, but for the servers that an app hides, and no other name.
fn configured(case: &Case, host: &Host, demands: &Demands) -> View {
    let mut candidates: BTreeMap<&str, Vec<Candidate>> = BTreeMap::new();
    for (position, plugin) in case.plugins.iter().enumerate() {
        for (name, entry) in &plugin.mcp_servers {
            let candidate = candidate(case, host, demands, (position, plugin), (name, entry));
            candidates.entry(name).or_default().push(candidate);
        }
    }
    let own = host.servers.keys().map(String::as_str);
    let names: BTreeSet<&str> = own.chain(candidates.keys().copied()).collect();
    let decide = |name: &str| {
        let candidates = candidates.get(name).map(Vec::as_slice).unwrap_or_default();
        Some((name.to_string(), configured_server(host, name, candidates)?))
    };
    names.into_iter().filter_map(decide).collect()
}

fn candidate(
    case: &Case,
    host: &Host,
    demands: &Demands,
    (position, plugin): (usize, &Plugin),
    (name, entry): (&str, &Value),
) -> Candidate {
    let by = By::Plugin(position);
    let dropped = |rule| Candidate { by, server: Err(rule), changed: None };
    if !plugin.active {
        // Rule `configured.inactive-plugin-ignored`: An inactive plugin MUST add nothing.
        return dropped(Rule::ConfiguredInactivePluginIgnored);
    }
    // Rule `configured.invalid-plugin-server-dropped`: An invalid server entry of a plugin MUST be
    // dropped (with a warning) and the rest of that plugin kept.
    let Ok(read) = plugin::read(plugin, name, entry, host.rules) else {
        return dropped(Rule::ConfiguredInvalidPluginServerDropped);
    };
    // Rule `route.hidden-does-not-veto`: A server hidden by an app MUST count for nothing else: a
    // disabled one disables no contribution, and no requirement is held against it.
    if is_hidden(plugin, name, case.auth, host.rules) {
        return dropped(Rule::RouteAppHidesServer);
    }
    match demands.against_plugin(&plugin.id, name, &read.server) {
        Some(rule) => {
            let disabled = server::with_field(&read.server, "enabled", Value::Bool(false));
            Candidate { by, server: Ok(disabled), changed: Some(rule) }
        }
        None => Candidate { by, server: Ok(read.server), changed: read.changed },
    }
}

/// What `configured` holds for one name: its own entry in the host config, and those of plugins in
/// discovery order.
fn configured_server(host: &Host, name: &str, candidates: &[Candidate]) -> Option<Decided> {
    let mut valid = candidates.iter().filter_map(|c| Some((c.server.as_ref().ok()?, c)));
    let first = valid.next();
    let decided = match (host.servers.get(name), first) {
        // Rule `configured.config-over-plugin`: For a name that both the host config and a plugin
        // define, `configured` MUST hold the host config's server.
        (Some(own), first) => {
            let rule = match (host.held.get(name), first) {
                (Some(held), _) => *held,
                (None, Some(_)) => Rule::ConfiguredConfigOverPlugin,
                (None, None) => Rule::ConfiguredUnion,
            };
            Decided::new(Some(own.clone()), rule, By::Config)
        }
        // Rule `configured.first-plugin-wins`: For a name that several active plugins define,
        // `configured` MUST hold the earliest plugin's server.
        (None, Some((server, candidate))) => {
            let contested = valid.next().is_some();
            let plain =
                if contested { Rule::ConfiguredFirstPluginWins } else { Rule::ConfiguredUnion };
            let rule = candidate.changed.unwrap_or(plain);
            Decided::new(Some(server.clone()), rule, candidate.by)
        }
        (None, None) => {
            let dropped = candidates.first()?;
            Decided::new(None, *dropped.server.as_ref().err()?, dropped.by)
        }
    };
    Some(decided)
}

/// Rule `configured.owners-exact`: `plugin_owners` MUST hold exactly the names whose server in
/// `configured` comes from a plugin, each with that plugin's id.
///
/// Rule `owners.of-runtime`: `plugin_owners` MUST hold exactly the names whose server in `runtime`
/// comes from an installed or a selected plugin, each with that plugin's id.
fn plugin_owners(case: &Case, view: &View) -> PluginOwners {
    let owner = |(name, decided): (&String, &Decided)| {
        decided.server.as_ref()?;
        Some((name.clone(), plugin_id(case, decided.reason.by)?.to_string()))
    };
    view.iter().filter_map(owner).collect()
}

/// The id of the plugin that an input is of, if it is one's.
fn plugin_id(case: &Case, by: By) -> Option<&str> {
    match by {
        By::Plugin(position) => Some(&case.plugins.get(position)?.id),
        By::SelectedRoot(position) => {
            Some(&case.thread.as_ref()?.selected_plugins.get(position)?.id)
        }
        By::SelectedContribution { contributor, index } => {
            let ContributorKind::Scripted(list) = &case.contributors.get(contributor)?.kind else {
                return None;
            };
            match list.get(index)? {
                Contribution::SelectedPlugin { plugin_id, .. } => Some(plugin_id),
                Contribution::Set { .. } | Contribution::Remove { .. } => None,
            }
        }
        By::Config | By::Contribution { .. } | By::Legacy | By::Gate => None,
    }
}
