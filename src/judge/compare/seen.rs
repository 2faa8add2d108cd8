//! Which observation of a running host differs, and which rule that breaks.

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::observation::{Expected, Observation, Observations, Observed};
use mcp_overlay_model::{By, CODEX_APPS, Case, Outcome, Resolution, Rule, resolve};
use serde_json::Value;

use super::fields::{others_pass, rule_of_apps_field, rule_of_entry_field};
use crate::judge::verdict::{Difference, Place};
use crate::rules::{Situation, holding, of_field};

/// Every name of which something else was seen than expected.
pub(super) fn differences(
    case: &Case,
    expected: &Observed,
    seen: &Observations,
) -> Vec<Difference> {
    let names: BTreeSet<&String> = expected.0.keys().chain(seen.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let wanted = expected.0.get(name);
        let want = wanted.and_then(|expected| expected.observation.as_ref());
        let got = seen.get(name);
        if want == got {
            continue;
        }
        differences.push(Difference {
            place: Place::Server { view: "effective", name: name.clone() },
            rule: rule(case, name, wanted, got),
            by: wanted.map(|expected| expected.reason.by),
            expected: want.map(as_value),
            actual: got.map(as_value),
        });
    }
    differences
}

fn as_value(observation: &Observation) -> Value {
    serde_json::to_value(observation).unwrap_or_default()
}

fn rule(case: &Case, name: &str, wanted: Option<&Expected>, got: Option<&Observation>) -> Rule {
    let rules = case.profile.rules();
    let Some(wanted) = wanted else {
        let has_credentials = got.is_some_and(Observation::has_host_credentials);
        let credentials = || holding(rules, Rule::CredentialsAppsOnly);
        return if has_credentials { credentials() } else { others_pass(rules) };
    };
    let reason = wanted.reason;
    let Outcome::Resolved(resolution) = resolve(case) else { return reason.rule };
    let (Some(want), Some(got)) = (&wanted.observation, got) else {
        let in_runtime = resolution.runtime.get(CODEX_APPS).is_some_and(|d| d.server.is_some());
        return match reason.by {
            // It did not come from `runtime`: the host took the gate for open.
            By::Gate if !in_runtime => Rule::GateOpen,
            // It is in `runtime`, and nothing but the gate takes it away.
            By::Contribution { .. } if name == CODEX_APPS && got.is_none() => Rule::GateOpen,
            _ => reason.rule,
        };
    };
    let is_apps = want.url.as_deref().is_some_and(|url| is_apps_url(&resolution, url));
    let seen = |field| of_field(rules, field, |fields| fields.seen);
    match first_difference(want, got) {
        Some("enabled")
            if matches!(reason.by, By::Contribution { .. } | By::Legacy | By::Gate)
                || reason.rule == Rule::PluginUserPolicy =>
        {
            reason.rule
        }
        Some("command") | None => reason.rule,
        Some("authorization" | "account_id")
            if !want.has_host_credentials() && !got.has_host_credentials() =>
        {
            Rule::CredentialsEnvironmentInstead
        }
        Some(field) if seen(field).is_some() => seen(field).unwrap_or(reason.rule),
        Some(_) if is_another_entry(case, &resolution, name, (want, got)) => reason.rule,
        Some(field) if is_apps => {
            let outcome = Outcome::Resolved(resolution);
            let (want, got) = (as_value(want), as_value(got));
            rule_of_apps_field(&Situation::new(case, &outcome), reason.by, field, &want, &got)
        }
        Some(field) => {
            rule_of_entry_field(rules, field, &reason, (&as_value(want), &as_value(got)))
        }
    }
}

/// The first field that differs, those that explain the most first: a server that was started
/// though it must not be differs in all that it was started with. A field of which contradictory
/// values were observed differs, too.
fn first_difference(want: &Observation, got: &Observation) -> Option<&'static str> {
    // A server that must not be started must not be sent anything else either.
    let is_contacted = !got.enabled && got.url.is_some();
    let differs = [
        ("enabled", want.enabled != got.enabled || is_contacted),
        ("command", want.command != got.command),
        ("url", want.url != got.url),
        ("authorization", want.authorization != got.authorization),
        ("account_id", want.account_id != got.account_id),
        ("http_headers", want.http_headers != got.http_headers),
        ("args", want.args != got.args),
        ("env", want.env != got.env),
        ("auth_status", want.auth_status != got.auth_status),
    ];
    let contradicts = |field: &str| got.contradictory.iter().any(|name| name == field);
    let mut differs = differs.into_iter();
    let first = differs.clone().find(|(_, differs)| *differs);
    first.or_else(|| differs.find(|(field, _)| contradicts(field))).map(|(field, _)| field)
}

fn is_apps_url(resolution: &Resolution, url: &str) -> bool {
    use mcp_overlay_model::apps::{hosted_server, legacy_server};
    let host = &resolution.host;
    let built = [legacy_server(host), hosted_server(host)];
    built.iter().any(|server| server.get("url").and_then(Value::as_str) == Some(url))
}

/// Whether the case has another entry of this name than the expected one, with the URL that was seen.
/// Entries may share a URL; then the headers must be that entry's too.
fn is_another_entry(
    case: &Case,
    resolution: &Resolution,
    name: &str,
    (want, got): (&Observation, &Observation),
) -> bool {
    let own = resolution.host.servers.get(name).map(|server| &**server).into_iter();
    let of_plugins = case.plugins.iter().filter_map(|plugin| plugin.mcp_servers.get(name));
    let has_url = |entry: &&Value| entry.get("url").and_then(Value::as_str) == got.url.as_deref();
    let is_other = want.url != got.url;
    let has_headers =
        |entry: &Value| got.contradictory.is_empty() && headers(case, entry) == got.http_headers;
    let mut at_the_url = own.chain(of_plugins).filter(has_url);
    got.url.is_some() && at_the_url.any(|entry| is_other || has_headers(entry))
}

/// The headers of an entry, names in lower case, with the values of variables.
fn headers(case: &Case, entry: &Value) -> BTreeMap<String, String> {
    let table = |field| entry.get(field).and_then(Value::as_object).into_iter().flatten();
    let variable = |name: &Value| case.host.get("env")?.get(name.as_str()?);
    let of_environment =
        table("env_http_headers").filter_map(|(name, of)| Some((name, variable(of)?)));
    let texts = table("http_headers").chain(of_environment);
    let texts =
        texts.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?)));
    texts.map(|(name, value)| (name, value.to_string())).collect()
}
