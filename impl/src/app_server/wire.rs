//! Messages of the app-server: JSON-RPC 2.0 without the `jsonrpc` member, one per line.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::printable::one_line;

/// An invalid request, or one that cannot be served now.
pub(crate) const INVALID_REQUEST: i64 = -32600;
/// An unknown method.
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
/// Invalid params.
pub(crate) const INVALID_PARAMS: i64 = -32602;
/// A valid request that failed.
pub(crate) const INTERNAL_ERROR: i64 = -32603;
/// The bounded queue of requests is full.
pub(crate) const OVERLOADED: i64 = -32001;

/// The maximum length of a client's text in an error.
const MAX_ECHO: usize = 200;

/// The id of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum RequestId {
    Number(i64),
    Text(String),
}

/// A parsed line from the client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Incoming {
    Request {
        id: RequestId,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
    },
    /// A response. This server sends no requests, so it is ignored.
    Response,
    /// An invalid message, with its id if that is valid.
    Invalid {
        id: Option<RequestId>,
        error: RpcError,
    },
}

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl RpcError {
    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self { code: INVALID_REQUEST, message: message.into() }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { code: INTERNAL_ERROR, message: message.into() }
    }

    /// A valid request that failed.
    pub(crate) fn failed(error: impl Display) -> Self {
        Self::internal(error.to_string())
    }

    pub(crate) fn unknown_method(method: &str) -> Self {
        Self { code: METHOD_NOT_FOUND, message: format!("unknown method {}", echo(method)) }
    }

    pub(crate) fn overloaded() -> Self {
        Self { code: OVERLOADED, message: "Server overloaded; retry later.".to_owned() }
    }
}

/// A result.
pub(crate) enum Reply {
    /// A finished value.
    Now(Value),
    /// Built when there is room for it in the queue to the client.
    Later(Box<dyn FnOnce() -> Value + Send>),
}

impl Reply {
    pub(crate) fn later(make: impl FnOnce() -> Value + Send + 'static) -> Self {
        Self::Later(Box::new(make))
    }

    /// An empty result.
    pub(crate) fn empty() -> Self {
        Self::Now(json!({}))
    }
}

impl Incoming {
    /// Parses one line. The envelope is parsed before the params, so that a request with params that
    /// nest too deeply still gets a response with its id.
    pub(crate) fn parse(line: &[u8]) -> Self {
        let invalid =
            |id, message: String| Self::Invalid { id, error: RpcError::invalid_request(message) };
        // serde would accept an array as the fields in order.
        let envelope = match serde_json::from_slice::<Envelope<'_>>(line) {
            Ok(envelope) if line.trim_ascii_start().starts_with(b"{") => envelope,
            Ok(_) => return invalid(None, "expected a JSON object".to_owned()),
            Err(error) if error.is_data() && !line.trim_ascii_start().starts_with(b"{") => {
                return invalid(None, "expected a JSON object".to_owned());
            }
            Err(error) => return invalid(None, not_valid("the JSON", &error)),
        };
        let id = match envelope.id.map(|id| serde_json::from_str(id.get())) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => {
                return invalid(None, "`id`: expected a string or an integer".to_owned());
            }
        };
        let method = match envelope.method.map(|method| serde_json::from_str(method.get())) {
            Some(Ok(method)) => method,
            Some(Err(_)) => return invalid(id, "`method`: expected a string".to_owned()),
            None if id.is_some() && (envelope.result.is_some() || envelope.error.is_some()) => {
                return Self::Response;
            }
            None => return invalid(id, "`method` is missing".to_owned()),
        };
        let Some(id) = id else { return Self::Notification { method } };
        match envelope.params.map(|params| serde_json::from_str(params.get())) {
            None => Self::Request { id, method, params: Value::Null },
            Some(Ok(params)) => Self::Request { id, method, params },
            Some(Err(error)) => invalid(Some(id), not_valid("`params`", &error)),
        }
    }
}

/// A message whose members are not parsed yet.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// The value if the field is present, null included.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

fn not_valid(what: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let how = if error.is_eof() { "ends early" } else { "is not valid, or too deep" };
    format!("{what} {how} (line {line}, column {column})")
}

/// Parses the params of a method. Absent params are an empty object.
pub(crate) fn params<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    let invalid = |message: &str| RpcError {
        code: INVALID_PARAMS,
        message: format!("invalid params: {}", echo(message)),
    };
    let params = match params {
        Value::Null => json!({}),
        Value::Object(_) => params,
        // serde would accept an array as the fields in order.
        _ => return Err(invalid("expected an object")),
    };
    serde_json::from_value(params).map_err(|error| invalid(&error.to_string()))
}

/// A client's text for an error: short, and on one line.
pub(crate) fn echo(text: &str) -> String {
    one_line(text, MAX_ECHO)
}

/// The line of a response.
pub(crate) fn response(id: Option<&RequestId>, outcome: Result<Reply, RpcError>) -> Vec<u8> {
    let message = match outcome {
        Ok(Reply::Now(result)) => json!({ "id": id, "result": result }),
        Ok(Reply::Later(make)) => json!({ "id": id, "result": make() }),
        Err(error) => json!({ "id": id, "error": error }),
    };
    line(&message)
}

/// The line of a notification.
pub(crate) fn notification(method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "method": method, "params": params }))
}

fn line(message: &Value) -> Vec<u8> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid(line: &str) -> (Option<RequestId>, String) {
        match Incoming::parse(line.as_bytes()) {
            Incoming::Invalid { id, error } => (id, error.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_and_notifications_differ_by_their_id() {
        let request = Incoming::parse(br#"{"id":7,"method":"app/list","params":{"limit":1}}"#);
        let id = RequestId::Number(7);
        let params = json!({ "limit": 1 });
        assert_eq!(request, Incoming::Request { id, method: "app/list".into(), params });
        let notification = Incoming::parse(br#"{"jsonrpc":"2.0","method":"initialized"}"#);
        assert_eq!(notification, Incoming::Notification { method: "initialized".into() });
        assert_eq!(Incoming::parse(br#"{"id":1,"result":{}}"#), Incoming::Response);
    }

    #[test]
    fn an_invalid_message_is_refused_with_its_id_if_it_has_one() {
        assert_eq!(invalid("{"), (None, "the JSON ends early (line 1, column 1)".to_owned()));
        assert_eq!(invalid("[1]"), (None, "expected a JSON object".to_owned()));
        let proper = Some(RequestId::Text("a".to_owned()));
        assert_eq!(invalid(r#"{"id":"a"}"#), (proper.clone(), "`method` is missing".to_owned()));
        let wrong = "`method`: expected a string".to_owned();
        assert_eq!(invalid(r#"{"id":"a","method":1}"#), (proper, wrong));
        let id = "`id`: expected a string or an integer".to_owned();
        assert_eq!(invalid(r#"{"id":{},"method":"m"}"#), (None, id));
        assert_eq!(invalid(r#"{"id":null,"method":"m"}"#).0, None);
        let deep = "[".repeat(100_000);
        assert!(invalid(&deep).1.starts_with("the JSON"));
        let deep =
            format!(r#"{{"params":{}{},"id":7,"method":"m"}}"#, "[".repeat(500), "]".repeat(500));
        let (id, message) = invalid(&deep);
        assert_eq!(id, Some(RequestId::Number(7)));
        assert!(message.starts_with("`params` is not valid, or too deep"), "{message}");
    }

    #[test]
    fn params_are_an_object_or_absent() {
        #[derive(Debug, Deserialize)]
        struct Params {
            _name: Option<String>,
        }
        assert!(params::<Params>(Value::Null).is_ok());
        assert!(params::<Params>(json!({ "_name": "docs", "more": 1 })).is_ok());
        for wrong in [json!(["docs"]), json!("docs"), json!({ "_name": 1 })] {
            assert_eq!(params::<Params>(wrong).unwrap_err().code, INVALID_PARAMS);
        }
    }

    #[test]
    fn echoed_text_is_short_and_on_one_line() {
        let echoed = echo(&"x\n".repeat(1_000));
        assert_eq!(echoed.chars().count(), MAX_ECHO);
        assert!(!echoed.contains('\n'));
    }
}
