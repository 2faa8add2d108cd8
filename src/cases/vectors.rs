//! Vectors: cases with the answer that the seed's own code gave.

use std::path::Path;

use mcp_overlay_model::{Answer, Case, Profile, Rule};
use serde::{Deserialize, Serialize};

use super::specified::is_specified;

/// The vectors this version was built with.
pub const COMMITTED: &str = include_str!("../../tests/vectors/codex-pr-27191.jsonl");

/// Those of the newest profile, with wide cases.
pub const WIDE: &str = include_str!("../../tests/vectors/codex-pr-31481.jsonl");

/// The committed vectors that a profile is checked with: wide ones where a case can be wide.
///
/// # Errors
/// None in practice: a test reads both files.
pub fn of(profile: Profile) -> Result<Vec<Vector>, BadVector> {
    let mut vectors = parse(COMMITTED, "tests/vectors/codex-pr-27191.jsonl".as_ref())?;
    if profile.has(Rule::RequirementsAllowList) {
        vectors.extend(parse(WIDE, "tests/vectors/codex-pr-31481.jsonl".as_ref())?);
    }
    vectors.retain(|vector| is_specified(&vector.case, profile));
    Ok(vectors)
}

/// A case with its expected answer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// The case.
    pub case: Case,
    /// The expected answer, without a sequence number.
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

/// Reads vectors, one per line; blank lines are skipped.
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
        // The JSON library sees one line, so its line number is always 1 and would contradict ours.
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default();
        format!("{message}, at column {}", error.column())
    })?;
    match vector.expected {
        Answer::Resolved { .. } | Answer::Rejected { .. } => Ok(vector),
        // Such a vector would be compared with nothing, and pass.
        Answer::Observed { .. } | Answer::Skipped { .. } | Answer::Errored { .. } => {
            Err("`expected` says neither views nor a rejection".into())
        }
    }
}
