//! Turns of threads.

use mcp_overlay_model::lifecycle::Seen;

use super::player::Player;
use crate::subject::{Failure, FailureKind};

impl Player<'_> {
    /// A thread makes a turn. One that does not end in time may do so later.
    pub(super) fn turn(&mut self, name: &str) -> Result<Seen, Failure> {
        let patience = self.stage.patience.case;
        self.asked.request(self.step);
        let Some(id) = self.threads.get(name).cloned() else {
            // The specification has a host from here on.
            self.session()?;
            return Ok(Seen::Refused);
        };
        self.asked.turns(name);
        match self.session_of(name)?.turn(&id, patience) {
            Ok(Ok(true)) => Ok(Seen::Done),
            Ok(Ok(false) | Err(_)) => Ok(Seen::Refused),
            Err(failure) if failure.kind == FailureKind::Hung => Ok(Seen::Unanswered),
            Err(failure) => Err(failure),
        }
    }
}
