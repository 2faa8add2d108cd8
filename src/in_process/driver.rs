//! The production implementation as a subject that also plays sequences.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mcp_overlay_model::Case;
use mcp_overlay_model::lifecycle::Sequence;
use tokio::runtime::{Builder, Runtime};

use super::host::{Hosts, Production};
pub use super::player::Pace;
use super::player::Player;
use crate::subject::{
    Driver, Failure, FailureKind, Form, InProcess, Patient, ProductionSubject, Reply, Route, Steps,
    SubjectKind, Trace, Unwatched, Watch, as_subject,
};

/// Asks the production implementation for its views, and plays sequences on a host.
pub struct HostDriver {
    hosts: Box<dyn Hosts>,
}

impl Default for HostDriver {
    fn default() -> Self {
        HostDriver { hosts: Box::new(Production) }
    }
}

impl HostDriver {
    /// The production implementation, with other hosts for the sequences.
    #[must_use]
    pub fn with(hosts: Box<dyn Hosts>) -> Self {
        HostDriver { hosts }
    }

    /// Plays a sequence on a new host.
    ///
    /// # Errors
    /// The host panicked, or did not answer.
    pub fn played(&self, sequence: &Sequence, pace: Pace) -> Result<Trace, Failure> {
        self.played_watched(sequence, pace, &mut Unwatched)
    }

    fn played_watched(
        &self,
        sequence: &Sequence,
        pace: Pace,
        watch: &mut dyn Watch,
    ) -> Result<Trace, Failure> {
        let play = || {
            RUNTIME.with_borrow_mut(|kept| {
                let runtime = match kept.take() {
                    Some(runtime) => runtime,
                    None => new_runtime()?,
                };
                let player = Player::new(&*self.hosts, sequence, pace);
                let played = runtime.block_on(player.play(sequence, watch));
                // After a breakdown something may go on in it.
                *kept = played.is_ok().then_some(runtime);
                played
            })
        };
        as_subject(|| catch_unwind(AssertUnwindSafe(play))).unwrap_or_else(|_| {
            let message = "panicked".to_string();
            Err(Failure { kind: FailureKind::Crashed, message, certain: true })
        })
    }
}

thread_local! {
    /// One runtime serves all sequences of a worker, one after the other.
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// A runtime with virtual time, and nothing else.
fn new_runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_time().start_paused(true).build().map_err(|error| {
        let message = format!("cannot be started: {error}");
        Failure { kind: FailureKind::Crashed, message, certain: true }
    })
}

const VIEWS: InProcess<ProductionSubject> = InProcess(ProductionSubject);

impl Driver for HostDriver {
    fn name(&self) -> &str {
        VIEWS.name()
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        VIEWS.ask(cases)
    }

    fn ask_patiently(&self, case: &Case) -> Patient {
        VIEWS.ask_patiently(case)
    }

    fn restart(&self) {}

    fn kind(&self) -> SubjectKind {
        SubjectKind::Production
    }

    fn warns(&self) -> bool {
        VIEWS.warns()
    }

    fn knows_wide_cases(&self) -> bool {
        VIEWS.knows_wide_cases()
    }

    fn declared(&self) -> Steps {
        Steps::none()
    }

    fn narrow(&self, case: Case) -> Case {
        case
    }

    fn by_route(&self, _: Route) -> Option<&dyn Driver> {
        None
    }

    fn in_form(&self, _: Form) -> Option<Box<dyn Driver + '_>> {
        None
    }

    fn play_watched(
        &self,
        sequence: &Sequence,
        watch: &mut dyn Watch,
    ) -> Option<Result<Trace, Failure>> {
        Steps::all().can_play(sequence).then(|| self.played_watched(sequence, Pace::AtOnce, watch))
    }

    fn hurry(&self, _: bool) {}
}
