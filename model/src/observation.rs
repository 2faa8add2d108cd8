//! What can be seen of a running host from outside: by the client that asks it for the state of
//! its servers, and by the servers that it connects to.
//!
//! An observation is `effective` as far as it shows: for each server what it was started with, who
//! it was taken for, and what the host says of it. A client cannot see the other two views.
//!
//! Two rules are not about what a case is observed as. Rule `delivery.any-way`: A host config MUST
//! mean the same whether its keys stand in `config.toml`, in `-c key=value` arguments, or some here
//! and some there. So a case does not say how it is told. Rule `credentials.never-shown`: A secret,
//! of the sign-in or of a variable that a server names, MUST NOT appear in anything that the host
//! writes to its standard output or standard error. So an observation names whose a bearer is, and
//! never the bearer.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::case::{Case, Profile};
use crate::endpoint::is_chatgpt;
use crate::resolution::{Decided, Outcome, Reason, Rejection, Resolution, View};
use crate::{CODEX_APPS, answer};

/// What a black box shows of an outcome: `effective` observed, the other views empty; of a
/// rejection only that there is one.
pub fn observed(case: &Case, outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Rejected(rejections) => {
            let first = rejections.first().map(|rejection| Rejection {
                path: "host".into(),
                rule: rejection.rule,
                reason: format!("{}: {}", rejection.path, rejection.reason),
            });
            Outcome::Rejected(first.into_iter().collect())
        }
        Outcome::Resolved(resolution) => {
            let seen = |(name, decided): (&String, &Decided)| {
                let server = decided.server.as_deref();
                let observation = server.map(|server| observe(case, name, server).into());
                let reason = origin(resolution, name, decided.reason);
                (name.clone(), Decided { server: observation, reason })
            };
            Outcome::Resolved(Box::new(Resolution {
                configured: BTreeMap::new(),
                runtime: BTreeMap::new(),
                effective: resolution.effective.iter().map(seen).collect(),
                plugin_owners: answer::PluginOwners::new(),
                host: resolution.host.clone(),
                overlays: resolution.overlays.clone(),
            }))
        }
    }
}

/// Where the server came from: that it was passed on from view to view says less.
fn origin(resolution: &Resolution, name: &str, reason: Reason) -> Reason {
    let in_view = |view: &View| view.get(name).map(|decided| decided.reason);
    let mut reason = reason;
    for (passed_on, view) in [
        ("effective.others-pass", &resolution.runtime),
        ("gate.never-synthesizes", &resolution.runtime),
        ("overlay.untouched-stays", &resolution.configured),
    ] {
        if reason.rule == passed_on {
            reason = in_view(view).unwrap_or(reason);
        }
    }
    reason
}

/// Rule `start.exactly-enabled`: A host that is asked for the state of its servers MUST start
/// exactly the enabled servers of `effective`, and MUST list the disabled ones without starting
/// them.
fn observe(case: &Case, name: &str, server: &Value) -> Value {
    let mut seen = Map::new();
    if server.get("enabled") == Some(&Value::Bool(false)) {
        seen.insert("enabled".into(), Value::Bool(false));
    } else if server.get("url").is_some() {
        observe_requests(case, name, server, &mut seen);
    } else {
        for field in ["command", "args", "env"] {
            let told = server.get(field).filter(|value| **value != Value::Object(Map::new()));
            seen.extend(told.map(|value| (field.to_string(), value.clone())));
        }
    }
    seen.insert("auth_status".into(), auth_status(&seen).into());
    Value::Object(seen)
}

/// Rule `status.auth`: The auth status of a server MUST be `bearerToken` if the host sends it a
/// bearer, and `unsupported` if it is disabled, speaks stdio, or offers no OAuth.
fn auth_status(seen: &Map<String, Value>) -> &'static str {
    if seen.contains_key("authorization") { "bearerToken" } else { "unsupported" }
}

/// Where the requests of a started HTTP server go, and what they carry.
fn observe_requests(case: &Case, name: &str, server: &Value, seen: &mut Map<String, Value>) {
    let url = server.get("url").cloned().unwrap_or_default();
    let variable = server.get("bearer_token_env_var").and_then(Value::as_str);
    if let Some(variable) = variable {
        // Rule `credentials.environment-instead`: A server with `bearer_token_env_var` MUST be sent
        // that variable's value as its bearer, the Apps server in place of the host's credentials.
        seen.insert("authorization".into(), variable.into());
    } else if name == CODEX_APPS && may_have_host_credentials(case.profile, &url) {
        seen.insert("authorization".into(), "host".into());
        seen.insert("account_id".into(), Value::Bool(true));
    }
    let headers = headers(case, server);
    if !headers.is_empty() {
        seen.insert("http_headers".into(), Value::Object(headers));
    }
    seen.insert("url".into(), url);
}

/// Rule `credentials.apps-only`: The host's own credentials, its bearer and account id, MUST be
/// sent to the Apps server alone: to no other server, no redirect and no discovery request.
///
/// Rule `credentials.chatgpt-origins`: The host's own credentials MUST be sent to the Apps server
/// only where its URL has the scheme `https` and one of ChatGPT's hosts.
fn may_have_host_credentials(profile: Profile, url: &Value) -> bool {
    profile < Profile::CodexPr29924 || url.as_str().is_some_and(is_chatgpt)
}

/// The configured headers, names in lower case, those from the environment among them.
fn headers(case: &Case, server: &Value) -> Map<String, Value> {
    let table = |field: &str| server.get(field).and_then(Value::as_object).into_iter().flatten();
    let lower = |name: &str| name.to_ascii_lowercase();
    let mut headers: Map<String, Value> =
        table("http_headers").map(|(name, value)| (lower(name), value.clone())).collect();
    let variable = |name: &Value| case.host.get("env")?.get(name.as_str()?).cloned();
    let of_environment =
        table("env_http_headers").filter_map(|(name, value)| Some((lower(name), variable(value)?)));
    headers.extend(of_environment);
    headers
}
