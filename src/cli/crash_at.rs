//! `mcp-overlay crash-at`

use std::path::PathBuf;
use std::process::ExitCode;

use mcp_overlay::black_box::crash::plan::{Plan, TraceError};
use mcp_overlay::black_box::crash::point::Point;
use mcp_overlay::black_box::crash::tracer::trace;

use super::console::{Outcome, complain};

/// The exit status where nothing can be traced.
const REFUSED: u8 = 3;

/// Run a program, record its file operations, and kill it at one of them (Linux)
///
/// `crash-points` runs the host with it. Exit status: that of the program; 137 after a kill; 3 if
/// this system lets no program trace another.
#[derive(clap::Args)]
#[command(hide = true)]
pub(crate) struct Arguments {
    /// Record the operations on files in this folder [default: $CODEX_HOME]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Append the operations to this file, one a line
    #[arg(long, value_name = "FILE")]
    record: PathBuf,

    /// Kill the program before an operation takes effect (`before:N`), or after it (`after:N`)
    #[arg(long, value_name = "POINT")]
    kill: Option<Point>,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let Arguments { folder, record, kill, command } = arguments;
    let home = || std::env::var_os("CODEX_HOME").map(PathBuf::from);
    let folder = folder.clone().or_else(home);
    let folder = folder.ok_or("expected --folder, or CODEX_HOME in the environment")?;
    let folder = folder.canonicalize().map_err(|error| {
        format!("{}: expected a folder: {error}\n  help: name it with --folder", folder.display())
    })?;
    let plan = Plan { folder, record: record.clone(), kill: *kill };
    match trace(command, &plan) {
        Ok(status) => {
            let status = status.and_then(|status| u8::try_from(status).ok());
            Ok(ExitCode::from(status.unwrap_or(137)))
        }
        Err(error @ TraceError::Refused(_)) => {
            complain("error", &error.to_string());
            Ok(ExitCode::from(REFUSED))
        }
        Err(error) => Err(error.to_string().into()),
    }
}
