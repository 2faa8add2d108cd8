//! Sends requests and explains their failures.

use std::future::Future;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{
    CancelledNotificationParam, ClientRequest, ErrorData, GetExtensions as _, RequestId,
    ServerResult,
};
use rmcp::service::{Peer, PeerRequestOptions, ServiceError};

use super::error::{ConnectError, ServerAddress};
use super::failure::{Failure, Slot};
use super::http::Refused;
use super::session::Connection;
use super::target::Authorization;
use crate::printable::one_line;

/// The maximum length of a server's message in an error.
const MAX_MESSAGE_CHARS: usize = 1_000;

impl Connection {
    /// Sends a request. The result is the server's response, which may be a JSON-RPC error.
    ///
    /// rmcp's own methods return a cached response if the request cannot be sent. After a sign-out
    /// that must not happen.
    pub(super) async fn request(
        &self,
        mut request: ClientRequest,
    ) -> Result<Result<ServerResult, ErrorData>, ConnectError> {
        let slot = Slot::default();
        request.extensions_mut().insert(slot.clone());
        let asked = async {
            let options = PeerRequestOptions::no_options();
            let handle = self.peer.send_request_with_option(request, options).await?;
            let mut pending = Pending { peer: &self.peer, id: Some(handle.id.clone()) };
            let answer = handle.await_response().await;
            pending.id = None;
            answer
        };
        let answer = tokio::select! {
            // A response that arrived before the end counts.
            biased;
            answer = asked => answer,
            () = self.ending.stop.cancelled() => Err(ServiceError::TransportClosed),
        };
        match answer {
            Ok(result) => Ok(Ok(result)),
            Err(ServiceError::McpError(refused)) => Ok(Err(refused)),
            Err(error) => Err(self.failed(slot.get(), &error).await),
        }
    }

    /// Sends a request whose error message the user sees.
    pub(super) async fn call(
        &self,
        name: &'static str,
        request: ClientRequest,
    ) -> Result<ServerResult, ConnectError> {
        self.request(request).await?.map_err(|refused| ConnectError::CallRefused {
            address: self.address.clone(),
            request: name,
            code: refused.code.0,
            // Before the text is cut: a part of a secret would not be recognised.
            message: one_line(&self.secrets.redact(&refused.message), MAX_MESSAGE_CHARS),
        })
    }

    /// Runs this within the server's tool timeout.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let limit = self.offer.tool_timeout;
        let (address, seconds) = (self.address.clone(), limit.as_secs_f64());
        within(limit, work, ConnectError::Timeout { address, seconds }).await
    }

    pub(super) fn protocol(&self, reason: &'static str) -> ConnectError {
        ConnectError::Protocol { address: self.address.clone(), reason }
    }

    /// Why a request failed: its own reason, else that of the connection.
    async fn failed(&self, own: Option<Failure>, error: &ServiceError) -> ConnectError {
        let explained = |failure| explain(&self.address, &self.authorization, failure);
        match own {
            // rmcp tried to start a new session, whose failure says more.
            Some(Failure::SessionLost) => {
                return explained(self.session.get().unwrap_or(Failure::SessionLost));
            }
            Some(failure) => return explained(failure),
            None => {}
        }
        if self.ending.process.is_some() {
            self.ending.settle().await;
            if let Some(failure) = self.session.get() {
                return explained(failure);
            }
        }
        if self.ending.stop.is_cancelled() {
            return ConnectError::Closed { address: self.address.clone() };
        }
        self.protocol(match error {
            ServiceError::TransportClosed => "it closed the connection before it responded",
            ServiceError::TransportSend(_) => "it lost the session during the request",
            _ => "it is not a response to the request",
        })
    }
}

/// Cancels the request at the server when dropped before the response. rmcp then closes its stream.
struct Pending<'a> {
    peer: &'a Peer<RoleClient>,
    id: Option<RequestId>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        // Without a runtime the connection is gone, and so is the request.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let peer = self.peer.clone();
        runtime.spawn(async move {
            let reason = Some("no response in time".to_owned());
            let cancelled = CancelledNotificationParam::new(Some(id), reason);
            // If this fails, the response is ignored.
            let _ = peer.notify_cancelled(cancelled).await;
        });
    }
}

pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ConnectError>>,
    too_long: ConnectError,
) -> Result<T, ConnectError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(too_long))
}

/// The error for a failure.
pub(super) fn explain(
    address: &ServerAddress,
    auth: &Authorization,
    failure: Failure,
) -> ConnectError {
    let address = address.clone();
    let failure = match (auth, failure) {
        // The token comes from the variable, with or without an authorizer.
        (Authorization::Variable(..), Failure::Unauthorized { status, .. }) => {
            Failure::Status(status)
        }
        (_, failure) => failure,
    };
    match failure {
        Failure::Status(401) => match auth {
            Authorization::Variable(variable, _) => {
                ConnectError::TokenRefused { address, variable: variable.clone() }
            }
            Authorization::None | Authorization::Asked(_) => {
                ConnectError::LoginRequired { address }
            }
        },
        Failure::Status(status) => ConnectError::HttpStatus { address, status },
        Failure::SessionLost => ConnectError::HttpStatus { address, status: 404 },
        Failure::Unauthorized { status, advice } => {
            ConnectError::Unauthorized { address, status, advice }
        }
        Failure::NotAuthorized(reason) => ConnectError::NotAuthorized { address, reason },
        Failure::Redirect(Refused::Origin(to)) => ConnectError::RedirectRefused { address, to },
        Failure::Redirect(Refused::Moved(_)) => {
            ConnectError::BadRedirect { address, reason: "it was not followed" }
        }
        Failure::Redirect(Refused::Bad(reason)) => ConnectError::BadRedirect { address, reason },
        Failure::Unreachable(reason) => ConnectError::Unreachable { address, reason },
        Failure::TooLarge(max) => {
            ConnectError::TooLarge { address, reason: format!("more than {max} bytes") }
        }
        Failure::Protocol(reason) => ConnectError::Protocol { address, reason },
        Failure::Exited(status) => ConnectError::ProcessExited { address, status },
        Failure::Executor { environment, reason } => {
            ConnectError::Executor { address, environment, reason }
        }
    }
}
