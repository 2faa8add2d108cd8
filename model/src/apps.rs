//! The Apps server: what it is, what puts it into a view, and the gate in front of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::case::{Auth, CODEX_APPS};
use crate::decision::{By, Decided, Overlay, View};
use crate::endpoint::{apps_url, override_path};
use crate::host::{CONNECTORS_TOKEN, Host};
use crate::origin::is_chatgpt_origin;
use crate::rule::Rule;
use crate::selected::is_selected;
use crate::server::{self, Server};

/// The Apps server that the hosted-apps contributor sets.
pub fn hosted_server(host: &Host) -> Server {
    if host.rules.has(Rule::HostedAtPsMcp) {
        // Rule `hosted.at-ps-mcp`: The hosted-apps contributor MUST set the Apps server at the path
        // `ps/mcp`, whatever the base.
        apps_server_at(host, Some("ps/mcp"))
    } else {
        legacy_server(host)
    }
}

/// The Apps server that the legacy Apps loader puts in.
pub fn legacy_server(host: &Host) -> Server {
    apps_server_at(host, host.path_override.as_deref().map(override_path))
}

/// Rule `apps-server.shape`: The Apps server that a host builds MUST be streamable HTTP in
/// environment `local`, not required, with a startup timeout of 30 s, and MUST have no other field
/// than those that other rules give it.
fn apps_server_at(host: &Host, path: Option<&str>) -> Server {
    let url = apps_url(&host.base_url, path, host.rules);
    let mut server = Map::new();
    server.insert("url".into(), Value::from(url));
    server.insert("startup_timeout_sec".into(), Value::from(30.0));
    let sku = product_sku(host).map(|sku| ("X-OpenAI-Product-Sku".to_string(), sku.into()));
    let headers: Map<_, Value> = sku.into_iter().chain(originator(host)).collect();
    if !headers.is_empty() {
        server.insert("http_headers".into(), Value::Object(headers));
    }
    if host.connectors_token {
        server.insert("bearer_token_env_var".into(), Value::from(CONNECTORS_TOKEN));
    }
    if host.rules.has(Rule::AppsServerAuth) {
        // Rule `apps-server.auth`: The Apps server MUST have `auth` `chatgpt`, in `runtime`
        // whatever its URL.
        server.insert("auth".into(), "chatgpt".into());
    }
    Arc::new(Value::Object(server))
}

/// Rule `apps-server.sku-header`: With a product SKU the Apps server MUST carry the header
/// `X-OpenAI-Product-Sku: <sku>`.
fn product_sku(host: &Host) -> Option<&str> {
    match &host.product_sku {
        Some(sku) => Some(sku),
        // Rule `apps-server.sku-default`: The Apps server MUST carry the header
        // `X-OpenAI-Product-Sku: codex` when no product SKU is configured.
        None if host.rules.has(Rule::AppsServerSkuDefault) => Some("codex"),
        // Rule `apps-server.no-sku-no-header`: Without a product SKU the Apps server MUST carry no
        // headers.
        None => None,
    }
}

/// Rule `apps-server.originator`: In a thread the Apps server MUST carry the header `originator:
/// <the thread's originator>` beside the product SKU, and otherwise none of that name.
fn originator(host: &Host) -> Option<(String, Value)> {
    let originator = host.originator.as_deref();
    let originator = originator.filter(|_| host.rules.has(Rule::AppsServerOriginator))?;
    Some(("originator".into(), originator.into()))
}

/// Rule `hosted.always-speaks`: The hosted-apps contributor MUST yield exactly one contribution,
/// for `codex_apps`, whatever the auth.
pub fn hosted_contribution(host: &Host, by: By) -> Overlay {
    let (server, rule) = if host.apps {
        // Rule `hosted.enabled-sets`: With the Apps feature on the hosted-apps contributor MUST
        // yield `Set` with the [Apps server](#the-apps-server).
        (Some(hosted_server(host)), Rule::HostedEnabledSets)
    } else {
        // Rule `hosted.disabled-removes`: With the Apps feature off the hosted-apps contributor
        // MUST yield `Remove`.
        (None, Rule::HostedDisabledRemoves)
    };
    Overlay { name: CODEX_APPS.to_string(), server, rule, by }
}

/// Rule `gate.open`: The gate MUST be open exactly when the Apps feature is on and auth is backend
/// auth.
pub fn gate_is_open(host: &Host, auth: Option<Auth>) -> bool {
    host.apps && auth.is_some_and(Auth::is_backend)
}

/// Rule `legacy.only-when-silent`: The legacy Apps loader MUST be active exactly when no
/// contribution, `Set` or `Remove`, names `codex_apps`.
pub fn legacy_loader_is_active(host: &Host, overlays: &[Overlay]) -> bool {
    host.rules.has(Rule::LegacyOnlyWhenSilent) && overlays.iter().all(|o| o.name != CODEX_APPS)
}

/// Rule `legacy.first-in-runtime`: The legacy Apps loader MUST put the Apps server into `runtime`
/// before the contributions when the Apps feature is on, replacing a configured one, and MUST
/// remove `codex_apps` there when it is off, whatever the auth; it MUST NOT touch `effective`.
///
/// Rule `selected.reserved-name`: The legacy Apps loader MUST replace a selected plugin's
/// `codex_apps` when the Apps feature is on and remove it when it is off.
pub fn load_first(host: &Host, runtime: &mut View) {
    let earlier = runtime.get(CODEX_APPS);
    let loads = host.apps || earlier.is_some();
    if host.rules.has(Rule::LegacyFirstInRuntime) && loads {
        let of_selected = earlier.is_some_and(|earlier| is_selected(earlier.reason.by));
        let rule =
            if of_selected { Rule::SelectedReservedName } else { Rule::LegacyFirstInRuntime };
        let server = host.apps.then(|| legacy_server(host));
        let decided = Decided::new(server, rule, By::Legacy);
        runtime.insert(CODEX_APPS.to_string(), decided);
    }
}

/// Rule `effective.others-pass`: For every other name `effective` MUST equal `runtime`; a disabled
/// server stays in all views with `enabled = false`.
///
/// Rule `effective.others-pass-but-auth`: For every other name `effective` MUST equal `runtime` but
/// for the field `auth`; a disabled server stays in all views with `enabled = false`.
pub fn effective(host: &Host, overlays: &[Overlay], auth: Option<Auth>, runtime: &View) -> View {
    let rule = if host.rules.has(Rule::EffectiveOthersPassButAuth) {
        Rule::EffectiveOthersPassButAuth
    } else {
        Rule::EffectiveOthersPass
    };
    let mut effective = View::new();
    for (name, decided) in runtime.iter().filter(|(name, _)| *name != CODEX_APPS) {
        effective.insert(name.clone(), decided.passed_on(rule));
    }
    if let Some(decided) = effective_apps(host, overlays, auth, runtime.get(CODEX_APPS)) {
        effective.insert(CODEX_APPS.to_string(), decided);
    }
    if host.rules.has(Rule::EffectiveAuthAtChatgptOnly) {
        effective.values_mut().for_each(keep_auth_at_chatgpt);
    }
    effective
}

fn effective_apps(
    host: &Host,
    overlays: &[Overlay],
    auth: Option<Auth>,
    in_runtime: Option<&Decided>,
) -> Option<Decided> {
    if !gate_is_open(host, auth) {
        // Rule `gate.closed-removes`: With the gate closed, `codex_apps` MUST be absent from
        // `effective`, whichever source defined it.
        Some(Decided::new(None, Rule::GateClosedRemoves, By::Gate))
    } else if legacy_loader_is_active(host, overlays) {
        // Rule `legacy.synthesizes-in-effective`: An active legacy loader MUST put the Apps server
        // into `effective` when the gate is open, replacing a configured one; it MUST NOT touch
        // `runtime`.
        let server = Some(legacy_server(host));
        Some(Decided::new(server, Rule::LegacySynthesizesInEffective, By::Legacy))
    } else {
        Some(in_runtime?.passed_on(passing_rule(host)))
    }
}

fn passing_rule(host: &Host) -> Rule {
    // Rule `gate.never-synthesizes`: With the gate open and the legacy loader inactive, `effective`
    // MUST hold `codex_apps` exactly as `runtime` does, absent included.
    //
    // Rule `gate.passes-runtime`: With the gate open, `effective` MUST hold `codex_apps` exactly as
    // `runtime` does, absent included.
    //
    // Rule `gate.passes-but-auth`: With the gate open, `effective` MUST hold `codex_apps` as
    // `runtime` does, absent included, but for its field `auth`.
    let rules = [Rule::GatePassesButAuth, Rule::GatePassesRuntime];
    rules.into_iter().find(|rule| host.rules.has(*rule)).unwrap_or(Rule::GateNeverSynthesizes)
}

/// Rule `effective.auth-at-chatgpt-only`: In `effective` a server's `auth` `chatgpt` MUST become
/// `oauth` unless its URL, read as the WHATWG URL standard reads it, has the scheme `https`, the
/// host `chatgpt.com` and the default port, 443.
fn keep_auth_at_chatgpt(decided: &mut Decided) {
    let Some(server) = &mut decided.server else { return };
    let url = server.get("url").and_then(Value::as_str).unwrap_or_default();
    if server.get("auth").is_some() && !is_chatgpt_origin(url) {
        *server = server::without_field(server, "auth");
        decided.reason.rule = Rule::EffectiveAuthAtChatgptOnly;
    }
}
