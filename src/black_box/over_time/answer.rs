//! The answers of HTTP servers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;

use super::shared::Shared;

/// The first half of a message.
pub(super) fn half(message: &Value) -> String {
    let text = message.to_string();
    text.chars().take(text.chars().count() / 2).collect()
}

pub(super) fn json_body(body: &Value) -> Response<Answer> {
    json_text(body.to_string())
}

pub(super) fn json_text(text: String) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Full::new(Bytes::from(text))));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

pub(super) fn status(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Full::default()));
    *response.status_mut() = status;
    response
}

/// A redirect to this address, for every method.
pub(super) fn redirect(to: &str) -> Response<Answer> {
    let mut redirect = status(StatusCode::TEMPORARY_REDIRECT);
    if let Ok(to) = HeaderValue::from_str(to) {
        redirect.headers_mut().insert(LOCATION, to);
    }
    redirect
}

/// The time between two pieces of an answer.
const PAUSE: Duration = Duration::from_millis(2);

/// The message in several pieces.
pub(super) fn in_pieces(message: &Value) -> Response<Answer> {
    let text = Bytes::from(message.to_string());
    let (pieces, received) = mpsc::channel(1);
    tokio::spawn(async move {
        let length = (text.len() / 3).max(1);
        for piece in text.chunks(length) {
            tokio::time::sleep(PAUSE).await;
            // The host may have left.
            let _ = pieces.send(text.slice_ref(piece)).await;
        }
    });
    let mut response = json_text(String::new());
    *response.body_mut() = Answer::Pieces(received);
    response
}

/// The body of an answer.
pub(super) enum Answer {
    Whole(Full<Bytes>),
    Pieces(mpsc::Receiver<Bytes>),
    /// These bytes, and then the connection ends.
    Cut(Option<Bytes>),
    Events(Events),
}

/// An open event stream.
pub(super) struct Events {
    pub(super) messages: mpsc::UnboundedReceiver<Bytes>,
    pub(super) mark: String,
    pub(super) number: u64,
    pub(super) shared: Arc<Shared>,
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.close(&self.mark, self.number);
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Answer::Whole(whole) => {
                let frame = ready!(Pin::new(whole).poll_frame(context));
                Poll::Ready(frame.and_then(Result::ok).map(Ok))
            }
            Answer::Pieces(pieces) => {
                let piece = ready!(pieces.poll_recv(context));
                Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
            }
            Answer::Cut(rest) => Poll::Ready(Some(match rest.take() {
                Some(bytes) => Ok(Frame::data(bytes)),
                None => Err(io::ErrorKind::ConnectionAborted.into()),
            })),
            Answer::Events(events) => {
                let message = ready!(events.messages.poll_recv(context));
                Poll::Ready(message.map(|message| Ok(Frame::data(message))))
            }
        }
    }
}
