//! `mcp-overlay replay`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcp_overlay::cases::vectors::{self, Vector};
use mcp_overlay::display::printable_lines;
use mcp_overlay::finding::investigate::{describe, describe_again};
use mcp_overlay::finding::of_vector::{VECTORS_NAME, against_model};
use mcp_overlay::finding::{FORMAT, Finding};
use mcp_overlay::judge::judge;
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::subject::reply::silence_subjects;
use mcp_overlay::subject::{ProductionSubject, Subject};
use mcp_overlay_model::Profile;
use serde_json::Value;

use super::console::{FINDINGS, MISUSE, Misuse, Outcome, read_text, say};
use super::driven;

/// Run one saved finding, or vector lines, again.
///
/// A finding that needs another question before it, or several tries, gets them. A vector is also
/// held against the specification.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Findings that `check` saved, or files of lines `{"case":{…},"expected":{…}}`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    driven: driven::SubjectArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut replayed = Vec::new();
    for path in &arguments.files {
        let of_file = read(path)?;
        if arguments.driven.is_production() {
            of_file.iter().try_for_each(|question| is_of_production(question, path))?;
        }
        replayed.extend(of_file);
    }
    let _here = match driven::go(&arguments.driven)? {
        driven::Place::Here(inside) => inside,
        driven::Place::Done(code) => return Ok(code),
    };
    silence_subjects();
    let (mut failed, mut skipped) = (false, false);
    for driven in driven::start(&arguments.driven, Profile::default())? {
        let subject = driven.subject();
        for question in &replayed {
            if skips(subject, question)? {
                skipped = true;
            } else {
                failed |= ask_again(subject, question)?;
            }
        }
        driven.stop();
    }
    for finding in replayed.iter().filter_map(Replayed::against_model) {
        failed = true;
        say(&finding.to_string())?;
    }
    Ok(match (failed, skipped) {
        (true, _) => ExitCode::from(FINDINGS),
        // Nothing was compared, which is never a pass.
        (false, true) => ExitCode::from(MISUSE),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// Whether the subject skips the case: neither agreement nor a failure.
fn skips(subject: &dyn Subject, question: &Replayed) -> Result<bool, Misuse> {
    let case = match question {
        Replayed::Finding(finding) => &finding.case,
        Replayed::Vector(vector) => &vector.case,
    };
    let Verdict::NotComparable(reason) = judge(subject, case).1 else {
        return Ok(false);
    };
    let words = format!("{}: skipped, so nothing is compared: {reason}\n", subject.name());
    say(&printable_lines(&words))?;
    Ok(true)
}

/// Whether the subject fails.
fn ask_again(subject: &dyn Subject, question: &Replayed) -> Result<bool, Misuse> {
    let (case, found) = match question {
        Replayed::Finding(finding) => (&finding.case, describe_again(subject, finding)),
        Replayed::Vector(vector) => (&vector.case, describe(subject, vector.case.clone())),
    };
    let words = match &found {
        Some(finding) => finding.to_string(),
        None => {
            let name = if case.id.is_empty() { "case" } else { case.id.as_str() };
            format!("{name}: {} and the specification agree\n", subject.name())
        }
    };
    say(&printable_lines(&words))?;
    Ok(found.is_some())
}

/// A finding about somebody else says nothing when production is asked.
fn is_of_production(question: &Replayed, path: &Path) -> Result<(), Misuse> {
    match question {
        Replayed::Finding(finding)
            if ![ProductionSubject.name(), VECTORS_NAME].contains(&finding.subject.as_str()) =>
        {
            let (path, subject) = (path.display(), &finding.subject);
            Err(format!(
                "{path}: found in {subject}, and production would be asked\n  help: say whom to \
                 ask, with the --stdio or --fault of that check"
            )
            .into())
        }
        _ => Ok(()),
    }
}

/// What was read from a file.
enum Replayed {
    Finding(Box<Finding>),
    Vector(Box<Vector>),
}

impl Replayed {
    /// What is wrong between a vector and the specification.
    fn against_model(&self) -> Option<Finding> {
        match self {
            Replayed::Vector(vector) => against_model(vector),
            Replayed::Finding(finding) if finding.subject == VECTORS_NAME => {
                let (case, expected) = (finding.case.clone(), finding.actual.clone()?);
                against_model(&Vector { case, expected })
            }
            Replayed::Finding(_) => None,
        }
    }
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
    Ok(vectors.into_iter().map(|vector| Replayed::Vector(Box::new(vector))).collect())
}

fn of_finding(text: &str, path: &Path) -> Result<Replayed, Misuse> {
    let place = path.display();
    let finding: Finding =
        serde_json::from_str(text).map_err(|error| format!("{place}: not a finding: {error}"))?;
    if finding.finding != FORMAT {
        let found = finding.finding;
        return Err(format!("{place}: a finding of format {found}, expected {FORMAT}").into());
    }
    Ok(Replayed::Finding(Box::new(finding)))
}
