//! Dispatches requests to methods.

use std::sync::Arc;

use serde_json::Value;

use super::server::AppServer;
use super::wire::{RpcError, params as typed};
use super::work::Work;
use super::{
    account, apps, initialize, oauth_login, reload, resources, status, thread_start, tools,
};

/// Accepts a request. Effects that later requests must see have happened when this returns; slow
/// work is left in the result.
pub(crate) async fn admit(server: &Arc<AppServer>, method: &str, params: Value) -> Work {
    if method == "initialize" {
        return Work::done(typed(params).and_then(|params| initialize::initialize(server, params)));
    }
    if let Err(error) = server.ready() {
        return Work::done(Err(error));
    }
    let work = match method {
        "thread/start" => match typed(params) {
            Ok(params) => thread_start::start(server, params).await,
            Err(error) => Err(error),
        },
        "thread/unsubscribe" => {
            typed(params).map(|params| thread_start::unsubscribe(server, params))
        }
        "config/mcpServer/reload" => reload::reload(server, params).await.map(Work::now),
        "account/login/start" => typed(params).and_then(|params| account::login(server, &params)),
        "account/logout" => account::logout(server),
        "mcpServerStatus/list" => typed(params).and_then(|params| status::list(server, params)),
        "mcpServer/resource/read" => {
            typed(params).and_then(|params| resources::read(server, params)).map(Work::large)
        }
        "mcpServer/tool/call" => {
            typed(params).and_then(|params| tools::call(server, params)).map(Work::large)
        }
        "mcpServer/oauth/login" => typed(params).map(|params| oauth_login::login(server, params)),
        "app/list" => typed(params).and_then(|params| apps::list(server, params)),
        other => Err(RpcError::unknown_method(other)),
    };
    work.unwrap_or_else(|error| Work::done(Err(error)))
}
