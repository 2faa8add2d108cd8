//! Subjects in this process.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mcp_overlay_model::Case;
use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::narrow::narrowed;

use super::contract::Subject;
use super::driver::{Driver, Patient, Route, SubjectKind};
use super::form::Form;
use super::reply::{Failure, FailureKind, Reply};
use super::steps::Steps;
use super::trace::Trace;
use super::watch::Watch;

/// Asks a subject by calling it. A panic becomes a reply.
#[derive(Clone, Copy, Debug)]
pub struct InProcess<S>(pub S);

impl<S: Subject> Driver for InProcess<S> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        cases.iter().map(|case| catching(&self.0, case)).collect()
    }

    fn ask_patiently(&self, case: &Case) -> Patient {
        Patient { reply: catching(&self.0, case), late: false }
    }

    /// Does nothing: a subject must answer from the case alone, and asking again finds one that
    /// does not.
    fn restart(&self) {}

    fn kind(&self) -> SubjectKind {
        SubjectKind::InProcess
    }

    fn warns(&self) -> bool {
        self.0.warns()
    }

    fn knows_wide_cases(&self) -> bool {
        self.0.knows_wide_cases()
    }

    fn declared(&self) -> Steps {
        Steps::none()
    }

    fn narrow(&self, case: Case) -> Case {
        if self.0.knows_wide_cases() { case } else { narrowed(case) }
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

    /// Does nothing: a call has no timeout.
    fn hurry(&self, _: bool) {}
}

thread_local! {
    /// Whether this thread is calling a subject; a panic is then the subject's.
    static IN_SUBJECT: Cell<bool> = const { Cell::new(false) };
}

/// Calls a subject and catches its panic.
fn catching(subject: &impl Subject, case: &Case) -> Reply {
    let answer = as_subject(|| catch_unwind(AssertUnwindSafe(|| subject.resolve(case))));
    match answer {
        Ok(answer) => Reply::Answered(answer),
        Err(panic) => Reply::Failed(Failure {
            kind: FailureKind::Crashed,
            message: panic_message(&*panic),
            certain: true,
        }),
    }
}

/// Marks panics in `call`, which does not unwind itself, as the subject's.
pub(crate) fn as_subject<T>(call: impl FnOnce() -> T) -> T {
    IN_SUBJECT.set(true);
    let called = call();
    IN_SUBJECT.set(false);
    called
}

/// Silences the panic messages of subjects: each panic is reported as a finding, and shrinking
/// would repeat it many times. Panics of the tool itself are still printed.
pub fn silence_subjects() {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IN_SUBJECT.get() {
            loud(panic);
        }
    }));
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panicked without a message").to_string()
}
