//! The model provider, which answers turns.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, status};

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
