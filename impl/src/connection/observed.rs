//! An HTTP client for rmcp that keeps the reason of the last failed request, and ends with its
//! connection.
//!
//! On its way through rmcp a failure loses its type, and text that the server wrote gets into
//! errors and logs. The reason is kept here, where it is still known, and the server's words are
//! dropped. Nor does rmcp end a request under way when its caller gives up during `initialize`;
//! here every request ends with the connection, so that no credentials stay behind on the wire. The
//! one exception is the request that tells the server of a session's end: it is sent when the
//! connection is gone, and rmcp gives up on it after 5 seconds.

use std::error::Error as _;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use reqwest::Client;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::ClientJsonRpcMessage;
use rmcp::transport::streamable_http_client::{
    HttpStatusError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    StreamableHttpResponseLimits,
};

use tokio_util::sync::CancellationToken;

use super::http::{Refused, root_cause};

// The trait's own types.
#[allow(clippy::disallowed_types)]
type Headers = std::collections::HashMap<HeaderName, HeaderValue>;
type Events = futures_util::stream::BoxStream<
    'static,
    Result<sse_stream::Sse, rmcp::transport::streamable_http_client::SseError>,
>;
type Outcome<T> = Result<T, StreamableHttpError<reqwest::Error>>;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    Status(u16),
    Redirect(Refused),
    Unreachable(String),
    TooLarge(usize),
    Protocol(&'static str),
}

/// The reason of the last failed request.
#[derive(Debug, Clone, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<Failure>>>);

impl LastFailure {
    pub(super) fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

/// See the module's description.
#[derive(Clone)]
pub(super) struct ObservedClient {
    pub(super) inner: Client,
    pub(super) failure: LastFailure,
    /// Cancelled when the connection is gone.
    pub(super) gone: CancellationToken,
}

impl ObservedClient {
    /// The outcome of a request, which ends when the connection is gone.
    async fn until_gone<T>(&self, sent: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let outcome = self.gone.run_until_cancelled(sent).await;
        outcome.unwrap_or(Err(StreamableHttpError::TransportChannelClosed))
    }

    /// These events, which end when the connection is gone.
    fn events_until_gone(&self, events: Events) -> Events {
        events.take_until(self.gone.clone().cancelled_owned()).boxed()
    }

    /// Keeps the reason of a failure and takes the server's words out of it.
    fn observe<T>(&self, outcome: Outcome<T>) -> Outcome<T> {
        outcome.map_err(|error| {
            let failure = failure(&error);
            self.failure.set(failure.clone());
            match (error, failure) {
                // rmcp has a use for these, and the server wrote no word of them.
                (
                    error @ (StreamableHttpError::SessionExpired | StreamableHttpError::Client(_)),
                    _,
                ) => error,
                (_, Failure::Status(status)) => HttpStatusError::new(status, None).into(),
                (_, Failure::Protocol(reason)) => {
                    StreamableHttpError::UnexpectedServerResponse(reason.into())
                }
                (error, _) => error,
            }
        })
    }
}

fn failure(error: &StreamableHttpError<reqwest::Error>) -> Failure {
    use StreamableHttpError as E;
    match error {
        E::AuthRequired(_) => Failure::Status(401),
        E::InsufficientScope(_) => Failure::Status(403),
        E::HttpStatus(error) => Failure::Status(error.status),
        E::SessionExpired => Failure::Status(404),
        E::ResponseBodyTooLarge { max_size } => Failure::TooLarge(*max_size),
        E::UnexpectedContentType(_) => Failure::Protocol("it is neither JSON nor an event stream"),
        E::Sse(_) | E::UnexpectedEndOfStream => Failure::Protocol("its event stream is broken"),
        E::UnexpectedServerResponse(text) => match http_status(text) {
            Some(status) => Failure::Status(status),
            None => Failure::Protocol("it is not a JSON-RPC message"),
        },
        E::Client(error) => client_failure(error),
        E::Io(error) => Failure::Unreachable(error.to_string()),
        _ => Failure::Protocol("it does not follow the protocol"),
    }
}

/// The status in `HTTP 418 I'm a teapot: …`, which is how rmcp reports one it has no type for.
fn http_status(text: &str) -> Option<u16> {
    text.strip_prefix("HTTP ")?.get(..3)?.parse().ok()
}

fn client_failure(error: &reqwest::Error) -> Failure {
    if let Some(status) = error.status() {
        return Failure::Status(status.as_u16());
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Failure::Redirect(refused.clone());
        }
        source = cause.source();
    }
    if error.is_decode() {
        return Failure::Protocol("its body is not what its headers say");
    }
    Failure::Unreachable(root_cause(error))
}

impl StreamableHttpClient for ObservedClient {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: Headers,
    ) -> Outcome<StreamableHttpPostResponse> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, auth, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Outcome<StreamableHttpPostResponse> {
        let client = &self.inner;
        let sent =
            client.post_message_with_response_limits(uri, message, session, auth, headers, limits);
        let sent = self.until_gone(sent).await;
        Ok(match self.observe(sent)? {
            StreamableHttpPostResponse::Sse(events, session) => {
                StreamableHttpPostResponse::Sse(self.events_until_gone(events), session)
            }
            response => response,
        })
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        auth: Option<String>,
        headers: Headers,
    ) -> Outcome<()> {
        self.inner.delete_session(uri, session, auth, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        auth: Option<String>,
        headers: Headers,
    ) -> Outcome<Events> {
        let sent = self.inner.get_stream(uri, session, last_event, auth, headers);
        Ok(self.events_until_gone(self.until_gone(sent).await?))
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        auth: Option<String>,
        headers: Headers,
        max: usize,
    ) -> Outcome<Events> {
        let client = &self.inner;
        let sent =
            client.get_stream_with_max_sse_event_size(uri, session, last_event, auth, headers, max);
        Ok(self.events_until_gone(self.until_gone(sent).await?))
    }
}
