//! Late answers. One pause of the machine is no finding: a case whose answer is late is asked again,
//! with more patience.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mcp_overlay_model::Case;
#[cfg(feature = "endpoint")]
use mcp_overlay_model::lifecycle::Sequence;

use crate::display::clipped;
#[cfg(feature = "endpoint")]
use crate::subject::Trace;
use crate::subject::{Driver, Failure, FailureKind, MORE_PATIENCE, Patient, Reply};

/// The most slow answers of a run. One more is a finding.
const MOST_SLOW: u64 = 3;

/// What went wrong, while the run goes on.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The subject broke down.
    BrokeDown(Failure),
    /// An answer was slow.
    Slow(String),
}

/// The late answers of a run; shared by its workers.
#[derive(Debug, Default)]
pub(super) struct Late {
    slow: AtomicU64,
    /// Whether an answer was late for good. Then the run fails, and no other case gets more
    /// patience, so that a subject that hangs often is found in bounded time.
    over: AtomicBool,
}

/// The result of asking again.
#[derive(Clone, Debug)]
pub(super) enum Again {
    /// The first answer was slow, and this is the second.
    Slow(String, Reply),
    /// It is a finding.
    Failed(Failure),
}

/// The most characters of a case in a line.
const SHOWN: usize = 300;

/// A case in a line, cut off if it is long.
fn shown(case: &Case) -> String {
    clipped(&serde_json::to_string(case).unwrap_or_default(), SHOWN)
}

impl Again {
    pub(super) fn reply(self) -> Reply {
        match self {
            Again::Slow(_, reply) => reply,
            Again::Failed(failure) => Reply::Failed(failure),
        }
    }
}

impl Late {
    /// The number of slow answers so far.
    pub(super) fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed).min(MOST_SLOW)
    }

    /// Whether an answer was late for good.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Asks a case again whose answer was late; `None` for another failure, and once an answer was
    /// late for good.
    pub(super) fn ask_again(
        &self,
        driver: &dyn Driver,
        case: &Case,
        failure: &Failure,
    ) -> Option<Again> {
        if failure.kind != FailureKind::Hung || self.is_over() {
            return None;
        }
        let Patient { reply, late } = driver.ask_patiently(case);
        Some(match reply {
            Reply::Failed(second) => {
                self.over.store(true, Ordering::Relaxed);
                Again::Failed(Failure { certain: true, ..second })
            }
            reply => match self.count(failure, late) {
                Ok(message) => Again::Slow(format!("{message}; case: {}", shown(case)), reply),
                Err(failure) => Again::Failed(failure),
            },
        })
    }

    /// Plays a sequence, and once more if its answer was late; `slow` is told if that was a pause.
    #[cfg(feature = "endpoint")]
    pub(super) fn play(
        &self,
        driver: &dyn Driver,
        sequence: &Sequence,
        slow: impl FnOnce(String),
    ) -> Option<Result<Trace, Failure>> {
        let first = driver.play(sequence)?;
        let Err(failure) = &first else { return Some(first) };
        if failure.kind != FailureKind::Hung || self.is_over() {
            return Some(first);
        }
        let Some((again, late_again)) = driver.play_patiently(sequence) else {
            return Some(first);
        };
        let played = again.inspect_err(|_| self.over.store(true, Ordering::Relaxed));
        Some(played.and_then(|trace| {
            self.count(failure, late_again).map(|message| {
                let steps = sequence.steps.len();
                slow(format!("{message}; a sequence of {steps} steps"));
                trace
            })
        }))
    }

    /// Counts a late answer that came when it was asked for again; the error is a finding.
    pub(super) fn count(&self, failure: &Failure, late_again: bool) -> Result<String, Failure> {
        let first = failure.message.lines().next().unwrap_or_default();
        let slow = self.slow.fetch_add(1, Ordering::Relaxed) + 1;
        let again = format!("{first}; asked again with {MORE_PATIENCE} times the patience, it");
        let problem = if late_again {
            format!("{again} answered, and was late again")
        } else if slow > MOST_SLOW {
            format!(
                "{again} answered in time, but this is slow answer {slow} of the run; at most \
                     {MOST_SLOW} are taken for pauses of the machine"
            )
        } else {
            return Ok(format!("{again} answered in time"));
        };
        self.over.store(true, Ordering::Relaxed);
        Err(Failure { kind: FailureKind::Hung, message: problem, certain: true })
    }
}
