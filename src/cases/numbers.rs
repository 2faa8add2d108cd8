//! Numbers that a JSON parser of some languages reads as one, because it has only doubles: `1000` and `1000.0`,
//! `18446744073709551615` and `1.8446744073709552e19`. The specification tells them apart, as upstream does.

use mcp_overlay_model::Case;
use serde_json::Value;

/// The value with whole numbers written as integers, as far as 64 bits hold them, and with integers that a
/// double has.
pub fn with_integers(value: &Value) -> Value {
    // The powers of two that the types end at; a double represents them exactly.
    const UNSIGNED: f64 = 18_446_744_073_709_551_616.0;
    const SIGNED: f64 = -9_223_372_036_854_775_808.0;
    const LAST_UNSIGNED: u64 = u64::MAX - 2_047;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() != 0.0 => value.clone(),
            Some(float) if (0.0..UNSIGNED).contains(&float) => Value::from(float as u64),
            Some(float) if (SIGNED..0.0).contains(&float) => Value::from(float as i64),
            // Its double is the first that 64 bits do not hold.
            _ if number.is_u64() => Value::from(LAST_UNSIGNED),
            _ => value.clone(),
        },
        Value::Array(list) => list.iter().map(with_integers).collect(),
        Value::Object(table) => {
            let plain = |(key, value): (&String, &Value)| (key.clone(), with_integers(value));
            Value::Object(table.iter().map(plain).collect())
        }
        _ => value.clone(),
    }
}

/// The same of a whole case.
#[must_use]
pub fn case_with_integers(case: Case) -> Case {
    let written = serde_json::to_value(&case).map(|written| with_integers(&written));
    written.and_then(serde_json::from_value).unwrap_or(case)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_become_integers_and_nothing_else_changes() {
        let text = r#"{"a": [1000.0, 1e3, -0.0, -2.0, 1.5, 1e300, 1.8e19, "1.0", true, null, 7]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let expected = json!({"a": [1000, 1000, 0, -2, 1.5, 1e300, 18_000_000_000_000_000_000_u64, "1.0", true, null, 7]});
        assert_eq!(with_integers(&value).to_string(), expected.to_string());
    }

    #[test]
    fn what_is_one_double_is_one_number() {
        let value = json!([u64::MAX, u64::MAX as f64, 9_007_199_254_740_993_u64, i64::MIN + 1]);
        let expected =
            json!([u64::MAX - 2_047, u64::MAX as f64, 9_007_199_254_740_992_u64, i64::MIN]);
        let sent = with_integers(&value);
        assert_eq!(sent.to_string(), expected.to_string());
        for number in sent.as_array().unwrap() {
            let same = number
                .as_u64()
                .map(|n| n as f64 as u64 == n)
                .or(number.as_i64().map(|n| n as f64 as i64 == n));
            assert_ne!(same, Some(false), "{number} has no double");
        }
    }

    #[test]
    fn every_part_of_a_case_is_reached() {
        let server = json!({"command": "c", "startup_timeout_ms": 1000.0});
        let case: Case = serde_json::from_value(json!({
            "host": {"mcp_servers": {"a": server}},
            "plugins": [{"id": "p", "mcp_servers": {"a": server}}],
            "contributors": [{"id": "x", "contributions": [{"set": {"name": "a", "server": server}}]}],
            "auth": "chatgpt",
        }))
        .unwrap();
        let text = serde_json::to_string(&case_with_integers(case)).unwrap();
        assert_eq!(text.matches("\"startup_timeout_ms\":1000}").count(), 3, "{text}");
    }
}
