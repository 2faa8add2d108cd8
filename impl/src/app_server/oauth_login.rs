//! `mcpServer/oauth/login`: the response holds the URL for the user's browser; a notification
//! reports the result.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::server::AppServer;
use super::wire::{Reply, RpcError, echo};
use super::work::Work;
use crate::oauth::LoginRequest;

/// The params of `mcpServer/oauth/login`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    name: String,
    scopes: Option<Vec<String>>,
    timeout_secs: Option<i64>,
}

pub(crate) fn login(server: &Arc<AppServer>, params: Params) -> Work {
    Work::later(start(Arc::clone(server), params))
}

async fn start(server: Arc<AppServer>, params: Params) -> Result<Reply, RpcError> {
    let Params { name, scopes, timeout_secs } = params;
    let timeout = match timeout_secs {
        None => None,
        Some(seconds) => match u64::try_from(seconds).ok().filter(|seconds| *seconds > 0) {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => {
                let message = "invalid timeoutSecs: expected a number of seconds above 0";
                return Err(RpcError::invalid_request(message));
            }
        },
    };
    let resolved = server.host()?.resolve().await.map_err(RpcError::failed)?;
    let unknown =
        || RpcError::invalid_request(format!("No MCP server named '{}' found.", echo(&name)));
    let config = resolved.view().get(&name).ok_or_else(unknown)?;
    let ready = server.ready()?;
    let request = LoginRequest { scopes, timeout, ..LoginRequest::default() };
    let pending = ready.oauth.start_login(&name, config, &ready.environment, request).await;
    let pending = pending.map_err(|error| match error.is_refusal() {
        true => RpcError::invalid_request(error.to_string()),
        false => RpcError::failed(error),
    })?;
    let response = json!({ "authorizationUrl": pending.authorization_url() });
    server.tasks.clone().spawn(async move {
        let ended = server.closing.run_until_cancelled(pending.finish()).await;
        let Some(outcome) = ended else { return };
        if outcome.is_ok() {
            server.logins.fetch_add(1, Ordering::SeqCst);
            // Restarts the server in threads where it failed without the login.
            if let Ok(host) = server.host() {
                server.threads.all().iter().for_each(|thread| thread.retry(host, &name));
            }
        }
        let params = json!({
            "name": name,
            "success": outcome.is_ok(),
            "error": outcome.err().map(|error| error.to_string()),
        });
        server.client.notify("mcpServer/oauthLogin/completed", &params).await;
    });
    Ok(Reply::Now(response))
}
