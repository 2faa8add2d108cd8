//! Which rules a case is about.
//!
//! A rule that no case reached was not checked, whatever else passed. Most rules are named by the
//! model's own reasons; the others are reached when the case has what they speak of.

use std::collections::BTreeMap;

use mcp_overlay_model::apps::{CONNECTORS_TOKEN, gate_is_open, legacy_loader_is_active};
use mcp_overlay_model::endpoint::{DEFAULT_BASE_URL, apps_url};
use mcp_overlay_model::observation::observed;
use mcp_overlay_model::server::is_known_field;
use mcp_overlay_model::{
    Auth, By, CODEX_APPS, Case, ContributorKind, Outcome, Profile, Resolution, RuleId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cases::entries::entries;
use crate::rules;

/// How many of the cases that were looked at reached each rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleCounts(BTreeMap<String, u64>);

impl RuleCounts {
    /// Counts one case.
    pub fn record(&mut self, rules: &[RuleId]) {
        for rule in rules {
            match self.0.get_mut(*rule) {
                Some(count) => *count += 1,
                None => drop(self.0.insert((*rule).to_string(), 1)),
            }
        }
    }

    /// Adds the counts of another run.
    pub fn merge(&mut self, other: &RuleCounts) {
        for (rule, count) in &other.0 {
            *self.0.entry(rule.clone()).or_default() += count;
        }
    }

    /// How often a rule was reached.
    pub fn count(&self, rule: &str) -> u64 {
        self.0.get(rule).copied().unwrap_or_default()
    }
}

/// The rules that a case reaches, each once.
pub fn reached(case: &Case, outcome: &Outcome) -> Vec<RuleId> {
    let mut reached = Vec::with_capacity(24);
    about_entries(case, &mut reached);
    about_host(&case.host, &mut reached);
    match outcome {
        Outcome::Rejected(places) => {
            reached.extend(places.iter().map(|place| place.rule));
            let of_servers = |prefix| places.iter().any(|place| place.path.starts_with(prefix));
            reached
                .extend(of_servers("host.mcp_servers.").then_some("server.invalid-rejects-config"));
            reached.extend((places.len() > 1).then_some("rejection.smallest-path"));
        }
        Outcome::Resolved(resolution) => {
            about_views(case, resolution, &mut reached);
            about_apps_server(resolution, &mut reached);
        }
    }
    reached.retain(|rule| rules::holds(rule, case.profile));
    reached.sort_unstable();
    reached.dedup();
    reached
}

/// What a running host does not show of a server that it takes for valid, and of a rejection.
pub const UNSEEN: [RuleId; 10] = [
    "apps-server.shape",
    "configured.owners-exact",
    "hosted.always-speaks",
    "legacy.first-in-runtime",
    "legacy.only-when-silent",
    "rejection.smallest-path",
    "runtime.is-overlaid-configured",
    "server.durations",
    "server.env-vars",
    "server.remote-stdio-cwd",
];

/// The rules that a case reaches where a running host is seen from outside: those of a running host
/// too, and none that it does not show.
pub fn reached_outside(case: &Case, outcome: &Outcome) -> Vec<RuleId> {
    let mut reached = reached(case, outcome);
    reached.retain(|rule| !UNSEEN.contains(rule));
    if let Outcome::Rejected(places) = outcome {
        // A rule that the config breaks shows in the refusal, all others in nothing.
        let broken = |rule: &RuleId| places.iter().any(|place| place.rule == *rule);
        reached.retain(|rule| broken(rule) || *rule == "server.invalid-rejects-config");
    }
    let mut say = |rule, holds: bool| reached.extend(holds.then_some(rule));
    say("credentials.never-shown", case.auth.is_some());
    if let Outcome::Resolved(seen) = observed(case, outcome) {
        let servers = || seen.effective.values().filter_map(|decided| decided.server.as_deref());
        let bearers = || servers().filter_map(|seen| seen.get("authorization")?.as_str());
        say("start.exactly-enabled", servers().next().is_some());
        say("status.auth", servers().next().is_some());
        let has_credentials = case.auth.is_some_and(|auth| auth != Auth::ApiKey);
        say("credentials.apps-only", has_credentials && servers().any(|s| s.get("url").is_some()));
        let apps = seen.effective.get(CODEX_APPS).and_then(|decided| decided.server.as_deref());
        let without =
            apps.is_some_and(|s| s.get("url").is_some() && s.get("authorization").is_none());
        say("credentials.chatgpt-origins", without);
        say("credentials.environment-instead", bearers().any(|bearer| bearer != "host"));
    }
    reached.sort_unstable();
    reached
}

fn about_views(case: &Case, resolution: &Resolution, reached: &mut Vec<RuleId>) {
    for view in [&resolution.configured, &resolution.runtime, &resolution.effective] {
        reached.extend(view.values().map(|decided| decided.reason.rule));
    }
    reached.extend(resolution.overlays.iter().map(|overlay| overlay.rule));
    let mut say = |rule, holds: bool| reached.extend(holds.then_some(rule));
    say("configured.union", !resolution.configured.is_empty());
    say("configured.owners-exact", !resolution.plugin_owners.is_empty());
    say("runtime.is-overlaid-configured", !resolution.overlays.is_empty());
    let hosted = case.contributors.iter().any(|c| c.kind == ContributorKind::HostedApps);
    say("hosted.always-speaks", hosted && !gate_is_open(&resolution.host, case.auth));
    say("gate.open", true);
    say("legacy.only-when-silent", gate_is_open(&resolution.host, case.auth));
}

/// Rules about the Apps server that this host has, if a view has it.
fn about_apps_server(resolution: &Resolution, reached: &mut Vec<RuleId>) {
    let host = &resolution.host;
    let from_contribution = |by| matches!(by, By::Contribution { .. });
    let hosted = resolution.runtime.get(CODEX_APPS).is_some_and(|decided| {
        decided.server.is_some()
            && decided.reason.rule == "hosted.enabled-sets"
            && from_contribution(decided.reason.by)
    });
    let legacy = resolution.effective.get(CODEX_APPS).is_some_and(|d| d.reason.by == By::Legacy);
    let has_one = hosted || (legacy && legacy_loader_is_active(host, &resolution.overlays));
    let early = host.profile >= Profile::CodexPr27198;
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
        _ => apps_url(&host.base_url, host.path_override.as_deref()),
    };
    let after_base = url.strip_prefix(base).unwrap_or_default();
    let mut say = |rule, holds: bool| reached.extend(holds.then_some(rule));
    say("apps-server.shape", true);
    say("apps-server.sku-header", host.product_sku.is_some());
    say("apps-server.sku-default", host.product_sku.as_deref() == Some("codex"));
    say("hosted.at-ps-mcp", hosted);
    say("apps-server.bearer-env", host.connectors_token);
    say(
        "endpoint.base-trimmed",
        base.len() < host.base_url.len() && host.base_url != DEFAULT_BASE_URL,
    );
    say(
        "endpoint.chatgpt-host",
        after_base.starts_with("/backend-api/") || looks_like_chatgpt(base),
    );
    say("endpoint.other-host", after_base.starts_with("/api/codex/"));
    say("endpoint.default-path", host.path_override.is_none() && !(early && hosted));
    say("endpoint.override-path", host.path_override.is_some());
}

/// ChatGPT's hosts, and those that only look like them.
fn looks_like_chatgpt(base: &str) -> bool {
    let base = base.to_ascii_lowercase();
    ["chatgpt.com", "chat.openai.com"].iter().any(|host| base.contains(host))
}

/// Rules about keys of the host config.
fn about_host(host: &Value, reached: &mut Vec<RuleId>) {
    let Value::Object(host) = host else {
        return;
    };
    let features = host.get("features").and_then(Value::as_object);
    let feature = |name| features.and_then(|features| features.get(name));
    let token = host.get("env").and_then(|env| env.get(CONNECTORS_TOKEN));
    let mut say = |rule, holds: bool| reached.extend(holds.then_some(rule));
    say("endpoint.base-valid", host.contains_key("chatgpt_base_url"));
    say("apps-server.bearer-env", token.is_some());
    say("features.apps-default-on", feature("apps").is_none());
    say("features.override-forms", feature("apps_mcp_path_override").is_some());
    say("features.override-ignored", feature("apps_mcp_path_override").is_some());
    let has_null = |table: &Map<String, Value>| table.values().any(Value::is_null);
    say("value.null-is-absent", has_null(host) || features.is_some_and(has_null));
}

/// Rules about the fields of servers.
fn about_entries(case: &Case, reached: &mut Vec<RuleId>) {
    for entry in entries(case).filter_map(Value::as_object) {
        reached.push("server.transport");
        for (field, value) in entry {
            reached.extend(value.is_null().then_some("value.null-is-absent"));
            reached.extend(match field.as_str() {
                "startup_timeout_sec" | "startup_timeout_ms" | "tool_timeout_sec" => {
                    Some("server.durations")
                }
                "env_vars" => Some("server.env-vars"),
                "environment_id" => (value.as_str() != Some("local")
                    && entry.contains_key("command"))
                .then_some("server.remote-stdio-cwd"),
                "name" => Some("server.unknown-field"),
                field => (!is_known_field(field)).then_some("server.unknown-field"),
            });
        }
    }
}
