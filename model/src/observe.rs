//! What can be seen of a running host from outside: by the client that asks it for the state of its
//! servers, and by the servers that it connects to.
//!
//! An observation is `effective` as far as it shows: for each server what it was started with, whose
//! credentials it was sent, and what the host says about it. A client cannot see the other two views.
//!
//! Two rules are not about what a case is observed as. Rule `delivery.any-way`: A host config MUST
//! mean the same whether its keys stand in `config.toml`, in `-c key=value` arguments, or some here
//! and some there. So a case does not say by which route a host is given its config. Rule
//! `credentials.never-shown`: A secret, of the sign-in, of a login at a server or of a variable that
//! a server names, MUST NOT appear in anything that the host writes to its standard output or
//! standard error. So an observation names whose a bearer is, and never the bearer.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::case::{Auth, CODEX_APPS, Case};
use crate::decision::{By, Decided, Reason, Rejection, View};
use crate::endpoint::is_valid_base;
use crate::observation::{Account, AuthStatus, Bearer, Expected, Observation, Observed};
use crate::outcome::{Outcome, Resolution};
use crate::rule::Rule;

/// What a black box shows of an outcome; of a rejection only that there is one.
pub fn observed(case: &Case, outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Observed(observed) => Outcome::Observed(observed.clone()),
        Outcome::Rejected(rejections) => {
            let first = rejections.first().map(|rejection| Rejection {
                path: "host".into(),
                rule: rejection.rule,
                reason: format!("{}: {}", rejection.path, rejection.reason),
            });
            Outcome::Rejected(first.into_iter().collect())
        }
        Outcome::Resolved(resolution) => {
            let expected = |(name, decided): (&String, &Decided)| {
                let server = decided.server.as_deref();
                let mut observation = server.map(|server| observe(case, resolution, name, server));
                let reason = origin(resolution, name, decided.reason);
                // Only the Apps server that a host makes by itself starts with the base, which only
                // rule `endpoint.base-valid` makes an http(s) URL.
                let is_made = !matches!(reason.by, By::Config | By::Plugin(_));
                if is_made && !is_valid_base(&resolution.host.base_url) {
                    observation = observation.map(without_unreachable);
                }
                (name.clone(), Expected { observation, reason })
            };
            Outcome::Observed(Observed(resolution.effective.iter().map(expected).collect()))
        }
    }
}

/// Where the server came from: that one view passed it on to the next explains less.
fn origin(resolution: &Resolution, name: &str, reason: Reason) -> Reason {
    let in_view = |view: &View| view.get(name).map(|decided| decided.reason);
    let mut reason = reason;
    for (passing_rules, view) in [
        (
            &[
                Rule::EffectiveOthersPass,
                Rule::EffectiveOthersPassButAuth,
                Rule::EffectiveAuthAtChatgptOnly,
                Rule::GateNeverSynthesizes,
                Rule::GatePassesRuntime,
                Rule::GatePassesButAuth,
            ] as &[Rule],
            &resolution.runtime,
        ),
        (&[Rule::OverlayUntouchedStays, Rule::OverlayOthersUntouchedStay], &resolution.configured),
    ] {
        if passing_rules.contains(&reason.rule) {
            reason = in_view(view).unwrap_or(reason);
        }
    }
    reason
}

/// A server whose URL is not an http(s) URL cannot be sent a request: only its auth status shows.
fn without_unreachable(seen: Observation) -> Observation {
    let is_http = |url: &String| {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    };
    if seen.url.as_ref().is_none_or(is_http) {
        return seen;
    }
    Observation { enabled: false, ..Observation::new(seen.auth_status) }
}

/// Rule `start.exactly-enabled`: A host that is asked for the state of its servers MUST start
/// exactly the enabled servers of `effective`, and MUST list the disabled ones without starting
/// them.
fn observe(case: &Case, resolution: &Resolution, name: &str, server: &Value) -> Observation {
    let mut seen = Observation::new(AuthStatus::Unsupported);
    let text = |field: &str| server.get(field).and_then(Value::as_str).map(str::to_string);
    if server.get("enabled") == Some(&Value::Bool(false)) {
        seen.enabled = false;
    } else if let Some(url) = text("url") {
        seen.url = Some(url);
        seen.http_headers = headers(case, server);
        observe_credentials(case, resolution, name, server, &mut seen);
    } else {
        seen.command = text("command");
        let args = server.get("args").and_then(Value::as_array).into_iter().flatten();
        seen.args = args.filter_map(|arg| arg.as_str().map(str::to_string)).collect();
        seen.env = text_table(server, "env").collect();
    }
    seen
}

/// Rule `status.auth`: The auth status of a server MUST be `unsupported` if it is disabled or
/// speaks stdio; otherwise `bearerToken` if the host's own bearer or an environment variable's is
/// configured for it; otherwise `unsupported` if it offers no OAuth.
fn observe_credentials(
    case: &Case,
    resolution: &Resolution,
    name: &str,
    server: &Value,
    seen: &mut Observation,
) {
    let sends_configured = seen.http_headers.contains_key("authorization");
    if let Some(variable) = server.get("bearer_token_env_var").and_then(Value::as_str) {
        seen.auth_status = AuthStatus::BearerToken;
        // Rule `credentials.environment-instead`: A server with `bearer_token_env_var` and no
        // `Authorization` among its headers MUST be sent that variable's value as its bearer, in
        // place of the host's credentials.
        seen.authorization = (!sends_configured).then(|| Bearer::Variable(variable.into()));
    } else if case.auth.is_some_and(Auth::is_backend) && is_for(resolution, name, server) {
        seen.auth_status = AuthStatus::BearerToken;
        let by_field = resolution.host.rules.has(Rule::CredentialsWhereAuthSays);
        if !(by_field && sends_configured) {
            seen.authorization = Some(Bearer::Host);
            seen.account_id = Some(Account::Host);
        }
    }
}

/// Whether the host's own credentials are for this server.
///
/// Rule `credentials.apps-only`: With backend auth the host's own credentials, its bearer and
/// account id, MUST be sent to the enabled HTTP server named `codex_apps` in `effective`, unless it
/// has a `bearer_token_env_var`: to no other server, no redirect and no discovery request.
///
/// Rule `credentials.where-auth-says`: With backend auth the host's own credentials MUST be sent to
/// exactly the enabled HTTP servers that have `auth` `chatgpt` in `effective`, no
/// `bearer_token_env_var` and no `Authorization` among their headers: to no other server, no
/// redirect and no discovery request.
fn is_for(resolution: &Resolution, name: &str, server: &Value) -> bool {
    if resolution.host.rules.has(Rule::CredentialsWhereAuthSays) {
        server.get("auth").and_then(Value::as_str) == Some("chatgpt")
    } else {
        name == CODEX_APPS
    }
}

/// The configured headers, names in lower case, those from the environment among them.
fn headers(case: &Case, server: &Value) -> BTreeMap<String, String> {
    let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
    let variable = |(name, variable): (String, String)| {
        let value = case.host.get("env")?.get(variable)?.as_str()?;
        Some((name, value.to_string()))
    };
    let of_environment = text_table(server, "env_http_headers").filter_map(variable);
    text_table(server, "http_headers").chain(of_environment).map(lower).collect()
}

fn text_table(server: &Value, field: &str) -> impl Iterator<Item = (String, String)> {
    let table = server.get(field).and_then(Value::as_object).into_iter().flatten();
    table.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_string())))
}
