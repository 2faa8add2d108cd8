//! Which rule a failing subject breaks, found by experiment.
//!
//! Many rules say that two ways of writing a case mean the same: a trailing slash of the base is
//! dropped, an inactive plugin adds nothing, an overruled contribution does not matter. Each of
//! these gives a rewrite that the specification does not notice. If a subject is wrong before the
//! rewrite and right after it, that rule is the one it breaks. Two more experiments: which field of a
//! server makes the subject reject a valid case, and whether another auth changes `runtime`.

use std::collections::BTreeSet;

use mcp_overlay_model::endpoint::{DEFAULT_BASE_URL, override_path};
use mcp_overlay_model::field::{belongs_to_one_transport, field};
use mcp_overlay_model::host::CONNECTORS_TOKEN;
use mcp_overlay_model::{
    Answer, Auth, By, CODEX_APPS, Case, Contribution, ContributorKind, Outcome, Rule, resolve,
    server,
};
use serde_json::{Map, Value, json};

use crate::cases::entries::entries_mut;
use crate::judge::judge;
use crate::judge::verdict::{Difference, LOADS, Place};
use crate::rules::holding;
use crate::subject::{Driver, Sight};

/// A rule, and how to write a case without the need for it.
type Rewrite = (Rule, fn(&mut Case));

/// In this order: the plainest explanation first.
const REWRITES: [Rewrite; 17] = [
    (Rule::ValueNullIsAbsent, drop_nulls),
    (Rule::ServerUnknownField, drop_unknown_fields),
    (Rule::ServerDurations, write_seconds),
    (Rule::ConfiguredInactivePluginIgnored, drop_inactive_plugins),
    (Rule::ConfiguredInvalidPluginServerDropped, drop_invalid_plugin_servers),
    (Rule::ConfiguredConfigOverPlugin, drop_plugin_servers_that_config_overrides),
    (Rule::ConfiguredFirstPluginWins, drop_plugin_servers_of_later_plugins),
    (Rule::OverlayLastWins, drop_overruled_in_one_list),
    (Rule::ContributionOrder, drop_overruled_by_later_contributors),
    (Rule::AppsServerBearerEnv, drop_blank_token),
    (Rule::FeaturesOverrideForms, write_override_as_table),
    (Rule::EndpointOverridePath, write_override_trimmed),
    (Rule::EndpointBaseTrimmed, trim_base),
    (Rule::EndpointChatgptHost, append_backend_api),
    (Rule::EndpointOtherHost, append_api_codex),
    (Rule::FeaturesAppsDefaultOn, write_apps_on),
    (Rule::GateOpen, sign_in),
];

/// The rule that an experiment shows to be broken, if one does. `answer` is the subject's wrong one,
/// which differs in these places.
pub fn rule_by_experiment(
    driver: &dyn Driver,
    case: &Case,
    answer: &Answer,
    differences: &[Difference],
) -> Option<Rule> {
    rule_by_auth(driver, case, differences)
        .or_else(|| rule_by_rewriting(driver, case))
        .or_else(|| rule_by_field(driver, case, answer))
}

/// A valid case that is rejected, or lacks a plugin's server: the field without which all is well.
fn rule_by_field(driver: &dyn Driver, case: &Case, answer: &Answer) -> Option<Rule> {
    let agrees = |case: &Case| judge(driver, case).1.is_right();
    let mut fields = BTreeSet::new();
    for entry in entries(&mut case.clone()) {
        fields.extend(entry.keys().cloned());
    }
    let is_refused = match (resolve(case), answer) {
        (Outcome::Resolved(_), Answer::Rejected { .. }) => true,
        (Outcome::Resolved(expected), Answer::Resolved { plugin_owners, .. })
            if driver.sight() == Sight::Views =>
        {
            expected.plugin_owners.keys().any(|name| !plugin_owners.contains_key(name))
        }
        _ => false,
    };
    if !is_refused {
        return None;
    }
    fields.into_iter().find_map(|field| {
        let mut without = case.clone();
        entries(&mut without).for_each(|entry| drop(entry.remove(&field)));
        // Without its transport a server is refused by everybody, which explains nothing.
        let explains = has_servers_of(&without, case) && agrees(&without);
        explains.then(|| match field.as_str() {
            "startup_timeout_sec" | "startup_timeout_ms" | "tool_timeout_sec" => {
                Rule::ServerDurations
            }
            "env_vars" => Rule::ServerEnvVars,
            "environment_id" | "cwd" => holding(
                case.profile.rules(),
                Rule::ServerRemoteStdioCwd,
                [Rule::ServerRemoteStdioUnchecked],
            ),
            "default_tools_approval_mode" | "tools" => holding(
                case.profile.rules(),
                Rule::ServerApprovalModes,
                [Rule::ServerApprovalWrites],
            ),
            "auth" if case.profile.has(Rule::ServerAuth) => Rule::ServerAuth,
            field if belongs_to_one_transport(field, case.profile.rules()) => {
                Rule::ServerForeignField
            }
            _ => Rule::ServerUnknownField,
        })
    })
}

/// Whether the same servers are valid in two cases.
fn has_servers_of(case: &Case, other: &Case) -> bool {
    let names = |case: &Case| match resolve(case) {
        Outcome::Resolved(resolution) => {
            let present = resolution.configured.iter().filter(|(_, d)| d.server.is_some());
            Some(present.map(|(name, _)| name.clone()).collect::<Vec<_>>())
        }
        Outcome::Observed(_) | Outcome::Rejected(_) => None,
    };
    names(case) == names(other)
}

/// A difference in `runtime` that another auth makes go away.
fn rule_by_auth(driver: &dyn Driver, case: &Case, differences: &[Difference]) -> Option<Rule> {
    let in_runtime = differences
        .iter()
        .find(|difference| matches!(difference.place, Place::Server { view: "runtime", .. }))?;
    if in_runtime.rule == LOADS {
        // The loader heeds auth by rights; only the view is the wrong one.
        return Some(LOADS);
    }
    let other = |auth| Case { auth, ..case.clone() };
    let auths = std::iter::once(None).chain(Auth::ALL.map(Some));
    let right = auths.map(other).any(|case| judge(driver, &case).1.is_right());
    let hosted = match in_runtime.by {
        Some(By::Contribution { contributor, .. }) => case
            .contributors
            .get(contributor)
            .is_some_and(|contributor| contributor.kind == ContributorKind::HostedApps),
        _ => false,
    };
    right.then_some(if hosted { Rule::HostedAlwaysSpeaks } else { Rule::RuntimeAuthBlind })
}

/// The rule whose rewrite turns a failing case into one on which the subject is right.
fn rule_by_rewriting(driver: &dyn Driver, case: &Case) -> Option<Rule> {
    let expected = resolve(case);
    let explains = |(rule, rewrite): &Rewrite| {
        let mut rewritten = case.clone();
        rewrite(&mut rewritten);
        let means_the_same = || same_outcome(&expected, &resolve(&rewritten));
        let explains =
            rewritten != *case && means_the_same() && judge(driver, &rewritten).1.is_right();
        explains.then_some(*rule)
    };
    REWRITES.iter().find_map(explains)
}

/// The same answer, and the same other invalid places: a rewrite that mends one of them would
/// explain a wrong order of places.
fn same_outcome(a: &Outcome, b: &Outcome) -> bool {
    match (a, b) {
        (Outcome::Rejected(a), Outcome::Rejected(b)) => {
            a.iter().map(|place| &place.path).eq(b.iter().map(|place| &place.path))
        }
        _ => a.answer() == b.answer(),
    }
}

fn host(case: &mut Case) -> Option<&mut Map<String, Value>> {
    case.host.as_object_mut()
}

/// Every server entry of the case that is a table.
fn entries(case: &mut Case) -> impl Iterator<Item = &mut Map<String, Value>> {
    entries_mut(case).filter_map(Value::as_object_mut)
}

fn drop_nulls(case: &mut Case) {
    entries(case).for_each(|entry| entry.retain(|_, value| !value.is_null()));
    if let Some(host) = host(case) {
        host.retain(|_, value| !value.is_null());
        if let Some(features) = host.get_mut("features").and_then(Value::as_object_mut) {
            features.retain(|_, value| !value.is_null());
        }
    }
}

fn drop_unknown_fields(case: &mut Case) {
    let rules = case.profile.rules();
    entries(case).for_each(|entry| entry.retain(|name, _| field(name, rules).is_some()));
}

fn write_seconds(case: &mut Case) {
    for entry in entries(case) {
        if let Some(milliseconds) = entry.remove("startup_timeout_ms").and_then(|v| v.as_u64()) {
            let seconds = std::time::Duration::from_millis(milliseconds).as_secs_f64();
            entry.entry("startup_timeout_sec").or_insert(json!(seconds));
        }
    }
}

fn drop_inactive_plugins(case: &mut Case) {
    case.plugins.retain(|plugin| plugin.active);
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

fn drop_overruled_in_one_list(case: &mut Case) {
    for contributor in &mut case.contributors {
        if let ContributorKind::Scripted(list) = &mut contributor.kind {
            keep_last_words(list, &mut BTreeSet::new());
        }
    }
}

fn drop_overruled_by_later_contributors(case: &mut Case) {
    let mut spoken = BTreeSet::new();
    case.contributors.reverse();
    case.contributors.retain_mut(|contributor| match &mut contributor.kind {
        ContributorKind::HostedApps => spoken.insert(CODEX_APPS.to_string()),
        ContributorKind::Scripted(list) => {
            keep_last_words(list, &mut spoken);
            true
        }
    });
    case.contributors.reverse();
}

/// Keeps what nobody in `spoken` or later in the list overrules, and notes it as spoken.
fn keep_last_words(list: &mut Vec<Contribution>, spoken: &mut BTreeSet<String>) {
    list.reverse();
    list.retain(|contribution| spoken.insert(contribution.name().to_string()));
    list.reverse();
}

fn drop_blank_token(case: &mut Case) {
    let environment = host(case).and_then(|host| host.get_mut("env")?.as_object_mut());
    if let Some(environment) = environment {
        let blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        environment.retain(|name, value| name != CONNECTORS_TOKEN || !blank(value));
    }
}

fn path_override(case: &mut Case) -> Option<&mut Value> {
    host(case)?.get_mut("features")?.get_mut("apps_mcp_path_override")
}

fn write_override_as_table(case: &mut Case) {
    let Some(written) = path_override(case) else {
        return;
    };
    let path = written.get("path").and_then(Value::as_str).map(str::to_string);
    let enabled = match &*written {
        Value::Bool(enabled) => *enabled,
        table => table.get("enabled").and_then(Value::as_bool).unwrap_or(path.is_some()),
    };
    let path = path.unwrap_or_else(|| "/ps/mcp".to_string());
    *written = json!({ "enabled": enabled, "path": path });
}

fn write_override_trimmed(case: &mut Case) {
    write_override_as_table(case);
    if let Some(Value::String(path)) = path_override(case).and_then(|table| table.get_mut("path")) {
        *path = override_path(path).to_string();
    }
}

fn edit_base(case: &mut Case, edit: impl FnOnce(&str) -> String) {
    if let Some(host) = host(case) {
        let written = host.get("chatgpt_base_url").and_then(Value::as_str);
        let edited = edit(written.unwrap_or(DEFAULT_BASE_URL));
        host.insert("chatgpt_base_url".into(), edited.into());
    }
}

fn trim_base(case: &mut Case) {
    edit_base(case, |base| base.trim_end_matches('/').to_string());
}

fn append_backend_api(case: &mut Case) {
    edit_base(case, |base| format!("{}/backend-api", base.trim_end_matches('/')));
}

fn append_api_codex(case: &mut Case) {
    edit_base(case, |base| format!("{}/api/codex", base.trim_end_matches('/')));
}

fn write_apps_on(case: &mut Case) {
    if let Some(host) = host(case)
        && let Value::Object(features) = host.entry("features").or_insert_with(|| json!({}))
    {
        features.entry("apps").or_insert(Value::Bool(true));
    }
}

/// One backend auth is as good as another.
fn sign_in(case: &mut Case) {
    case.auth = Some(Auth::ChatGpt);
}
