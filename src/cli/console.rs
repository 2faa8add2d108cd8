//! Shared by all commands: exit codes, messages, files that a user names.

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use mcp_overlay::display::printable_lines;
use mcp_overlay_model::Profile;

/// Exit status for wrong use and for faults of the tool itself.
pub(super) const MISUSE: u8 = 2;
/// Exit status for findings.
pub(super) const FINDINGS: u8 = 1;

/// Why a command could not run; shown on standard error, exit status 2.
pub(super) struct Misuse(pub(super) String);

impl<E: fmt::Display> From<E> for Misuse {
    fn from(error: E) -> Self {
        Misuse(error.to_string())
    }
}

pub(super) type Outcome = Result<ExitCode, Misuse>;

/// Prints a message on standard error. A closed standard error is ignored.
pub(super) fn complain(kind: &str, message: &dyn fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{kind}: {}", printable_lines(&message.to_string()));
}

/// Prints a command's output. A closed pipe is ignored; any other write error, such as a full disk,
/// is reported.
pub(super) fn say(text: &str) -> Result<(), Misuse> {
    match anstream::stdout().write_all(text.as_bytes()).and_then(|()| anstream::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write the output: {error}").into())
        }
        _ => Ok(()),
    }
}

pub(super) fn profile(name: &str) -> Result<Profile, String> {
    Profile::ALL
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or_else(|| format!("expected one of: {}", Profile::ALL.map(Profile::name).join(", ")))
}

/// The largest file that a command reads, in bytes.
pub(super) const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Reads a text file that a user named.
pub(super) fn read_text(path: &Path) -> Result<String, Misuse> {
    let place = path.display();
    let file = std::fs::File::open(path).map_err(|e| format!("cannot read {place}: {e}"))?;
    let mut text = String::new();
    let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
    match read.map_err(|e| format!("cannot read {place}: {e}"))? as u64 > MAX_FILE {
        true => Err(format!("{place}: larger than {} MiB", MAX_FILE >> 20).into()),
        false => Ok(text),
    }
}
