//! `account/login/start` and `account/logout`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::server::AppServer;
use super::wire::{INVALID_PARAMS, Reply, RpcError};
use super::work::Work;
use crate::auth::{SignInError, SuppliedTokens};

/// The plans of the protocol; another one is shown as `unknown`.
const PLANS: [&str; 19] = [
    "free",
    "go",
    "plus",
    "pro",
    "prolite",
    "promax",
    "team",
    "self_serve_business_prolite",
    "self_serve_business_usage_based",
    "business",
    "ent26",
    "enterprise_cbp_automation",
    "enterprise_cbp_usage_based",
    "enterprise",
    "edu",
    "edu_plus",
    "edu_pro",
    "sci",
    "sci_plus",
];

/// The params of `account/login/start`. The fields are values, because an error of serde would quote
/// what it does not expect, and that may be a secret.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(crate) struct Login {
    r#type: Value,
    api_key: Value,
    access_token: Value,
    chatgpt_account_id: Value,
    chatgpt_plan_type: Value,
}

/// Signs in. The next request of every thread is for the new account.
pub(crate) fn login(server: &Arc<AppServer>, login: &Login) -> Result<Work, RpcError> {
    let host = server.host()?;
    let kind = text(&login.r#type, "type")?;
    let (mode, plan) = match kind {
        "apiKey" => {
            let key = text(&login.api_key, "apiKey")?;
            host.auth().sign_in_with_key(key).map_err(refused)?;
            ("apikey", None)
        }
        "chatgptAuthTokens" => {
            let tokens = SuppliedTokens {
                access_token: text(&login.access_token, "accessToken")?.to_owned(),
                account_id: text(&login.chatgpt_account_id, "chatgptAccountId")?.to_owned(),
            };
            let plan = match &login.chatgpt_plan_type {
                Value::Null => None,
                plan => Some(text(plan, "chatgptPlanType")?.to_owned()),
            };
            host.auth().sign_in_with_tokens(&tokens).map_err(refused)?;
            let plan = plan.or_else(|| host.auth().now().plan.clone()).unwrap_or_default();
            let known = PLANS.into_iter().find(|known| *known == plan);
            ("chatgptAuthTokens", Some(known.unwrap_or("unknown")))
        }
        "chatgpt" | "chatgptDeviceCode" | "amazonBedrock" | "amazonBedrockAccessKeys" => {
            return Err(RpcError::invalid_request(
                "this host signs in with an apiKey or with chatgptAuthTokens only; for the others \
                 use `codex login`",
            ));
        }
        _ => return Err(invalid("type", "is unknown, expected apiKey or chatgptAuthTokens")),
    };
    update_threads(server)?;
    let reply = json!({ "type": kind });
    let client = server.client.clone();
    Ok(Work::now(Reply::Now(reply)).then(async move {
        let completed = json!({ "loginId": null, "success": true, "error": null });
        client.notify("account/login/completed", &completed).await;
        client.notify("account/updated", &json!({ "authMode": mode, "planType": plan })).await;
    }))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, RpcError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Err(invalid(name, "is missing")),
        _ => Err(invalid(name, "is not a string")),
    }
}

fn invalid(name: &str, problem: &str) -> RpcError {
    RpcError { code: INVALID_PARAMS, message: format!("invalid params: `{name}` {problem}") }
}

fn refused(error: SignInError) -> RpcError {
    match error {
        SignInError::BlankKey | SignInError::TokensCount => {
            RpcError::invalid_request(error.to_string())
        }
        SignInError::InvalidTokens(_) | SignInError::Unwritable { .. } => RpcError::failed(error),
    }
}

/// Signs out. The gate is closed when this returns.
pub(crate) fn logout(server: &Arc<AppServer>) -> Result<Work, RpcError> {
    server.host()?.auth().logout().map_err(RpcError::failed)?;
    update_threads(server)?;
    let client = server.client.clone();
    Ok(Work::now(Reply::empty()).then(async move {
        client.notify("account/updated", &json!({ "authMode": null, "planType": null })).await;
    }))
}

/// Closes connections with the former credentials, and starts servers for the new ones, now and not
/// at the next call.
fn update_threads(server: &Arc<AppServer>) -> Result<(), RpcError> {
    let host = server.host()?;
    for thread in server.threads.all() {
        drop(thread.servers(host));
    }
    Ok(())
}
