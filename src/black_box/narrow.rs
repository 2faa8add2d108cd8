//! Narrows a case to what a black box can be asked: removes or simplifies the parts that a running
//! host cannot be given, and the parts that would prevent a test server from starting.
//!
//! This also ensures safety: whatever the case says, the host only contacts loopback.

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::endpoint::is_valid_base;
use mcp_overlay_model::narrow::narrowed;
use mcp_overlay_model::origin::is_chatgpt_origin;
use mcp_overlay_model::{Auth, Case, Contributor, ContributorKind, Plugin, Rule, server};
use serde_json::{Map, Value, json};

use crate::cases::entries::entries_mut;

/// The address of the Apps endpoint and of all servers of a case; the driver adds a port.
pub const LOOPBACK: &str = "http://127.0.0.1";

/// The variables that stand for all bearers and all headers from the environment.
const VARIABLES: [&str; 3] = ["TOK", "KEY", "my_token"];

/// The shortest timeout of a server, in seconds, because a test server starts slowly on a busy
/// machine.
const SHORTEST_TIMEOUT: f64 = 10.0;

/// The longest timeout of a server, in seconds. Released Codex from 0.143.0 on adds the timeout to a clock of 2^63
/// seconds, panics, and never answers.
const LONGEST_TIMEOUT: f64 = 1e18;

/// A key that is unknown to every host.
const UNKNOWN: &str = "mcp_overlay_unknown";

/// The origin of the Apps endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppsOrigin {
    /// Loopback, under any path.
    #[default]
    Loopback,
    /// ChatGPT's own origin, which leads to loopback in an isolated network.
    TrueOrigin,
}

/// The reason for a step, and the step.
type Step = (&'static str, fn(&mut Case));

/// The step that replaces [`BASE_STEP`] for an Apps endpoint at ChatGPT's own origin.
const TRUE_BASE: Step =
    ("the Apps endpoint must be at https://chatgpt.com, at a plain path", true_base);

/// The reason for the step that [`TRUE_BASE`] replaces.
const BASE_STEP: &str = "the Apps endpoint must be on loopback, at a plain path";

/// The steps, in order.
const STEPS: [Step; 12] = [
    ("a running host is not told of threads and requirements yet", no_threads_nor_requirements),
    ("an app-server has the hosted Apps extension and no other contributor", only_hosted_apps),
    ("auth.json can only express none, api_key and chatgpt", plain_auth),
    ("TOML has no null, and no integer of more than 64 bits", plain_values),
    (BASE_STEP, plain_base),
    ("a key or a feature has another meaning in released hosts", plain_host_keys),
    ("a path override must be a plain path", plain_override),
    ("released hosts list a server whose name is not plain, and do not start it", plain_names),
    ("a server could not be started: its timeout, folder, environment or header", plain_servers),
    ("a server other than the Apps endpoint cannot be at ChatGPT's origin", plain_recipients),
    ("the environment must have exactly the variables that servers name", plain_env),
    ("plugins are found in the order of their ids, NAME@MARKET", plain_plugins),
];

/// The reasons why a case needs narrowing, one per step, in order.
pub fn reasons() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|(reason, _)| *reason)
}

impl AppsOrigin {
    fn steps(self) -> impl Iterator<Item = Step> {
        STEPS.into_iter().map(move |step| match self {
            AppsOrigin::TrueOrigin if step.0 == BASE_STEP => TRUE_BASE,
            _ => step,
        })
    }

    /// The nearest case that a black box can be asked.
    #[must_use]
    pub fn nearest(self, mut case: Case) -> Case {
        self.steps().for_each(|(_, step)| step(&mut case));
        case
    }

    /// The first reason why a black box cannot be asked this case.
    #[must_use]
    pub fn is_out(self, case: &Case) -> Option<&'static str> {
        let mut nearer = case.clone();
        self.steps().find_map(|(reason, step)| {
            step(&mut nearer);
            (nearer != *case).then_some(reason)
        })
    }
}

/// Apps and policies of plugins stay in the profiles that have a rule about them.
fn no_threads_nor_requirements(case: &mut Case) {
    let mut plugins = std::mem::take(&mut case.plugins);
    for plugin in &mut plugins {
        plugin.root = None;
        if !case.profile.has(Rule::RouteAppHidesServer) {
            plugin.apps.clear();
        }
        if !case.profile.has(Rule::PluginUserPolicy) {
            plugin.policy.clear();
        }
    }
    *case = Case { plugins, ..narrowed(case.clone()) };
}

fn only_hosted_apps(case: &mut Case) {
    let hosted = [ContributorKind::HostedApps];
    if !case.contributors.iter().map(|contributor| &contributor.kind).eq(&hosted) {
        let [kind] = hosted;
        case.contributors = vec![Contributor { id: "hosted-apps".into(), kind }];
    }
}

fn plain_auth(case: &mut Case) {
    case.auth = match case.auth {
        None | Some(Auth::ApiKey) => case.auth,
        Some(_) => Some(Auth::ChatGpt),
    };
}

fn plain_values(case: &mut Case) {
    if !case.host.is_object() {
        case.host = json!({});
    }
    plain_value(&mut case.host);
    for entry in case.plugins.iter_mut().flat_map(|plugin| plugin.mcp_servers.values_mut()) {
        plain_value(entry);
    }
}

fn plain_value(value: &mut Value) {
    match value {
        Value::Number(number) if !number.is_f64() && number.as_i64().is_none() => {
            *value = json!(1);
        }
        Value::Number(number) if number.as_f64().is_none_or(|float| !float.is_finite()) => {
            *value = json!(1);
        }
        Value::Null => *value = json!("null"),
        Value::Array(list) => {
            list.retain(|value| !value.is_null());
            list.iter_mut().for_each(plain_value);
        }
        Value::Object(table) => {
            table.retain(|key, value| !value.is_null() && is_plain(key));
            table.values_mut().for_each(plain_value);
        }
        Value::String(text) if !is_plain(text) => *value = json!("x"),
        _ => {}
    }
}

/// Whether a text can be an argument and part of a config file.
fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && c != '\t')
}

fn host(case: &mut Case) -> Option<&mut Map<String, Value>> {
    case.host.as_object_mut()
}

fn plain_base(case: &mut Case) {
    let Some(host) = host(case) else { return };
    let base = host.entry("chatgpt_base_url").or_insert_with(|| LOOPBACK.into());
    let Value::String(written) = base else { return };
    let plain = if is_valid_base(written) {
        format!("{LOOPBACK}{}", plain_path(written))
    } else if ["http://user@127.0.0.1/", "http://127.0.0.1/?q=1", "ftp://127.0.0.1/", ""]
        .contains(&written.as_str())
    {
        written.clone()
    } else if written.contains('@') {
        "http://user@127.0.0.1/".into()
    } else if written.contains(['?', '#']) {
        "http://127.0.0.1/?q=1".into()
    } else {
        "ftp://127.0.0.1/".into()
    };
    if *written != plain {
        *written = plain;
    }
}

/// The path of a valid URL.
fn plain_path(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or_default();
    // Clients resolve dot segments, so the server would receive another path.
    if path.split('/').any(|segment| matches!(segment, "." | "..")) { "/x" } else { path }
}

/// Absent, or ChatGPT's own.
fn true_base(case: &mut Case) {
    let Some(host) = host(case) else { return };
    let Some(Value::String(written)) = host.get_mut("chatgpt_base_url") else { return };
    if !is_valid_base(written) {
        plain_base(case);
        return;
    }
    let origin = "https://chatgpt.com";
    let plain = format!("{origin}{}", plain_path(written));
    if *written != plain {
        *written = plain;
    }
}

fn plain_host_keys(case: &mut Case) {
    let Some(host) = host(case) else { return };
    let known = ["chatgpt_base_url", "apps_mcp_product_sku", "features", "env", "mcp_servers"];
    host.retain(|key, _| known.contains(&key.as_str()) || key == UNKNOWN);
    if host.get("apps_mcp_product_sku").and_then(Value::as_str).is_some_and(|sku| !is_header(sku)) {
        host.insert("apps_mcp_product_sku".into(), "sku".into());
    }
    if let Some(Value::Object(features)) = host.get_mut("features") {
        let known = ["apps", "connectors", "apps_mcp_path_override"];
        features.retain(|key, value| {
            known.contains(&key.as_str()) || (key == UNKNOWN && value.is_boolean())
        });
    }
}

fn plain_override(case: &mut Case) {
    let path = host(case)
        .and_then(|host| host.get_mut("features")?.get_mut("apps_mcp_path_override"))
        .and_then(|table| table.get_mut("path"));
    if let Some(Value::String(path)) = path {
        let plain = |segment: &str| {
            !matches!(segment, "." | "..")
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if !path.split('/').all(plain) {
            *path = "/custom/mcp".into();
        }
    }
}

/// Every server entry that is a table.
fn entries(case: &mut Case) -> impl Iterator<Item = &mut Map<String, Value>> {
    entries_mut(case).filter_map(Value::as_object_mut)
}

fn plain_servers(case: &mut Case) {
    // Relative folders start at the plugin's folder, so a `cwd` that is invalid elsewhere may be
    // valid in a plugin.
    let of_plugins = case.plugins.iter_mut().flat_map(|plugin| plugin.mcp_servers.values_mut());
    for entry in of_plugins.filter_map(Value::as_object_mut) {
        let local = entry.get("environment_id").is_none_or(|id| id == "local" || !id.is_string());
        entry.retain(|field, _| field != "cwd" && (local || field != "environment_id"));
        // A plugin's file may have `clientId` for `client_id`, as other hosts write it, and from some profile on
        // anything in place of the table.
        entry.retain(|field, value| field != "oauth" || value.is_object() || value.is_null());
        if let Some(oauth) = entry.get_mut("oauth").and_then(Value::as_object_mut) {
            oauth.remove("clientId");
            // Some releases drop it, as rule `plugin.entry-shape` says, and later ones read it.
            oauth.remove("callbackPort");
            oauth.remove("client_secret");
            if oauth.is_empty() {
                entry.remove("oauth");
            }
        }
    }
    let rules = case.profile.rules();
    for entry in entries(case) {
        // An invalid entry is rejected whatever its other fields are.
        if server::read(&Value::Object(entry.clone()), rules).is_ok() {
            // Later releases refuse it without a client id.
            if let Some(oauth) = entry.get_mut("oauth").and_then(Value::as_object_mut) {
                oauth.remove("client_secret");
            }
            plain_server(entry);
        }
    }
}

fn plain_server(entry: &mut Map<String, Value>) {
    let fits = |value: &Value, unit: f64| {
        let seconds = value.as_f64().unwrap_or(0.0) / unit;
        (SHORTEST_TIMEOUT..LONGEST_TIMEOUT).contains(&seconds)
    };
    entry.retain(|field, value| match field.as_str() {
        "startup_timeout_sec" | "tool_timeout_sec" => fits(value, 1.0),
        "startup_timeout_ms" => fits(value, 1_000.0),
        "cwd" => false,
        "environment_id" => value.as_str() == Some("local"),
        // A remote variable needs a remote machine.
        "env_vars" => !value.to_string().contains("\"remote\""),
        _ => true,
    });
    if let Some(Value::String(variable)) = entry.get_mut("bearer_token_env_var") {
        *variable = plain_variable(variable).into();
    }
    let table = |entry: &Map<String, Value>, field: &str| entry.get(field)?.as_object().cloned();
    if let Some(mut headers) = table(entry, "http_headers") {
        headers.retain(|name, value| is_header_name(name) && value.as_str().is_some_and(is_header));
        entry.insert("http_headers".into(), headers.into());
    }
    if let Some(mut headers) = table(entry, "env_http_headers") {
        headers.retain(|name, _| is_header_name(name));
        for variable in headers.values_mut() {
            *variable = plain_variable(variable.as_str().unwrap_or_default()).into();
        }
        entry.insert("env_http_headers".into(), headers.into());
    }
    if let Some(mut variables) = table(entry, "env") {
        variables.retain(|name, _| is_variable(name));
        entry.insert("env".into(), variables.into());
    }
}

/// One of the variables that a host is given, in place of this one.
fn plain_variable(name: &str) -> &'static str {
    let known = VARIABLES.into_iter().find(|known| *known == name);
    let other = || VARIABLES.get(name.len() % VARIABLES.len()).copied();
    known.or_else(other).unwrap_or_default()
}

/// Moves servers away from ChatGPT's origin: with `auth` `chatgpt` the host would send its
/// credentials there, and not to the address of this run.
fn plain_recipients(case: &mut Case) {
    for entry in entries(case).filter(|entry| entry.contains_key("auth")) {
        if entry.get("url").and_then(Value::as_str).is_some_and(is_chatgpt_origin) {
            entry.insert("url".into(), "https://a.example".into());
        }
    }
}

fn plain_names(case: &mut Case) {
    let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
    for servers in own.into_iter().chain(case.plugins.iter_mut().map(|p| &mut p.mcp_servers)) {
        let named = std::mem::take(servers).into_iter().map(|(name, entry)| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            let is_plain = (1..=64).contains(&name.len()) && name.bytes().all(plain);
            (if is_plain { name } else { "other".into() }, entry)
        });
        *servers = named.collect();
    }
}

/// Headers that MCP does not use.
fn is_header_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("x-") && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether a value arrives unchanged.
fn is_header(value: &str) -> bool {
    !value.is_empty() && value.trim() == value && value.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// Whether a variable is neither the host's nor the system's.
fn is_variable(name: &str) -> bool {
    name.len() == 1 && name.bytes().all(|b| b.is_ascii_uppercase())
}

fn plain_env(case: &mut Case) {
    let named: BTreeSet<String> = entries(case)
        .flat_map(|entry| {
            let headers = entry.get("env_http_headers").and_then(Value::as_object);
            let of_headers = headers.into_iter().flat_map(Map::values);
            entry.get("bearer_token_env_var").into_iter().chain(of_headers)
        })
        .filter_map(|variable| variable.as_str().map(str::to_string))
        .filter(|variable| VARIABLES.contains(&variable.as_str()))
        .collect();
    let Some(host) = host(case) else { return };
    let mut env: BTreeMap<String, Value> = match host.get("env") {
        Some(Value::Object(env)) => env.clone().into_iter().collect(),
        _ => BTreeMap::new(),
    };
    let blank = |value: &str| value.trim().is_empty();
    let connectors = mcp_overlay_model::host::CONNECTORS_TOKEN;
    env.retain(|name, value| match (name.as_str(), value.as_str()) {
        (name, Some(value)) if VARIABLES.contains(&name) => is_header(value),
        (name, Some(value)) => name == connectors && (blank(value) || is_header(value)),
        _ => false,
    });
    for name in named {
        env.entry(name).or_insert_with(|| "tok".into());
    }
    if env.is_empty() {
        host.remove("env");
    } else {
        host.insert("env".into(), Value::Object(env.into_iter().collect()));
    }
}

fn plain_plugins(case: &mut Case) {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let well_formed = |plugin: &Plugin| {
        plugin.id.split_once('@').is_some_and(|(name, market)| word(name) && word(market))
    };
    let rises = case.plugins.is_sorted_by(|a, b| a.id < b.id);
    if !rises || !case.plugins.iter().all(well_formed) {
        // As wide as the last one, because `p10` comes before `p2`.
        let width = case.plugins.len().saturating_sub(1).to_string().len();
        for (position, plugin) in case.plugins.iter_mut().enumerate() {
            let market = if position % 2 == 0 { "market" } else { "shop" };
            plugin.id = format!("p{position:0width$}@{market}");
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp_overlay_model::{Profile, resolve};

    use super::*;
    use crate::cases::generate::{random_case, random_of};
    use crate::cases::labels::{NOT_OUTSIDE, labels};

    const APPS_ORIGINS: [AppsOrigin; 2] = [AppsOrigin::Loopback, AppsOrigin::TrueOrigin];

    /// A case of one of the profiles, each in turn.
    fn drawn(seed: u64, index: u64) -> Case {
        let profile = Profile::ALL[index as usize % Profile::ALL.len()];
        Case { profile, ..random_of(profile)(seed, index) }
    }

    /// The shape of a plugin's entry is read before the server is.
    #[test]
    fn a_server_of_a_plugin_with_an_empty_login_is_narrowed_too() {
        let entry = json!({"command": "srv", "env": {"PATH": "/x"}, "oauth": {"callbackPort": 1}});
        let plugins = json!([{"id": "p@m", "mcp_servers": {"a": entry}}]);
        let case = json!({"profile": "codex-pr-31803", "plugins": plugins});
        let near = AppsOrigin::Loopback.nearest(serde_json::from_value(case).unwrap());
        assert_eq!(near.plugins[0].mcp_servers["a"], json!({"command": "srv", "env": {}}));
    }

    #[test]
    fn narrowing_is_idempotent() {
        for (index, apps_origin) in
            (0..5_000).flat_map(|i| APPS_ORIGINS.map(|apps_origin| (i, apps_origin)))
        {
            let near = apps_origin.nearest(drawn(1, index));
            assert_eq!(apps_origin.is_out(&near), None, "{near:?}");
        }
    }

    /// Otherwise a report would leave out a situation that was met.
    #[test]
    fn a_narrowed_case_is_in_no_situation_that_is_left_out() {
        for index in 0..1_000 {
            let case = drawn(1, index);
            let nearest = APPS_ORIGINS.map(|apps_origin| apps_origin.nearest(case.clone()));
            for near in nearest {
                let set = labels(&near, &resolve(&near));
                let met = NOT_OUTSIDE.iter().find(|label| set.has(**label));
                assert_eq!(met, None, "{near:?}");
            }
        }
    }

    #[test]
    fn the_base_url_of_a_narrowed_case_is_on_loopback() {
        for index in 0..5_000 {
            let near = AppsOrigin::Loopback.nearest(random_case(2, index));
            let Some(base) = near.host.get("chatgpt_base_url").and_then(Value::as_str) else {
                continue;
            };
            assert!(base.is_empty() || base.contains("127.0.0.1"), "{base}");
        }
    }

    #[test]
    fn a_case_that_needs_narrowing_has_a_reason() {
        let scripted = json!({"contributors": [{"id": "x", "contributions": []}]});
        let case: Case = serde_json::from_value(scripted).unwrap();
        assert!(AppsOrigin::Loopback.is_out(&case).unwrap().contains("no other contributor"));
    }
}
