//! The lines of the file.

use mcp_overlay_model::Rule;
use serde::{Deserialize, Serialize};

use crate::report::data::{RuleStatus, RunOptions, RunVerdict};

/// The version of the file format.
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) report: u32,
    pub(super) tool: String,
    pub(super) run: RunOptions,
}

/// A rule, and what became of it.
#[derive(Serialize, Deserialize)]
pub(super) struct RuleLine {
    pub(super) id: Rule,
    pub(super) reached: u64,
    /// For readers; it follows from the other lines.
    pub(super) status: RuleStatus,
}

/// The last line.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub(super) verdict: RunVerdict,
    /// For readers; it follows from the other lines.
    pub(super) headline: String,
    pub(super) gave_up: Option<String>,
    /// All lines of the file, the first and this one too.
    pub(super) lines: u64,
}
