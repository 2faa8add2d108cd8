//! What comes back for one case: an answer, or what happened instead.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mcp_overlay_model::{Answer, Case};

use super::Subject;

/// What came back for one case.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An answer.
    Answered(Answer),
    /// The subject broke down over this case or another one asked together with it.
    Failed(Failure),
    /// Another case of the same batch broke the subject before this one was answered.
    NotAsked,
}

/// How a subject broke down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In which way.
    pub kind: FailureKind,
    /// What was seen, in words.
    pub message: String,
    /// Whether it is certain that this case did it, and not another one of the same batch.
    pub certain: bool,
}

/// The ways to break down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// It ended, or panicked.
    Crashed,
    /// It did not answer in time.
    Hung,
    /// It wrote something that the protocol does not allow.
    Protocol,
    /// It let out a secret of the user.
    Leaked,
}

impl FailureKind {
    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            FailureKind::Crashed => "crashed",
            FailureKind::Hung => "hung",
            FailureKind::Protocol => "protocol error",
            FailureKind::Leaked => "leaked",
        }
    }
}

thread_local! {
    /// Whether this thread is inside a subject: a panic there is the subject's.
    static IN_SUBJECT: Cell<bool> = const { Cell::new(false) };
}

/// Asks a subject of this process.
pub(super) fn catching<S: Subject + ?Sized>(subject: &S, case: &Case) -> Reply {
    IN_SUBJECT.set(true);
    let answer = catch_unwind(AssertUnwindSafe(|| subject.resolve(case)));
    IN_SUBJECT.set(false);
    match answer {
        Ok(answer) => Reply::Answered(answer),
        Err(panic) => Reply::Failed(Failure {
            kind: FailureKind::Crashed,
            message: panic_message(&*panic),
            certain: true,
        }),
    }
}

/// Keeps the panics of subjects off standard error: each is a finding and reported as one, and
/// minimising it would print it again and again. Panics of the tool itself stay as loud as ever.
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
