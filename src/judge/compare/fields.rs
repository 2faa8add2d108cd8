//! Which rule a wrong field of a server breaks.

use mcp_overlay_model::host::Host;
use mcp_overlay_model::{By, Reason, Rule, RuleSet};
use serde_json::Value;

use crate::cases::samples::fields::SAMPLES;
use crate::judge::same::same;
use crate::rules::{Situation, holding, of_apps_field, of_field, url_depends_on};

/// Which rule about the Apps server a wrong field of it breaks.
pub(super) fn rule_of_apps_field(
    situation: &Situation<'_>,
    by: By,
    field: &str,
    want: &Value,
    got: &Value,
) -> Rule {
    let in_views = || of_field(situation.rules, field, |fields| fields.in_views);
    match field {
        "url" => {
            let text = |server: &Value| server.get("url").and_then(Value::as_str).map(String::from);
            let (want, got) = (text(want).unwrap_or_default(), text(got).unwrap_or_default());
            rule_of_url(situation, by, &want, &got)
        }
        // The Apps server has one; another rule took it away.
        "auth" if want.get("auth").is_none() => in_views().unwrap_or(Rule::AppsServerShape),
        "http_headers"
            if is_originator(want, got) && situation.rules.has(Rule::AppsServerOriginator) =>
        {
            Rule::AppsServerOriginator
        }
        _ => of_apps_field(situation, field).unwrap_or(Rule::AppsServerShape),
    }
}

/// Whether the header `originator` is the first in which two Apps servers differ.
fn is_originator(want: &Value, got: &Value) -> bool {
    let headers = |server: &Value| server.get("http_headers").cloned().unwrap_or(Value::Null);
    first_differing(&headers(want), &headers(got)).as_deref() == Some("originator")
}

/// Which step of building the Apps URL went wrong, by what the wrong URL has after the base.
fn rule_of_url(situation: &Situation<'_>, by: By, want: &str, got: &str) -> Rule {
    let Some(host) = situation.resolution.map(|resolution| &resolution.host) else {
        return Rule::AppsServerShape;
    };
    let trimmed = host.base_url.trim_end_matches('/');
    let after_base = |url: &str| url.strip_prefix(trimmed).map(str::to_string);
    let (Some(want), Some(got)) = (after_base(want), after_base(got)) else {
        let is_written = situation.host("chatgpt_base_url").is_some_and(|base| !base.is_null());
        return if is_written { Rule::EndpointBaseTrimmed } else { Rule::EndpointBaseDefault };
    };
    if got.starts_with("//") && !want.starts_with("//") {
        return Rule::EndpointBaseTrimmed;
    }
    let only_one_has = |suffix: &str| want.starts_with(suffix) != got.starts_with(suffix);
    if only_one_has("/backend-api/") {
        reading(host).unwrap_or(Rule::EndpointChatgptHost)
    } else if only_one_has("/api/codex/") {
        reading(host).unwrap_or(Rule::EndpointOtherHost)
    } else if host.path_override.is_some() {
        Rule::EndpointOverridePath
    } else if by != By::Legacy && host.rules.has(Rule::HostedAtPsMcp) {
        Rule::HostedAtPsMcp
    } else {
        holding(host.rules, Rule::EndpointDefaultPath)
    }
}

/// The way of reading a base that this URL depends on.
fn reading(host: &Host) -> Option<Rule> {
    let readings = [Rule::EndpointWholeHost, Rule::EndpointWholeSegments];
    readings.into_iter().find(|reading| url_depends_on(host, *reading))
}

/// Which rule a wrong field of any other server breaks.
pub(super) fn rule_of_entry_field(
    rules: RuleSet,
    field: &str,
    reason: &Reason,
    (want, got): (&Value, &Value),
) -> Rule {
    let is_lost = want.get(field).is_some() && got.get(field).is_none();
    let client_id = |server: &Value| server.pointer("/oauth/client_id").cloned();
    let is_plugins = matches!(reason.by, By::Plugin(_) | By::SelectedRoot(_));
    // Only the entry of a plugin has another name for it.
    if is_plugins && rules.has(Rule::PluginEntryShape) && client_id(want) != client_id(got) {
        return Rule::PluginEntryShape;
    }
    of_field(rules, field, |fields| fields.in_views).unwrap_or(match reason.by {
        // A field of the losing server in the winner, or one that stays disabled or does not: the
        // replacement was not whole.
        By::Contribution { .. } if !is_lost || field == "enabled" => reason.rule,
        _ if want.get(field).is_some() || is_known(field) => Rule::ServerFieldsKept,
        _ => Rule::ServerUnknownField,
    })
}

fn is_known(field: &str) -> bool {
    SAMPLES.iter().any(|samples| samples.field.name == field)
}

/// The first field in which two servers differ.
pub(super) fn first_differing(want: &Value, got: &Value) -> Option<String> {
    let (want, got) = (want.as_object()?, got.as_object()?);
    let differs = |field: &&String| match (want.get(*field), got.get(*field)) {
        (Some(a), Some(b)) => !same(a, b),
        _ => true,
    };
    want.keys().chain(got.keys()).find(differs).cloned()
}

/// The rule that every other name passes from `runtime` to `effective`.
pub(super) fn others_pass(rules: RuleSet) -> Rule {
    holding(rules, Rule::EffectiveOthersPass)
}
