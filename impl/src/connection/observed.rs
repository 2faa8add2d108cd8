//! An HTTP client for rmcp that authorises every request when it is sent, stores the reason of a
//! failure with its request, and ends with its connection.
//!
//! rmcp does not cancel a request when its caller gives up during `initialize`; here every request
//! ends with the connection, so that no credentials are sent later. The one exception is the request
//! that deletes the session: it is sent after the end of the connection, and rmcp times it out after
//! 5 seconds.

use std::error::Error as _;
use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt as _;
use reqwest::Client;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, ClientNotification, GetExtensions as _};
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, HttpStatusError, SseError, StreamableHttpClient, StreamableHttpError,
    StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use tokio_util::sync::CancellationToken;

use super::authorize::{AuthHeaders, Authorizer, Refusal};
use super::failure::{Failure, Slot};
use super::http::{Refused, root_cause};
use super::secrets::Secrets;

// The types of the trait.
#[allow(clippy::disallowed_types)]
type Headers = std::collections::HashMap<HeaderName, HeaderValue>;
type Events = futures_util::stream::BoxStream<'static, Result<sse_stream::Sse, SseError>>;
type Outcome<T> = Result<T, StreamableHttpError<reqwest::Error>>;

/// The maximum number of redirects within the origin.
const MAX_REDIRECTS: usize = 5;

/// An authorising HTTP client; see the module documentation.
#[derive(Clone)]
pub(super) struct ObservedClient {
    pub(super) inner: Client,
    /// Called before every request. Without it, requests carry the client's headers only.
    pub(super) authorizer: Option<Arc<dyn Authorizer>>,
    /// The reason of a failed initialization: rmcp creates these requests, so they carry no slot.
    pub(super) session: Slot,
    /// Gets the authorizations that are sent.
    pub(super) secrets: Secrets,
    /// Cancelled when the connection is gone.
    pub(super) gone: CancellationToken,
}

/// A failure, and the error that rmcp gets.
struct Failed {
    failure: Failure,
    error: StreamableHttpError<reqwest::Error>,
}

impl Failed {
    /// A failure that rmcp must not retry.
    fn finally(failure: Failure) -> Self {
        let error = StreamableHttpError::AuthRequired(AuthRequiredError::new(String::new()));
        Self { failure, error }
    }
}

impl ObservedClient {
    /// Runs a request until the connection is gone.
    async fn until_gone<T>(
        &self,
        sent: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        match self.gone.run_until_cancelled(sent).await {
            Some(outcome) => outcome,
            None => Err(Failed {
                failure: Failure::Protocol("the connection was closed"),
                error: StreamableHttpError::TransportChannelClosed,
            }),
        }
    }

    /// Ends these events when the connection is gone, and stores the reason of a broken stream in
    /// `slot`.
    fn events(&self, events: Events, slot: Option<Slot>) -> Events {
        let kept = events.inspect(move |event| {
            if let (Err(error), Some(slot)) = (event, &slot) {
                slot.set_first(broken_stream(error));
            }
        });
        kept.take_until(self.gone.clone().cancelled_owned()).boxed()
    }

    /// Sends a request and follows redirects within the origin. Each hop gets a new authorization:
    /// the user may sign out while a slow redirect is in progress.
    async fn send<T, S>(
        &self,
        mut uri: Arc<str>,
        headers: Headers,
        send: impl Fn(Arc<str>, Headers) -> S,
    ) -> Result<T, Failed>
    where
        S: Future<Output = Outcome<T>>,
    {
        let mut redirects = 0;
        loop {
            let sent = self.send_once(&headers, |headers| send(Arc::clone(&uri), headers)).await;
            let (to, error) = match sent {
                Err(Failed { failure: Failure::Redirect(Refused::Moved(to)), error }) => {
                    (to, error)
                }
                sent => return sent,
            };
            redirects += 1;
            if redirects > MAX_REDIRECTS {
                let failure = Failure::Redirect(Refused::Bad("there are more than 5 in a row"));
                return Err(Failed { failure, error });
            }
            uri = to.as_str().into();
        }
    }

    /// Sends a request with the current authorization. If the server refuses it and there is a
    /// replacement, retries once.
    async fn send_once<T, S>(
        &self,
        headers: &Headers,
        send: impl Fn(Headers) -> S,
    ) -> Result<T, Failed>
    where
        S: Future<Output = Outcome<T>>,
    {
        let Some(authorizer) = &self.authorizer else {
            return send(headers.clone()).await.map_err(failed);
        };
        let sent = match authorizer.headers().await {
            Ok(sent) => sent,
            Err(reason) => return Err(Failed::finally(Failure::NotAuthorized(reason.0))),
        };
        let error = match send(self.with(headers, &sent)).await {
            Ok(answer) => {
                authorizer.accepted(&sent);
                return Ok(answer);
            }
            Err(error) => error,
        };
        let Some((status, challenge)) = refusal(&error) else { return Err(failed(error)) };
        let refused = Refusal { status, challenge, sent };
        if let Some(other) = authorizer.refused(refused).await {
            let error = match send(self.with(headers, &other)).await {
                Ok(answer) => {
                    authorizer.accepted(&other);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if refusal(&error).is_none() {
                return Err(failed(error));
            }
        }
        let advice = authorizer.advice();
        Err(Failed::finally(Failure::Unauthorized { status, advice }))
    }

    /// These headers, with the authorization in place of headers of the same names.
    fn with(&self, headers: &Headers, authorization: &AuthHeaders) -> Headers {
        let values = authorization.iter().filter_map(|(_, value)| value.to_str().ok());
        values.for_each(|value| self.secrets.add(value));
        let mut all = headers.clone();
        all.extend(authorization.iter().cloned());
        all
    }

    /// The slot for the failure of this message.
    fn slot(&self, message: &ClientJsonRpcMessage) -> Option<Slot> {
        match message {
            ClientJsonRpcMessage::Request(request) => {
                let own = request.request.extensions().get::<Slot>();
                Some(own.unwrap_or(&self.session).clone())
            }
            ClientJsonRpcMessage::Notification(notification) => {
                let of = &notification.notification;
                let initialized = matches!(of, ClientNotification::InitializedNotification(_));
                initialized.then(|| self.session.clone())
            }
            _ => None,
        }
    }
}

/// The status and the challenge of a response that refuses the authorization.
fn refusal(error: &StreamableHttpError<reqwest::Error>) -> Option<(u16, Option<String>)> {
    match error {
        StreamableHttpError::AuthRequired(error) => {
            Some((401, Some(error.www_authenticate_header.clone())))
        }
        // rmcp reports every 403 with a challenge in this way.
        StreamableHttpError::InsufficientScope(error) => {
            let challenge = &error.www_authenticate_header;
            let scope = challenge.to_ascii_lowercase().contains("insufficient_scope");
            scope.then(|| (403, Some(challenge.clone())))
        }
        error => (failure(error) == Failure::Status(401)).then_some((401, None)),
    }
}

/// The reason of a failure, without text of the server.
fn failed(error: StreamableHttpError<reqwest::Error>) -> Failed {
    let failure = failure(&error);
    let error = match (error, &failure) {
        // rmcp handles these, and they hold no text of the server.
        (
            error @ (StreamableHttpError::SessionExpired
            | StreamableHttpError::ServerDoesNotSupportSse
            | StreamableHttpError::Client(_)),
            _,
        ) => error,
        (StreamableHttpError::AuthRequired(_) | StreamableHttpError::InsufficientScope(_), _) => {
            return Failed::finally(failure);
        }
        (_, Failure::Status(status)) => HttpStatusError::new(*status, None).into(),
        (_, Failure::Protocol(reason)) => {
            StreamableHttpError::UnexpectedServerResponse((*reason).into())
        }
        (error, _) => error,
    };
    Failed { failure, error }
}

fn failure(error: &StreamableHttpError<reqwest::Error>) -> Failure {
    use StreamableHttpError as E;
    match error {
        E::AuthRequired(_) => Failure::Status(401),
        E::InsufficientScope(_) => Failure::Status(403),
        E::HttpStatus(error) => Failure::Status(error.status),
        E::SessionExpired => Failure::SessionLost,
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

/// The status in `HTTP 418 I'm a teapot: …`: rmcp has no type for some statuses.
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

/// Why an event stream broke. rmcp reports an event that is too large as text only.
fn broken_stream(error: &SseError) -> Failure {
    let text = root_cause(error);
    let size = text.strip_prefix("SSE event exceeded the maximum size of ");
    let size = size.and_then(|rest| rest.split(' ').next()?.parse().ok());
    size.map_or(Failure::Protocol("its event stream is broken"), Failure::TooLarge)
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
        let slot = self.slot(&message);
        // rmcp repeats the request in a new session, where the old failure does not matter.
        slot.iter().for_each(Slot::clear);
        let sent = self.send(uri, headers, |uri, headers| {
            let (session, auth) = (session.clone(), auth.clone());
            self.inner.post_message_with_response_limits(
                uri,
                message.clone(),
                session,
                auth,
                headers,
                limits,
            )
        });
        match self.until_gone(sent).await {
            Ok(StreamableHttpPostResponse::Sse(events, session)) => {
                Ok(StreamableHttpPostResponse::Sse(self.events(events, slot), session))
            }
            Ok(response) => Ok(response),
            Err(Failed { failure, error }) => {
                slot.iter().for_each(|slot| slot.set(failure.clone()));
                Err(error)
            }
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        auth: Option<String>,
        headers: Headers,
    ) -> Outcome<()> {
        let sent = self.send(uri, headers, |uri, headers| {
            let session = Arc::clone(&session);
            self.inner.delete_session(uri, session, auth.clone(), headers)
        });
        sent.await.map_err(|failed| failed.error)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        auth: Option<String>,
        headers: Headers,
    ) -> Outcome<Events> {
        let max = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(uri, session, last_event, auth, headers, max).await
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
        let sent = self.send(uri, headers, |uri, headers| {
            let (session, auth) = (session.clone(), auth.clone());
            let last_event = last_event.clone();
            self.inner
                .get_stream_with_max_sse_event_size(uri, session, last_event, auth, headers, max)
        });
        let events = self.until_gone(sent).await.map_err(|failed| failed.error)?;
        Ok(self.events(events, None))
    }
}
