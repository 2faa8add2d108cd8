//! The Apps server: what it is, who puts it there, and the gate in front of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::case::{Auth, Profile};
use crate::endpoint::apps_url;
use crate::host::Host;
use crate::overlay::Overlay;
use crate::resolution::{By, Decided, Reason, View};
use crate::server::Server;
use crate::{CODEX_APPS, RuleId};

/// The environment variable whose token replaces the host's credentials.
pub const CONNECTORS_TOKEN: &str = "CODEX_CONNECTORS_TOKEN";

/// Rule `apps-server.shape`: It MUST be streamable HTTP in environment `local`, enabled, not
/// required, startup timeout 30 s, all else default.
pub fn apps_server(host: &Host) -> Server {
    apps_server_at(host, host.path_override.as_deref())
}

/// Rule `hosted.at-ps-mcp`: The hosted-apps contributor MUST set the Apps server at the path
/// `ps/mcp`, whatever the base.
pub fn hosted_server(host: &Host) -> Server {
    match host.profile >= Profile::CodexPr27198 {
        true => apps_server_at(host, Some("ps/mcp")),
        false => apps_server(host),
    }
}

fn apps_server_at(host: &Host, path: Option<&str>) -> Server {
    let url = apps_url(&host.base_url, path);
    let mut server = Map::new();
    server.insert("url".into(), Value::from(url));
    server.insert("startup_timeout_sec".into(), Value::from(30.0));
    if let Some(sku) = &host.product_sku {
        // Rule `apps-server.sku-header`: With a product SKU it MUST carry the header
        // `X-OpenAI-Product-Sku: <sku>`, without one no headers.
        let headers = Map::from_iter([("X-OpenAI-Product-Sku".to_string(), sku.as_str().into())]);
        server.insert("http_headers".into(), Value::Object(headers));
    }
    if host.connectors_token {
        server.insert("bearer_token_env_var".into(), Value::from(CONNECTORS_TOKEN));
    }
    Arc::new(Value::Object(server))
}

/// Rule `hosted.always-speaks`: The hosted-apps contributor MUST yield exactly one contribution,
/// for `codex_apps`, whatever the auth.
pub fn hosted_contribution(host: &Host, by: By) -> Overlay {
    let (server, rule) = if host.apps {
        // Rule `hosted.enabled-sets`: With the Apps feature on it MUST yield `Set` with the Apps
        // server below.
        (Some(hosted_server(host)), "hosted.enabled-sets")
    } else {
        // Rule `hosted.disabled-removes`: With the Apps feature off it MUST yield `Remove`.
        (None, "hosted.disabled-removes")
    };
    Overlay { name: CODEX_APPS.to_string(), server, rule, by }
}

/// Rule `gate.open`: The gate MUST be open exactly when the Apps feature is on and auth is backend
/// auth.
pub fn gate_is_open(host: &Host, auth: Option<Auth>) -> bool {
    host.apps && auth.is_some_and(is_backend_auth)
}

fn is_backend_auth(auth: Auth) -> bool {
    match auth {
        Auth::ApiKey => false,
        Auth::ChatGpt
        | Auth::ChatGptAuthTokens
        | Auth::AgentIdentity
        | Auth::PersonalAccessToken => true,
    }
}

/// Rule `legacy.only-when-silent`: The legacy Apps loader MUST be active exactly when no
/// contribution, `Set` or `Remove`, names `codex_apps`.
pub fn legacy_loader_is_active(host: &Host, overlays: &[Overlay]) -> bool {
    host.profile < Profile::CodexPr27198 && overlays.iter().all(|o| o.name != CODEX_APPS)
}

/// Rule `legacy.first-in-runtime`: The legacy Apps loader MUST put the Apps server into `runtime`
/// before the contributions when the Apps feature is on, replacing a configured one, and MUST
/// remove `codex_apps` there when it is off, whatever the auth; it MUST NOT touch `effective`.
pub fn load_first(host: &Host, runtime: &mut View) {
    if host.profile < Profile::CodexPr27198 || !(host.apps || runtime.contains_key(CODEX_APPS)) {
        return;
    }
    let server = host.apps.then(|| apps_server(host));
    let reason = Reason { rule: "legacy.first-in-runtime", by: By::Legacy };
    runtime.insert(CODEX_APPS.to_string(), Decided { server, reason });
}

/// Rule `effective.others-pass`: For every other name `effective` MUST equal `runtime`; a disabled
/// server stays in all views with `enabled = false`.
pub fn effective(host: &Host, overlays: &[Overlay], auth: Option<Auth>, runtime: &View) -> View {
    let mut effective = View::new();
    for (name, decided) in runtime {
        if name != CODEX_APPS {
            effective.insert(name.clone(), decided.passed_on("effective.others-pass"));
        }
    }
    if let Some(decided) = effective_apps(host, overlays, auth, runtime.get(CODEX_APPS)) {
        effective.insert(CODEX_APPS.to_string(), decided);
    }
    effective
}

fn effective_apps(
    host: &Host,
    overlays: &[Overlay],
    auth: Option<Auth>,
    in_runtime: Option<&Decided>,
) -> Option<Decided> {
    let because = |rule: RuleId, by: By| Reason { rule, by };
    if !gate_is_open(host, auth) {
        // Rule `gate.closed-removes`: With the gate closed, `codex_apps` MUST be absent from
        // `effective`, whoever defined it.
        Some(Decided { server: None, reason: because("gate.closed-removes", By::Gate) })
    } else if legacy_loader_is_active(host, overlays) {
        // Rule `legacy.synthesizes-in-effective`: An active legacy loader MUST put the Apps server
        // into `effective` when the gate is open, replacing a configured one; it MUST NOT touch
        // `runtime`.
        let reason = because("legacy.synthesizes-in-effective", By::Legacy);
        Some(Decided { server: Some(apps_server(host)), reason })
    } else {
        // Rule `gate.never-synthesizes`: With the gate open and the legacy loader inactive,
        // `effective` MUST hold `codex_apps` exactly as `runtime` does, absent included.
        in_runtime.map(|decided| decided.passed_on("gate.never-synthesizes"))
    }
}
