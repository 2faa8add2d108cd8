//! The host of a sequence: it starts when a step needs it, and ends when a step says so.

use std::collections::BTreeMap;
use std::path::Path;

use mcp_overlay_model::lifecycle::{Ending, Seen};

use super::left_behind::left_behind;
use super::player::{ENDS, Player, Stage};
use crate::black_box::home::{self, Home};
use crate::black_box::refusal::ConfigNames;
use crate::black_box::session::{self, NotStarted, Session, Settings, Start};
use crate::subject::{Failure, FailureKind};

impl Player<'_> {
    /// The running host, which is started if it is not there.
    pub(super) fn session(&mut self) -> Result<&mut Session, Failure> {
        if self.session.is_none() {
            let home = self.home.take().map_or_else(|| Home::new(None), Ok);
            let home = home.map_err(|error| session::own_fault(&error))?;
            if !std::mem::replace(&mut self.has_run, true) {
                // A host that starts again finds what the one before it left.
                let local = home::with_settings(&self.local_config(), &[]);
                home.write(&local, &[]).map_err(|error| session::own_fault(&error))?;
            }
            self.session = Some(self.start_in(home)?);
        }
        self.session.as_mut().ok_or_else(|| crashed("is not running".into()))
    }

    /// Starts a second host in the home of the first, if it is not there.
    pub(super) fn start_second(&mut self) -> Result<(), Failure> {
        if self.second.is_none() {
            let home = self.session()?.home.shared();
            self.second = Some(self.start_in(home)?);
        }
        Ok(())
    }

    /// The host of this thread.
    pub(super) fn session_of(&mut self, thread: &str) -> Result<&mut Session, Failure> {
        if !self.second_threads.contains(thread) {
            return self.session();
        }
        self.second.as_mut().ok_or_else(|| crashed("is not running".into()))
    }

    fn start_in(&mut self, mut home: Home) -> Result<Session, Failure> {
        let local = home::with_settings(&self.local_config(), &[]);
        home.secrets = self.accounts.secrets.clone();
        home.issued = self.stage.servers.issued(&self.mark);
        let names = ConfigNames::of(&local);
        let settings = Settings { file: &local, plugins: &[], names };
        let start = Start {
            auth: None,
            environment: self.spoken.variables.clone(),
            arguments: self.local_arguments(),
            is_experimental: true,
        };
        let Stage { command, environment, patience, .. } = self.stage;
        let started =
            Session::start_at(home, command, start, &settings, environment, patience.start);
        started.map_err(|not_started| match not_started {
            NotStarted::Failed(failure) => failure,
            NotStarted::Refused(message) => crashed(format!("did not start: {message}")),
        })
    }

    /// Ends the host, and the second one; what it leaves behind after a while.
    ///
    /// # Errors
    /// It crashed at the end of its input.
    pub(super) fn end_host(&mut self, by: Ending) -> Result<Seen, Failure> {
        let Some(mut session) = self.session.take() else { return Ok(Seen::Done) };
        self.threads.clear();
        self.second_threads.clear();
        let mut second = self.second.take();
        self.held.clear();
        self.waiting.clear();
        let seen = match by {
            Ending::Kill => {
                second.iter_mut().chain([&mut session]).for_each(Session::kill);
                Seen::Done
            }
            Ending::EndOfInput
                if second.iter_mut().chain([&mut session]).all(|host| host.ends_within(ENDS)) =>
            {
                self.left_by(session.home.path())
            }
            Ending::EndOfInput => Seen::Unanswered,
        };
        self.stage.servers.host_ended(&self.mark);
        self.asked.host_ended();
        self.leaked_before.extend(second.iter().chain([&session]).flat_map(Session::leaks));
        let crash = match by {
            Ending::EndOfInput => {
                second.iter_mut().chain([&mut session]).find_map(Session::crash_at_end)
            }
            Ending::Kill => None,
        };
        drop(second);
        self.home = Some(session.into_home());
        crash.map_or(Ok(seen), Err)
    }

    /// The servers and processes that a host with this home has left behind.
    fn left_by(&self, home: &Path) -> Seen {
        match self.left_over(&BTreeMap::new()) {
            Seen::LeftOver(servers) if servers.is_empty() => {
                let names = left_behind(home, ENDS).into_iter();
                Seen::LeftOver(names.map(|name| format!("the process {name}")).collect())
            }
            left => left,
        }
    }
}

fn crashed(message: String) -> Failure {
    Failure { kind: FailureKind::Crashed, message, certain: true }
}
