//! Vectors: cases with the answer that the seed's own code gave.

use std::path::Path;

use mcp_overlay_model::{Answer, Case};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

/// The vectors this version was built with.
pub const COMMITTED: &str = include_str!("../tests/vectors/codex-pr-27191.jsonl");

/// A case with the answer expected of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// The question.
    pub case: Case,
    /// The answer, without its sequence number.
    pub expected: Answer,
}

/// The vectors in the place of a subject: their word against the model's.
#[derive(Clone, Copy, Debug)]
pub struct VectorSubject;

impl Subject for VectorSubject {
    fn name(&self) -> &str {
        "the vector"
    }

    fn resolve(&self, _: &Case) -> Answer {
        Answer::skipped("a vector answers its own case only")
    }
}

/// A line that is not a vector.
#[derive(Debug, thiserror::Error)]
#[error(
    "{file}:{line}: not a vector: {cause}\n  expected: {{\"case\":{{…}},\"expected\":{{…}}}} on one line"
)]
pub struct BadVector {
    file: String,
    line: usize,
    cause: serde_json::Error,
}

/// Reads vectors, one a line; blank lines are passed over.
///
/// # Errors
/// The first line that is not a vector.
pub fn parse(text: &str, file: &Path) -> Result<Vec<Vector>, BadVector> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|cause| BadVector {
                file: file.display().to_string(),
                line: index + 1,
                cause,
            })
        })
        .collect()
}
