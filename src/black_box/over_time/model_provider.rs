//! Turns, and the model provider that answers them.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use mcp_overlay_model::lifecycle::Seen;
use serde_json::{Value, json};

use super::answer::{Answer, status};
use super::player::Player;
use crate::subject::{Failure, FailureKind};

/// The path of the model provider, which is no MCP server.
pub(super) const MODEL: &str = "/model";

/// Where a host sends what the model is to answer.
const RESPONSES: &str = "/model/responses";

/// Whether a request to the model provider is one of a turn. A host asks for the list of models too, at
/// any time.
pub(super) fn is_of_turn(method: &Method, path: &str) -> bool {
    method == Method::POST && path.split('?').next() == Some(RESPONSES)
}

/// The answer of a model that says nothing and calls no tool, as events.
pub(super) fn response() -> Response<Answer> {
    let usage = json!({
        "input_tokens": 0, "input_tokens_details": null,
        "output_tokens": 0, "output_tokens_details": null, "total_tokens": 0,
    });
    let events = [
        json!({"type": "response.created", "response": {"id": "response"}}),
        json!({"type": "response.completed", "response": {"id": "response", "usage": usage}}),
    ];
    let text: String = events.iter().map(event).collect();
    let mut response = status(StatusCode::OK);
    *response.body_mut() = Answer::Whole(Bytes::from(text).into());
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn event(event: &Value) -> String {
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    format!("event: {kind}\ndata: {event}\n\n")
}

impl Player<'_> {
    /// A thread makes a turn. One that does not end in time may do so later.
    pub(super) fn turn(&mut self, name: &str) -> Result<Seen, Failure> {
        let patience = self.stage.patience.case;
        self.asked.request(self.step);
        let Some(id) = self.threads.get(name).cloned() else {
            // The specification has a host from here on.
            self.session()?;
            return Ok(Seen::Refused);
        };
        self.asked.turns(name);
        match self.session_of(name)?.turn(&id, patience) {
            Ok(Ok(true)) => Ok(Seen::Done),
            Ok(Ok(false) | Err(_)) => Ok(Seen::Refused),
            Err(failure) if failure.kind == FailureKind::Hung => Ok(Seen::Unanswered),
            Err(failure) => Err(failure),
        }
    }
}
