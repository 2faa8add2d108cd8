//! What a command writes.

use std::fmt;
use std::io::{ErrorKind, Write as _};

use mcp_overlay_host::printable::escaped;

use super::stop::{Outcome, Stop};

/// Says something on standard error; that nobody listens is no reason to fail.
pub(super) fn complain(kind: &str, message: &dyn fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{kind}: {}", escaped(&message.to_string()));
}

/// Writes what a command has to say; that nobody reads on is no reason to fail, a full disk is.
pub(super) fn say(text: &str) -> Outcome {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Stop::failed(format!("cannot write the output: {error}")))
        }
        _ => Ok(()),
    }
}
