//! The output of commands.

use std::fmt;
use std::io::{ErrorKind, Write as _};

use mcp_overlay_host::printable::escaped;

use super::stop::{Outcome, Stop};

/// Prints a message to standard error. Ignores a closed standard error.
pub(super) fn complain(kind: &str, message: &dyn fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{kind}: {}", escaped(&message.to_string()));
}

/// Prints the output of a command. A closed output is not a failure; other errors are.
pub(super) fn say(text: &str) -> Outcome {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Stop::failed(format!("cannot write the output: {error}")))
        }
        _ => Ok(()),
    }
}
