//! `mcp-overlay replay`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcp_overlay::finding::{FORMAT, Finding};
use mcp_overlay::investigate::describe;
use mcp_overlay::oracle::silence_subjects;
use mcp_overlay::subject::ProductionSubject;
use mcp_overlay::vectors::{self, VECTORS_NAME, Vector};
use mcp_overlay_model::Case;
use serde_json::Value;

use super::{FINDINGS, Misuse, Outcome, read_text, say};

/// Run one saved finding, or vector lines, again.
///
/// A vector is also held against the specification.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A finding that `check` saved, or lines `{"case":{…},"expected":{…}}`
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    silence_subjects();
    let mut failed = false;
    for replayed in read(&arguments.file)? {
        let Replayed { case, vector } = &replayed;
        let name = if case.id.is_empty() { "case" } else { case.id.as_str() };
        if let Some(finding) = describe(&ProductionSubject, case.clone()) {
            failed = true;
            say(&finding.to_string())?;
        } else {
            say(&format!("{name}: production and the specification agree\n"))?;
        }
        if let Some(finding) = vector.as_ref().and_then(Vector::against_model) {
            failed = true;
            say(&finding.to_string())?;
        }
    }
    Ok(if failed { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS })
}

/// A case, with the answer that a vector expects of it.
struct Replayed {
    case: Case,
    vector: Option<Vector>,
}

fn read(path: &Path) -> Result<Vec<Replayed>, Misuse> {
    let text = read_text(path)?;
    // A finding is one JSON document that says so; everything else is lines of vectors.
    let document = serde_json::from_str::<Value>(&text).ok();
    if document.is_some_and(|document| document.get("finding").is_some()) {
        return Ok(vec![of_finding(&text, path)?]);
    }
    let vectors = vectors::parse(&text, path)?;
    if vectors.is_empty() {
        return Err(format!("{}: no finding and no vector in it", path.display()).into());
    }
    let replayed = |vector: Vector| Replayed { case: vector.case.clone(), vector: Some(vector) };
    Ok(vectors.into_iter().map(replayed).collect())
}

fn of_finding(text: &str, path: &Path) -> Result<Replayed, Misuse> {
    let place = path.display();
    let finding: Finding =
        serde_json::from_str(text).map_err(|error| format!("{place}: not a finding: {error}"))?;
    if finding.finding != FORMAT {
        let found = finding.finding;
        return Err(format!("{place}: a finding of format {found}, expected {FORMAT}").into());
    }
    let vector = match finding.actual {
        Some(expected) if finding.subject == VECTORS_NAME => {
            Some(Vector { case: finding.case.clone(), expected })
        }
        _ => None,
    };
    Ok(Replayed { case: finding.case, vector })
}
