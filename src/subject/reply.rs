//! What comes back for one case: an answer, or what happened instead.

use mcp_overlay_model::Answer;

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
