//! The values of environment variables in the cases for a process.

use std::borrow::Cow;

use mcp_overlay_model::Case;
use serde_json::Value;

/// The case with this value for each variable. Only whether a value is blank matters to a rule, so
/// blank ones stay, and all that somebody might take for blank.
pub(super) fn with_secret<'a>(case: &'a Case, secret: &str) -> Cow<'a, Case> {
    let is_shown = |value: &Value| value.as_str().is_some_and(|text| text.contains(is_graphic));
    let variables = case.host.get("env").and_then(Value::as_object);
    if !variables.is_some_and(|variables| variables.values().any(is_shown)) {
        return Cow::Borrowed(case);
    }
    let mut case = case.clone();
    let variables = case.host.get_mut("env").and_then(Value::as_object_mut);
    for value in variables.into_iter().flat_map(|variables| variables.values_mut()) {
        let text = value.as_str().unwrap_or_default();
        if let Some(shown) = text.find(is_graphic) {
            // What is around it stays, because it may be taken for blank too.
            let (before, rest) = text.split_at(shown);
            let after = rest.trim_start_matches(is_graphic);
            *value = format!("{before}{secret}{after}").into();
        }
    }
    Cow::Owned(case)
}

fn is_graphic(c: char) -> bool {
    c.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_values_that_nobody_takes_for_blank_are_replaced() {
        let case = |env: Value| -> Case {
            serde_json::from_value(json!({"host": {"env": env, "x": "t"}})).unwrap()
        };
        let env = json!({"A": "tok", "B": " ", "C": "\u{feff}", "D": 5, "E": "\u{a0}t "});
        let secret = json!({"A": "s", "B": " ", "C": "\u{feff}", "D": 5, "E": "\u{a0}s "});
        assert_eq!(*with_secret(&case(env), "s"), case(secret));
        for env in [json!({"B": "\t"}), json!(5)] {
            assert!(matches!(with_secret(&case(env), "s"), Cow::Borrowed(_)));
        }
    }
}
