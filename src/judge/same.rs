//! When two values say the same.

use mcp_overlay_model::duration::from_seconds;
use serde_json::Value;

/// Equality of canonical forms: objects without order, arrays with order, numbers by value. The only
/// numbers of a server are times, and two times are the same if their nanoseconds are.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => {
            a == b || a.as_f64() == b.as_f64() || is_same_time(a, b)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Rule `server.durations`.
fn is_same_time(a: &Value, b: &Value) -> bool {
    matches!((from_seconds(a), from_seconds(b)), (Some(a), Some(b)) if a == b)
}
