//! From a case to its outcome.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::answer::PluginOwners;
use crate::case::{Case, Plugin};
use crate::decision::{By, Decided, Overlay, Rejection, View};
use crate::host::{self, Host};
use crate::outcome::{Outcome, Resolution};
use crate::rule::{Rule, RuleSet};
use crate::server::{self, Server};
use crate::{apps, overlay, warning};

/// Resolves a case by the rules of its profile.
///
/// Rule `resolution.pure`: The three views MUST be a function of host config, plugins,
/// contributions and auth alone; executor availability, map iteration order, time and network MUST
/// NOT matter.
///
/// Pure by its signature: a case in, an outcome out.
pub fn resolve(case: &Case) -> Outcome {
    resolve_by(case, case.profile.rules())
}

/// Resolves a case by other rules than those of its profile: without a SHOULD, or those of a
/// profile that a case cannot name.
pub fn resolve_by(case: &Case, rules: RuleSet) -> Outcome {
    let (host, contributed) = match read(case, rules) {
        Ok(read) => read,
        Err(rejections) => return Outcome::Rejected(rejections),
    };
    let configured = configured(&host, &case.plugins);
    let overlays = overlay::in_order(&case.contributors, contributed, &host);
    let runtime = overlay::runtime(&host, &configured, &overlays);
    let effective = apps::effective(&host, &overlays, case.auth, &runtime);
    let plugin_owners = plugin_owners(rules, &configured, &runtime, &case.plugins);
    Outcome::Resolved(Box::new(Resolution {
        configured,
        runtime,
        effective,
        plugin_owners,
        host,
        overlays,
        warnings: warning::warnings(case, rules),
    }))
}

/// Rule `rejection.smallest-path`: With several invalid places the rejection MUST name the smallest
/// path in byte order; nothing is resolved from a rejected config.
fn read(case: &Case, rules: RuleSet) -> Result<(Host, Vec<Vec<Overlay>>), Vec<Rejection>> {
    match (host::read(&case.host, rules), overlay::read_servers(&case.contributors, rules)) {
        (Ok(host), Ok(contributed)) => Ok((host, contributed)),
        (host, contributed) => {
            let mut rejections = host.err().unwrap_or_default();
            rejections.extend(contributed.err().unwrap_or_default());
            rejections.sort();
            Err(rejections)
        }
    }
}

/// A plugin's entry for a name: the server, or the rule that drops it.
struct Candidate {
    by: By,
    server: Result<Server, Rule>,
}

/// Rule `configured.union`: `configured` MUST hold every name that the host config or an active
/// plugin validly defines, and no other name.
fn configured(host: &Host, plugins: &[Plugin]) -> View {
    let mut candidates: BTreeMap<&str, Vec<Candidate>> = BTreeMap::new();
    for (position, plugin) in plugins.iter().enumerate() {
        for (name, entry) in &plugin.mcp_servers {
            let server = plugin_server(host.rules, plugin, entry);
            let candidate = Candidate { by: By::Plugin(position), server };
            candidates.entry(name).or_default().push(candidate);
        }
    }
    let own = host.servers.keys().map(String::as_str);
    let names: BTreeSet<&str> = own.chain(candidates.keys().copied()).collect();
    let decide = |name: &str| {
        let candidates = candidates.get(name).map(Vec::as_slice).unwrap_or_default();
        Some((name.to_string(), configured_server(host.servers.get(name), candidates)?))
    };
    names.into_iter().filter_map(decide).collect()
}

fn plugin_server(rules: RuleSet, plugin: &Plugin, entry: &Value) -> Result<Server, Rule> {
    if !plugin.active {
        // Rule `configured.inactive-plugin-ignored`: An inactive plugin MUST add nothing.
        return Err(Rule::ConfiguredInactivePluginIgnored);
    }
    // Rule `configured.invalid-plugin-server-dropped`: An invalid server entry of a plugin MUST be
    // dropped (with a warning) and the rest of that plugin kept.
    server::read(entry, rules).map_err(|_| Rule::ConfiguredInvalidPluginServerDropped)
}

/// What `configured` holds for one name: its own entry in the host config, and those of plugins in
/// discovery order.
fn configured_server(own: Option<&Server>, candidates: &[Candidate]) -> Option<Decided> {
    let mut valid = candidates.iter().filter_map(|c| Some((c.server.as_ref().ok()?, c.by)));
    let first = valid.next();
    let decided = match (own, first) {
        // Rule `configured.config-over-plugin`: For a name that both the host config and a plugin
        // define, `configured` MUST hold the host config's server.
        (Some(own), Some(_)) => {
            Decided::new(Some(own.clone()), Rule::ConfiguredConfigOverPlugin, By::Config)
        }
        (Some(own), None) => Decided::new(Some(own.clone()), Rule::ConfiguredUnion, By::Config),
        // Rule `configured.first-plugin-wins`: For a name that several active plugins define,
        // `configured` MUST hold the earliest plugin's server.
        (None, Some((server, by))) => {
            let contested = valid.next().is_some();
            let rule =
                if contested { Rule::ConfiguredFirstPluginWins } else { Rule::ConfiguredUnion };
            Decided::new(Some(server.clone()), rule, by)
        }
        (None, None) => {
            let dropped = candidates.first()?;
            Decided::new(None, *dropped.server.as_ref().err()?, dropped.by)
        }
    };
    Some(decided)
}

fn plugin_owners(
    rules: RuleSet,
    configured: &View,
    runtime: &View,
    plugins: &[Plugin],
) -> PluginOwners {
    // Rule `configured.owners-exact`: `plugin_owners` MUST hold exactly the names whose server in
    // `configured` comes from a plugin, each with that plugin's id.
    //
    // Rule `owners.of-runtime`: `plugin_owners` MUST hold exactly the names whose server in
    // `runtime` comes from a plugin, each with that plugin's id.
    let view = if rules.has(Rule::OwnersOfRuntime) { runtime } else { configured };
    let owner = |decided: &Decided| match (&decided.server, decided.reason.by) {
        (Some(_), By::Plugin(position)) => Some(plugins.get(position)?.id.clone()),
        _ => None,
    };
    view.iter().filter_map(|(name, decided)| Some((name.clone(), owner(decided)?))).collect()
}
