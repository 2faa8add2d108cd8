//! Times: whole nanoseconds inside, seconds in an entry and in a view.

use std::time::Duration;

use serde_json::Value;

/// The time that a number of seconds means: the double nearest to what is written, rounded to the
/// nearest nanosecond, halves to even. `None` for what is no time.
pub fn from_seconds(value: &Value) -> Option<Duration> {
    Duration::try_from_secs_f64(value.as_f64()?).ok()
}

/// The number of seconds that the canonical form writes: the double nearest to the nanoseconds.
pub fn in_seconds(duration: Duration) -> Value {
    let decimal = format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    // A decimal of digits and one point always reads as a finite double.
    Value::from(decimal.parse::<f64>().unwrap_or_default())
}
