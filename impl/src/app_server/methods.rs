//! The methods: which there are, and in which order they take effect.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::wire::{Reply, RpcError, params as typed};
use super::{
    AppServer, account, apps, initialize, oauth_login, reload, resources, status, thread_start,
    tools,
};

/// What is left to do for a request that was taken.
pub(crate) struct Work {
    /// Ends with the answer.
    pub(crate) outcome: BoxFuture<'static, Result<Reply, RpcError>>,
    /// Follows the answer, if that is no error.
    pub(crate) after: Option<BoxFuture<'static, ()>>,
    /// Whether the answer may be large, so that there may not be too many of them.
    pub(crate) large: bool,
}

impl Work {
    pub(crate) fn done(outcome: Result<Reply, RpcError>) -> Self {
        Self::later(std::future::ready(outcome))
    }

    pub(crate) fn now(reply: Reply) -> Self {
        Self::done(Ok(reply))
    }

    pub(crate) fn later(
        outcome: impl Future<Output = Result<Reply, RpcError>> + Send + 'static,
    ) -> Self {
        Self { outcome: Box::pin(outcome), after: None, large: false }
    }

    pub(crate) fn large(self) -> Self {
        Self { large: true, ..self }
    }

    pub(crate) fn then(self, after: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { after: Some(Box::pin(after)), ..self }
    }
}

/// Takes a request. What later requests must see has happened when this returns; what may take
/// time is left to do.
pub(crate) async fn admit(server: &Arc<AppServer>, method: &str, params: Value) -> Work {
    if method == "initialize" {
        return Work::done(typed(params).and_then(|params| initialize::initialize(server, params)));
    }
    if let Err(error) = server.ready() {
        return Work::done(Err(error));
    }
    let work = match method {
        "thread/start" => match typed::<Map<String, Value>>(params) {
            Ok(_) => thread_start::start(server).await,
            Err(error) => Err(error),
        },
        "thread/unsubscribe" => {
            typed(params).map(|params| thread_start::unsubscribe(server, params))
        }
        "config/mcpServer/reload" => reload::reload(server, params).await.map(Work::now),
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
