//! The host of a sequence: it starts when a step needs it, and ends when a step says so.

use std::collections::BTreeMap;

use mcp_overlay_model::lifecycle::{Ending, Seen};

use super::player::{ENDS, Player, Stage};
use crate::black_box::home::{self, Home};
use crate::black_box::refusal::ConfigNames;
use crate::black_box::session::{self, NotStarted, Session, Settings, Start};
use crate::subject::{Failure, FailureKind};

impl Player<'_> {
    /// The running host, which is started if it is not there.
    pub(super) fn session(&mut self) -> Result<&mut Session, Failure> {
        if self.session.is_none() {
            let local = home::with_settings(&self.local_config(), &[]);
            let home = self.home.take().map_or_else(|| Home::new(None), Ok);
            let mut home = home.map_err(|error| session::own_fault(&error))?;
            if !std::mem::replace(&mut self.has_run, true) {
                // A host that starts again finds what the one before it left.
                home.write(&local, &[]).map_err(|error| session::own_fault(&error))?;
            }
            home.secrets = self.accounts.secrets.clone();
            let names = ConfigNames::of(&local);
            let settings = Settings { file: &local, plugins: &[], names };
            let start = Start { auth: None, environment: BTreeMap::new(), arguments: Vec::new() };
            let Stage { command, environment, patience, .. } = self.stage;
            let started =
                Session::start_at(home, command, start, &settings, environment, patience.start);
            self.session = Some(started.map_err(|not_started| match not_started {
                NotStarted::Failed(failure) => failure,
                NotStarted::Refused(message) => crashed(format!("did not start: {message}")),
            })?);
        }
        self.session.as_mut().ok_or_else(|| crashed("is not running".into()))
    }

    /// Ends the host; what it leaves behind after a while.
    pub(super) fn end_host(&mut self, by: Ending) -> Seen {
        let Some(mut session) = self.session.take() else { return Seen::Done };
        self.threads.clear();
        self.held.clear();
        let seen = match by {
            Ending::Kill => {
                session.kill();
                Seen::Done
            }
            Ending::EndOfInput if session.ends_within(ENDS) => self.left_over(&BTreeMap::new()),
            Ending::EndOfInput => Seen::Unanswered,
        };
        self.leaked_before.extend(session.leaks());
        self.home = Some(session.into_home());
        seen
    }
}

fn crashed(message: String) -> Failure {
    Failure { kind: FailureKind::Crashed, message, certain: true }
}
