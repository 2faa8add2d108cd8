//! A subject of this process that keeps state, and forgets it at a restart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_overlay_model::Case;
use mcp_overlay_model::lifecycle::Sequence;

use crate::subject::Form;
use crate::subject::{
    Driver, Failure, InProcess, Patient, Reply, Route, Steps, Subject, SubjectKind, Trace, Watch,
    ask_one,
};

/// A new subject that keeps state.
pub(super) type Make = fn() -> Box<dyn Subject + Send>;

/// Asks a subject that a restart replaces by a new one.
pub(super) struct Restarted {
    name: &'static str,
    make: Make,
    now: Mutex<Arc<dyn Subject + Send>>,
}

impl Restarted {
    pub(super) fn new(name: &'static str, make: Make) -> Self {
        Restarted { name, make, now: Mutex::new(make().into()) }
    }

    fn now(&self) -> MutexGuard<'_, Arc<dyn Subject + Send>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driver for Restarted {
    fn name(&self) -> &str {
        self.name
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        let now = Arc::clone(&self.now());
        InProcess(&*now).ask(cases)
    }

    fn ask_patiently(&self, case: &Case) -> Patient {
        Patient { reply: ask_one(self, case), late: false }
    }

    fn restart(&self) {
        *self.now() = (self.make)().into();
    }

    fn kind(&self) -> SubjectKind {
        SubjectKind::InProcess
    }

    fn warns(&self) -> bool {
        self.now().warns()
    }

    fn knows_wide_cases(&self) -> bool {
        self.now().knows_wide_cases()
    }

    fn declared(&self) -> Steps {
        Steps::none()
    }

    fn narrow(&self, case: Case) -> Case {
        let now = Arc::clone(&self.now());
        InProcess(&*now).narrow(case)
    }

    fn by_route(&self, _: Route) -> Option<&dyn Driver> {
        None
    }

    fn in_form(&self, _: Form) -> Option<Box<dyn Driver + '_>> {
        None
    }

    fn play_watched(&self, _: &Sequence, _: &mut dyn Watch) -> Option<Result<Trace, Failure>> {
        None
    }

    fn hurry(&self, _: bool) {}
}
