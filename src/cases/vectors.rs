//! Vectors: cases with the answer that the seed's own code gave.

use std::path::Path;

use mcp_overlay_model::{Answer, Case};
use serde::{Deserialize, Serialize};

/// The vectors this version was built with.
pub const COMMITTED: &str = include_str!("../../tests/vectors/codex-pr-27191.jsonl");

/// A case with the answer expected of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// The question.
    pub case: Case,
    /// The answer, without its sequence number.
    pub expected: Answer,
}

/// A line that is not a vector.
#[derive(Debug, thiserror::Error)]
#[error(
    "{file}:{line}: not a vector: {problem}\n  \
     expected: {{\"case\":{{…}},\"expected\":{{…}}}} on one line, with views or a rejection expected"
)]
pub struct BadVector {
    file: String,
    line: usize,
    problem: String,
}

/// Reads vectors, one a line; blank lines are passed over.
///
/// # Errors
/// The first line that is not a vector.
pub fn parse(text: &str, file: &Path) -> Result<Vec<Vector>, BadVector> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let bad = |index: usize, problem: String| BadVector {
        file: file.display().to_string(),
        line: index + 1,
        problem,
    };
    lines.map(|(index, line)| parse_line(line).map_err(|problem| bad(index, problem))).collect()
}

fn parse_line(line: &str) -> Result<Vector, String> {
    let vector: Vector = serde_json::from_str(line).map_err(|error| {
        // The library counts lines too, always one: that number would contradict ours.
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default();
        format!("{message}, at column {}", error.column())
    })?;
    match vector.expected {
        Answer::Resolved { .. } | Answer::Rejected { .. } => Ok(vector),
        // It would be compared with nothing, and pass.
        Answer::Observed { .. } | Answer::Skipped { .. } | Answer::Errored { .. } => {
            Err("`expected` says neither views nor a rejection".into())
        }
    }
}
