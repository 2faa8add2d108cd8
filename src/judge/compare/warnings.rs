//! Holding the warnings of an answer against those that the rules demand.

use std::collections::BTreeSet;

use mcp_overlay_model::Warning;
use serde_json::Value;

use crate::judge::verdict::{Difference, Place};

/// A subject may leave out further warnings after this many: a file full of mistakes must not cost
/// more memory for its warnings than for its text.
const ENOUGH: usize = 1_000;

/// The demanded warnings that are missing. Others are allowed: a MUST asks for warnings and forbids
/// none.
pub(super) fn missing<'a>(
    expected: &'a [Warning],
    actual: &'a BTreeSet<String>,
) -> impl Iterator<Item = Difference> + 'a {
    let is_missing = |warning: &&Warning| actual.len() < ENOUGH && !is_about(actual, &warning.path);
    expected.iter().filter(is_missing).map(|warning| Difference {
        place: Place::Warning { path: warning.path.clone() },
        rule: warning.rule,
        by: None,
        expected: Some(Value::from("warning")),
        actual: None,
    })
}

/// Whether a warning names this path or a place in it.
fn is_about(warnings: &BTreeSet<String>, path: &str) -> bool {
    let after = |warning: &String| match warning.strip_prefix(path) {
        Some(rest) => rest.is_empty() || rest.starts_with(['.', '[']),
        None => false,
    };
    warnings.range(path.to_string()..).take_while(|w| w.starts_with(path)).any(after)
}
