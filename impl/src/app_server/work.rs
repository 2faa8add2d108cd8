//! What is left to do for a request.

use futures_util::future::BoxFuture;

use super::wire::{Reply, RpcError};

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
