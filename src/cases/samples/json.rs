//! Values of every JSON type, written as JSON.

use serde_json::Value;

/// JSON texts as values. A test reads each of them, so that none is lost here.
pub(crate) fn parsed(texts: &[&str]) -> Vec<Value> {
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

/// A few values of every JSON type, of which most fields take only one.
pub const ANY_TYPE: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "-0.0",
    "5",
    "18446744073709551615",
    "1e300",
    r#""""#,
    r#"" ""#,
    r#""text""#,
    r#""true""#,
    r#""0""#,
    "[]",
    "[null]",
    "[1]",
    r#"["x"]"#,
    "[[]]",
    "[{}]",
    "{}",
    r#"{"a":1}"#,
    r#"{"a":"b"}"#,
    r#"{"a":null}"#,
    r#"{"a":{}}"#,
];
