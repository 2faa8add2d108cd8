//! `mcp-overlay replay` of sequences.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use mcp_overlay::display::printable_lines;
use mcp_overlay::sequences::judge::{Verdict, judge};
use mcp_overlay::sequences::saved::{FORMAT, SavedSequence};
use mcp_overlay::sequences::story::{numbered, observed, played, told};
use mcp_overlay::subject::{Observed, SubjectKind, Watch};
use mcp_overlay_model::Profile;
use mcp_overlay_model::lifecycle::Step;
use serde_json::Value;

use super::console::{FINDINGS, Misuse, Outcome, read_text, say};
use super::selected;

const NOT_PLAYED: &str = "this subject does not play every step of this sequence\n  help: a host in \
    process and a subject over stdio have no stdio servers and no end, and a subject over stdio plays \
    the steps that it declares; name a running host with --app-server";

/// The sequences in these files; `None` if the first file has cases.
pub(crate) fn read(files: &[PathBuf]) -> Result<Option<Vec<SavedSequence>>, Misuse> {
    let mut sequences = Vec::new();
    for path in files {
        let (text, place) = (read_text(path)?, path.display());
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        if document.get("sequence").is_none() {
            return match sequences.as_slice() {
                [] => Ok(None),
                _ => Err(format!(
                    "{place}: not a sequence, and the file before it is one\n  help: replay \
                     cases and sequences one kind after the other"
                )
                .into()),
            };
        }
        let saved: SavedSequence = serde_json::from_str(&text)
            .map_err(|error| format!("{place}: not a sequence: {error}"))?;
        if saved.format != FORMAT {
            let found = saved.format;
            return Err(format!("{place}: a sequence of format {found}, expected {FORMAT}").into());
        }
        sequences.push(saved);
    }
    Ok(Some(sequences))
}

/// Shows each step before it is taken, and waits for Enter.
struct ByStep;

impl Watch for ByStep {
    fn before(&mut self, number: usize, step: &Step) {
        // In a terminal, Enter ends the line.
        let end = if std::io::stdin().is_terminal() { "" } else { "\n" };
        show(&(numbered(number, step) + end));
        // At the end of the input the rest is played without a pause.
        let _ = std::io::stdin().lock().read_line(&mut String::new());
    }

    fn after(&mut self, seen: &Observed) {
        show(&(observed(seen) + "\n"));
    }
}

/// The verdict, which follows, reports a full disk.
fn show(words: &str) {
    let _ = say(&printable_lines(words));
}

/// Plays each sequence once, and tells what happened.
pub(crate) fn run(
    subject: &selected::SubjectArguments,
    sequences: &[SavedSequence],
    by_step: bool,
) -> Outcome {
    if subject.kind() == SubjectKind::InProcess {
        return Err("a sequence needs a running host\n  help: name it with --app-server".into());
    }
    let _here = match selected::enter_network(subject)? {
        selected::Location::Here(inside) => inside,
        selected::Location::Done(code) => return Ok(code),
    };
    let profiles: Vec<Profile> = sequences.iter().map(|saved| saved.sequence.profile).collect();
    let mut failed = false;
    for selected in selected::start(subject, &profiles)? {
        let driver = selected.driver();
        for SavedSequence { sequence, .. } in sequences {
            let name = driver.name();
            let played_steps = match by_step {
                true => driver.play_watched(sequence, &mut ByStep),
                false => driver.play(sequence),
            };
            let words = match played_steps {
                None => return Err(NOT_PLAYED.into()),
                Some(Err(failure)) => {
                    failed = true;
                    format!("{name} {}: {}\n", failure.kind.word(), failure.message)
                }
                Some(Ok(trace)) => match judge(sequence, &trace) {
                    Verdict::Agree => {
                        let steps = if by_step { String::new() } else { played(sequence, &trace) };
                        format!("{name} follows the specification\n{steps}")
                    }
                    Verdict::Advisory(broken) => {
                        let rule = broken.rule;
                        let story = told(sequence, &broken);
                        format!("advisory: {name} does not follow {rule}\n  {story}")
                    }
                    Verdict::Disagree(broken) => {
                        failed = true;
                        format!("{name} breaks {}\n  {}", broken.rule, told(sequence, &broken))
                    }
                },
            };
            say(&printable_lines(&words))?;
        }
        selected.stop();
    }
    Ok(if failed { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS })
}
