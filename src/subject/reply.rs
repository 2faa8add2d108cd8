//! The reply to one case: an answer or a failure.

use mcp_overlay_model::Answer;

/// The reply to one case.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An answer.
    Answered(Answer),
    /// The subject broke down on this case or on another case of the same batch.
    Failed(Failure),
    /// The subject broke down on another case of the same batch before it answered this one.
    NotAsked,
}

/// How a subject broke down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of breakdown.
    pub kind: FailureKind,
    /// A description of what was observed.
    pub message: String,
    /// Whether it is certain that this case caused it, and not another case of the same batch.
    pub certain: bool,
}

/// The kinds of breakdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// It exited or panicked.
    Crashed,
    /// It did not answer in time.
    Hung,
    /// It violated the protocol.
    Protocol,
    /// It leaked a secret of the user.
    Leaked,
}

impl FailureKind {
    /// The name used in reports.
    pub fn word(self) -> &'static str {
        match self {
            FailureKind::Crashed => "crashed",
            FailureKind::Hung => "hung",
            FailureKind::Protocol => "protocol error",
            FailureKind::Leaked => "leaked",
        }
    }
}
