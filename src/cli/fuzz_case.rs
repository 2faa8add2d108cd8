//! `mcp-overlay fuzz-case`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcp_overlay::fuzz::{sequence_from_input, vector_from};
use mcp_overlay::sequences::saved::{FORMAT, SavedSequence};

use super::console::{Misuse, Outcome, say};

/// Turn inputs of a fuzz target into cases or a sequence that `replay` reads
///
/// What the bytes of an input mean depends on the generator of this version. As text, a case that
/// matters stays the same case. The inputs of the other targets are text already.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mcp-overlay fuzz-case resolve fuzz/artifacts/resolve/crash-* >> fuzz/cases/resolve.jsonl\n  \
    mcp-overlay fuzz-case sequence fuzz/artifacts/sequence/crash-0123 > sequence.json")]
pub(crate) struct Arguments {
    /// The fuzz target
    #[arg(value_enum)]
    target: Target,

    /// The inputs: for `resolve` each becomes a line, for `sequence` there is one
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Target {
    Resolve,
    Sequence,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    match (arguments.target, arguments.files.as_slice()) {
        (Target::Sequence, [file]) => say(&sequence(file)?)?,
        (Target::Sequence, _) => {
            return Err(
                "a file has one sequence, so expected one input of the target sequence".into()
            );
        }
        (Target::Resolve, files) => files.iter().try_for_each(|file| say(&vector(file)?))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn vector(file: &Path) -> Result<String, Misuse> {
    let id = file.file_name().unwrap_or_default().to_string_lossy();
    let vector = vector_from(&read(file)?, &id);
    let line = serde_json::to_string(&vector).map_err(|error| format!("{id}: {error}"))?;
    Ok(line + "\n")
}

fn sequence(file: &Path) -> Result<String, Misuse> {
    let place = file.display();
    let sequence =
        sequence_from_input(&read(file)?).ok_or_else(|| format!("{place}: an empty input"))?;
    let saved = SavedSequence { format: FORMAT, rule: None, subject: None, sequence };
    let text = serde_json::to_string_pretty(&saved).map_err(|error| format!("{place}: {error}"))?;
    Ok(text + "\n")
}

fn read(file: &Path) -> Result<Vec<u8>, Misuse> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()).into())
}
