//! The methods: which there are, and in which order they take effect.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

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
}

impl Work {
    pub(crate) fn done(outcome: Result<Reply, RpcError>) -> Self {
        Self::later(std::future::ready(outcome))
    }

    pub(crate) fn later(
        outcome: impl Future<Output = Result<Reply, RpcError>> + Send + 'static,
    ) -> Self {
        Self { outcome: Box::pin(outcome), after: None }
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
    match method {
        "thread/start" => thread_start::admit(server).await,
        "thread/unsubscribe" => match typed(params) {
            Ok(params) => thread_start::unsubscribe(server, params),
            Err(error) => Work::done(Err(error)),
        },
        "config/mcpServer/reload" => Work::done(reload::reload(server, params).await),
        "account/logout" => account::logout(server),
        "mcpServerStatus/list" => later(server, params, status::list),
        "mcpServer/resource/read" => later(server, params, resources::read),
        "mcpServer/tool/call" => later(server, params, tools::call),
        "mcpServer/oauth/login" => later(server, params, oauth_login::login),
        "app/list" => later(server, params, apps::list),
        other => Work::done(Err(RpcError::unknown_method(other))),
    }
}

/// The work of a method that changes nothing for others.
fn later<P, F>(
    server: &Arc<AppServer>,
    params: Value,
    method: impl FnOnce(Arc<AppServer>, P) -> F + Send + 'static,
) -> Work
where
    P: serde::de::DeserializeOwned + Send + 'static,
    F: Future<Output = Result<Reply, RpcError>> + Send + 'static,
{
    match typed(params) {
        Ok(params) => Work::later(method(Arc::clone(server), params)),
        Err(error) => Work::done(Err(error)),
    }
}
