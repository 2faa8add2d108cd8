//! The rest of the work for a request.

use futures_util::future::BoxFuture;

use super::wire::{Reply, RpcError};

/// The rest of the work for an accepted request.
pub(crate) struct Work {
    /// Ends with the response.
    pub(crate) outcome: BoxFuture<'static, Result<Reply, RpcError>>,
    /// Runs after the response, unless that is an error.
    pub(crate) after: Option<BoxFuture<'static, ()>>,
    /// Whether the response may be large, so that the number of such requests is bounded.
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
