//! The lines of the file.

use mcp_overlay_model::Rule;
use serde::{Deserialize, Serialize};

use crate::report::data::{ReportedFinding, RuleStatus, RunOptions, RunVerdict};

/// The version of the file format.
pub const FORMAT: u32 = 2;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) report: u32,
    pub(super) tool: String,
    pub(super) run: RunOptions,
}

/// The result for a rule.
#[derive(Serialize, Deserialize)]
pub(super) struct RuleLine {
    pub(super) id: Rule,
    pub(super) reached: u64,
    /// Redundant, for readers: it follows from the other lines.
    pub(super) status: RuleStatus,
}

/// A finding, and the id of the one that stands for its cause.
#[derive(Serialize)]
pub(super) struct FindingLine<'a> {
    #[serde(flatten)]
    pub(super) found: &'a ReportedFinding,
    /// Redundant, for readers: it follows from the findings.
    pub(super) cause: &'a str,
}

/// The last line.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub(super) verdict: RunVerdict,
    /// Redundant, for readers: it follows from the other lines.
    pub(super) headline: String,
    pub(super) gave_up: Option<String>,
    /// Redundant, for readers: what the subject does not show follows from the header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) not_shown: Vec<String>,
    /// Number of lines in the file, including the first and this one.
    pub(super) lines: u64,
}
