//! What was expected to fail.

use mcp_overlay_model::Rule;
use serde::{Deserialize, Serialize};

use crate::finding::expected::Entry;

/// An expected failure and the number of its matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The entry, as written.
    pub entry: Entry,
    /// Number of findings and scenarios that it matched.
    pub met: u64,
}

/// An expected failure or an allowed skip that did not occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmet<'a> {
    /// The rule, the finding, or how the reason of the skip begins.
    pub what: &'a str,
    /// The reason of the entry.
    pub reason: &'a str,
    /// The rule, if the entry names one.
    pub rule: Option<Rule>,
    /// Whether it is a skip.
    pub is_skip: bool,
}
