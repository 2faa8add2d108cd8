//! Which rules a case is about.
//!
//! A rule that no case reached was not checked, whatever else passed. Most rules are named by the
//! model's own reasons; the others are reached when the case has what they speak of.

use std::collections::BTreeMap;

use mcp_overlay_model::apps::{gate_is_open, legacy_loader_is_active};
use mcp_overlay_model::endpoint::{DEFAULT_BASE_URL, apps_url};
use mcp_overlay_model::field::field as known;
use mcp_overlay_model::host::CONNECTORS_TOKEN;
use mcp_overlay_model::observation::{Bearer, Observed};
use mcp_overlay_model::observe::observed;
use mcp_overlay_model::{
    Auth, By, CODEX_APPS, Case, ContributorKind, Decided, Outcome, Resolution, Rule,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cases::entries::entries;
/// How many of the cases that were looked at reached each rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleCounts(BTreeMap<Rule, u64>);

impl RuleCounts {
    /// Counts one case.
    pub fn record(&mut self, rules: &[Rule]) {
        for rule in rules {
            *self.0.entry(*rule).or_default() += 1;
        }
    }

    /// Adds the counts of another run.
    pub fn merge(&mut self, other: &RuleCounts) {
        for (rule, count) in &other.0 {
            *self.0.entry(*rule).or_default() += count;
        }
    }

    /// How often a rule was reached.
    pub fn count(&self, rule: Rule) -> u64 {
        self.0.get(&rule).copied().unwrap_or_default()
    }
}

/// The rules that a case reaches, each once.
pub fn reached(case: &Case, outcome: &Outcome) -> Vec<Rule> {
    let mut reached = Vec::with_capacity(24);
    about_entries(case, &mut reached);
    about_host(&case.host, &mut reached);
    match outcome {
        Outcome::Rejected(places) => {
            reached.extend(places.iter().map(|place| place.rule));
            let of_servers = |prefix| places.iter().any(|place| place.path.starts_with(prefix));
            reached.extend(
                of_servers("host.mcp_servers.").then_some(Rule::ServerInvalidRejectsConfig),
            );
            reached.extend((places.len() > 1).then_some(Rule::RejectionSmallestPath));
        }
        Outcome::Observed(_) => {}
        Outcome::Resolved(resolution) => {
            about_views(case, resolution, &mut reached);
            about_apps_server(resolution, &mut reached);
        }
    }
    let rules = case.profile.rules();
    reached.retain(|rule| rules.has(*rule));
    reached.sort_unstable();
    reached.dedup();
    reached
}

/// What a running host does not show of a server that it takes for valid, and of a rejection.
pub const UNSEEN: [Rule; 18] = [
    Rule::AppsServerShape,
    Rule::AppsServerAuth,
    Rule::ConfiguredOwnersExact,
    Rule::OwnersOfRuntime,
    Rule::EffectiveAuthAtChatgptOnly,
    Rule::EffectiveOthersPassButAuth,
    Rule::GatePassesButAuth,
    Rule::HostedAlwaysSpeaks,
    Rule::LegacyFirstInRuntime,
    Rule::LegacyOnlyWhenSilent,
    Rule::RejectionSmallestPath,
    Rule::RuntimeAuthBlind,
    Rule::RuntimeIsOverlaidConfigured,
    Rule::RuntimeThreePhases,
    Rule::ServerDurations,
    Rule::ServerEnvVars,
    Rule::ServerRemoteStdioCwd,
    Rule::ServerRemoteStdioUnchecked,
];

/// The rules that a case reaches where a running host is seen from outside: those of a running host
/// too, and none that it does not show.
pub fn reached_outside(case: &Case, outcome: &Outcome) -> Vec<Rule> {
    let mut reached = reached(case, outcome);
    reached.retain(|rule| !UNSEEN.contains(rule));
    if let Outcome::Rejected(places) = outcome {
        // A rule that the config breaks shows in the refusal, all others in nothing.
        let broken = |rule: &Rule| places.iter().any(|place| place.rule == *rule);
        reached.retain(|rule| broken(rule) || *rule == Rule::ServerInvalidRejectsConfig);
    }
    let mut say = |rule, holds: bool| reached.extend(holds.then_some(rule));
    say(Rule::CredentialsNeverShown, case.auth.is_some());
    if let Outcome::Observed(Observed(seen)) = observed(case, outcome) {
        let servers = || seen.values().filter_map(|expected| expected.observation.as_ref());
        let bearers = || servers().filter_map(|seen| seen.authorization.as_ref());
        say(Rule::StartExactlyEnabled, servers().next().is_some());
        say(Rule::StatusAuth, servers().next().is_some());
        let may_send =
            case.auth.is_some_and(Auth::is_backend) && servers().any(|seen| seen.url.is_some());
        say(Rule::CredentialsAppsOnly, may_send);
        say(Rule::CredentialsWhereAuthSays, may_send);
        say(Rule::CredentialsEnvironmentInstead, bearers().any(|bearer| *bearer != Bearer::Host));
    }
    let rules = case.profile.rules();
    reached.retain(|rule| rules.has(*rule));
    reached.sort_unstable();
    reached
}

fn about_views(case: &Case, resolution: &Resolution, reached: &mut Vec<Rule>) {
    for view in [&resolution.configured, &resolution.runtime, &resolution.effective] {
        reached.extend(view.values().map(|decided| decided.reason.rule));
    }
    reached.extend(resolution.overlays.iter().map(|overlay| overlay.rule));
    let mut say = |rule, holds: bool| reached.extend(holds.then_some(rule));
    say(Rule::ConfiguredUnion, !resolution.configured.is_empty());
    say(Rule::ConfiguredOwnersExact, !resolution.plugin_owners.is_empty());
    // What a plugin defines may have no owner in `runtime`: that is what the rule is about.
    let of_plugin = |decided: &Decided| matches!(decided.reason.by, By::Plugin(_));
    say(Rule::OwnersOfRuntime, resolution.configured.values().any(of_plugin));
    say(Rule::RuntimeIsOverlaidConfigured, !resolution.overlays.is_empty());
    say(Rule::RuntimeThreePhases, !resolution.overlays.is_empty());
    say(Rule::RuntimeAuthBlind, !resolution.runtime.is_empty());
    let hosted = case.contributors.iter().any(|c| c.kind == ContributorKind::HostedApps);
    say(Rule::HostedAlwaysSpeaks, hosted && !gate_is_open(&resolution.host, case.auth));
    say(Rule::GateOpen, true);
    // Where the field `auth` goes, that is the reason; the other fields pass all the same.
    let passes = gate_is_open(&resolution.host, case.auth);
    say(Rule::GatePassesButAuth, passes && resolution.runtime.contains_key(CODEX_APPS));
    let others = resolution.effective.keys().any(|name| name != CODEX_APPS);
    say(Rule::EffectiveOthersPassButAuth, others);
    say(Rule::LegacyOnlyWhenSilent, gate_is_open(&resolution.host, case.auth));
}

/// Rules about the Apps server that this host has, if a view has it.
fn about_apps_server(resolution: &Resolution, reached: &mut Vec<Rule>) {
    let host = &resolution.host;
    let from_contribution = |by| matches!(by, By::Contribution { .. });
    let hosted = resolution.runtime.get(CODEX_APPS).is_some_and(|decided| {
        decided.server.is_some()
            && decided.reason.rule == Rule::HostedEnabledSets
            && from_contribution(decided.reason.by)
    });
    let legacy = resolution.effective.get(CODEX_APPS).is_some_and(|d| d.reason.by == By::Legacy);
    let has_one = hosted || (legacy && legacy_loader_is_active(host, &resolution.overlays));
    let early = host.rules.has(Rule::LegacyFirstInRuntime);
    let server = [&resolution.effective, &resolution.runtime]
        .into_iter()
        .find_map(|view| view.get(CODEX_APPS)?.server.as_deref());
    let shows_early = early && server.is_some();
    if !(has_one || shows_early) {
        return;
    }
    let base = host.base_url.trim_end_matches('/');
    let url = match server.and_then(|server| server.get("url")?.as_str()) {
        Some(url) if early => url.to_string(),
        _ => apps_url(&host.base_url, host.path_override.as_deref(), host.rules),
    };
    let after_base = url.strip_prefix(base).unwrap_or_default();
    let mut say = |rule, holds: bool| reached.extend(holds.then_some(rule));
    say(Rule::AppsServerShape, true);
    say(Rule::AppsServerSkuHeader, host.product_sku.is_some());
    say(Rule::AppsServerNoSkuNoHeader, host.product_sku.is_none());
    say(Rule::AppsServerSkuDefault, host.product_sku.is_none());
    say(Rule::AppsServerAuth, true);
    say(Rule::HostedAtPsMcp, hosted);
    say(Rule::AppsServerBearerEnv, host.connectors_token);
    say(
        Rule::EndpointBaseTrimmed,
        base.len() < host.base_url.len() && host.base_url != DEFAULT_BASE_URL,
    );
    let depends_on = |should| {
        let url = |rules| apps_url(&host.base_url, None, rules);
        url(host.rules) != url(host.rules.without(should))
    };
    say(Rule::EndpointChatgptHost, after_base.starts_with("/backend-api/"));
    say(Rule::EndpointWholeHost, depends_on(Rule::EndpointWholeHost));
    say(Rule::EndpointWholeSegments, depends_on(Rule::EndpointWholeSegments));
    say(Rule::EndpointOtherHost, after_base.starts_with("/api/codex/"));
    say(Rule::EndpointDefaultPath, host.path_override.is_none());
    say(Rule::EndpointLegacyPath, !hosted);
    say(Rule::EndpointOverridePath, host.path_override.is_some());
}

/// Rules about keys of the host config.
fn about_host(host: &Value, reached: &mut Vec<Rule>) {
    let Value::Object(host) = host else {
        return;
    };
    let features = host.get("features").and_then(Value::as_object);
    let feature = |name| features.and_then(|features| features.get(name));
    let token = host.get("env").and_then(|env| env.get(CONNECTORS_TOKEN));
    let mut say = |rule, holds: bool| reached.extend(holds.then_some(rule));
    say(Rule::EndpointBaseValid, host.contains_key("chatgpt_base_url"));
    say(Rule::EndpointBaseDefault, !host.contains_key("chatgpt_base_url"));
    say(Rule::FeaturesConnectorsAlias, feature("connectors").is_some());
    say(Rule::AppsServerBearerEnv, token.is_some());
    say(Rule::FeaturesAppsDefaultOn, feature("apps").is_none());
    say(Rule::FeaturesOverrideForms, feature("apps_mcp_path_override").is_some());
    say(Rule::FeaturesOverrideIgnored, feature("apps_mcp_path_override").is_some());
    let has_null = |table: &Map<String, Value>| table.values().any(Value::is_null);
    say(Rule::ValueNullIsAbsent, has_null(host) || features.is_some_and(has_null));
}

/// Rules about the fields of servers.
fn about_entries(case: &Case, reached: &mut Vec<Rule>) {
    let rules = case.profile.rules();
    for entry in entries(case).filter_map(Value::as_object) {
        reached.push(Rule::ServerTransport);
        for (field, value) in entry {
            reached.extend(value.is_null().then_some(Rule::ValueNullIsAbsent));
            let remote = || value.as_str() != Some("local") && entry.contains_key("command");
            reached.extend_from_slice(match field.as_str() {
                "startup_timeout_sec" | "startup_timeout_ms" | "tool_timeout_sec" => {
                    &[Rule::ServerDurations]
                }
                "env_vars" => &[Rule::ServerEnvVars],
                "environment_id" if remote() => {
                    &[Rule::ServerRemoteStdioCwd, Rule::ServerRemoteStdioUnchecked]
                }
                "default_tools_approval_mode" | "tools" => {
                    &[Rule::ServerApprovalModes, Rule::ServerApprovalWrites]
                }
                "auth" if rules.has(Rule::ServerAuth) => &[Rule::ServerAuth],
                name if name == "name" || known(name, rules).is_none() => {
                    &[Rule::ServerUnknownField]
                }
                _ => &[],
            });
        }
    }
}
