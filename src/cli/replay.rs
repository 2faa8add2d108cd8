//! `mcp-overlay replay`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcp_overlay::compare::compare;
use mcp_overlay::finding::Finding;
use mcp_overlay::oracle::describe;
use mcp_overlay::subject::ProductionSubject;
use mcp_overlay::vectors::{self, VectorSubject};
use mcp_overlay_model::{Answer, Case, resolve};

use super::{FINDINGS, Misuse, Outcome, read_text};

/// Run one saved finding, or vector lines, again.
///
/// A vector is also held against the specification.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A finding that `check` saved, or lines `{"case":{…},"expected":{…}}`
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = anstream::stdout();
    let mut failed = false;
    for (case, vector) in read(&arguments.file)? {
        let name = if case.id.is_empty() { "case" } else { case.id.as_str() };
        if let Some(finding) = describe(&ProductionSubject, case.clone()) {
            failed = true;
            let _ = write!(out, "{finding}");
        } else {
            let _ = writeln!(out, "{name}: production and the specification agree");
        }
        if let Some(vector) = vector {
            let expected = resolve(&case);
            let verdict = compare(&case, &expected, &vector);
            let rule = verdict.rule();
            if let Some(finding) = Finding::new(&VectorSubject, case, &expected, &verdict, rule) {
                failed = true;
                let _ = write!(out, "{finding}");
            }
        }
    }
    Ok(if failed { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS })
}

/// The cases of a file, with the expected answer where it is a vector.
fn read(path: &Path) -> Result<Vec<(Case, Option<Answer>)>, Misuse> {
    let text = read_text(path)?;
    if let Ok(finding) = serde_json::from_str::<Finding>(&text) {
        return Ok(vec![(finding.case, None)]);
    }
    let vectors = vectors::parse(&text, path)?;
    if vectors.is_empty() {
        return Err(format!("{}: no finding and no vector in it", path.display()).into());
    }
    Ok(vectors.into_iter().map(|vector| (vector.case, Some(vector.expected))).collect())
}
