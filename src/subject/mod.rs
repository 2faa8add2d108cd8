//! What is under test.

mod model;
pub(crate) mod process;
mod production;
pub mod reply;
pub mod stdio;
#[cfg(feature = "endpoint")]
pub(crate) mod watched;

use mcp_overlay_model::observe::observed;
use mcp_overlay_model::{Answer, Case, Outcome, Profile};

pub use model::ModelSubject;
pub use production::{HostInputs, ProductionSubject};
pub use reply::{Failure, FailureKind, Reply};
pub use stdio::StdioSubject;

/// An implementation that resolves cases. It never learns what is expected.
///
/// An implementation in the same process has a name and [`resolve`](Subject::resolve); the other
/// methods are for one that lives in a process of its own.
pub trait Subject: Sync {
    /// A short name for reports.
    fn name(&self) -> &str;

    /// The profiles that it knows; cases of others it skips.
    fn profiles(&self) -> &[Profile] {
        &Profile::ALL
    }

    /// Resolves one case. A panic is the subject's crash, not the checker's.
    fn resolve(&self, case: &Case) -> Answer;

    /// Resolves cases, which may be sent ahead of answers: one reply a case, in the order of the
    /// cases.
    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        cases.iter().map(|case| reply::catching(self, case)).collect()
    }

    /// Forgets every earlier case, as a newly started process has. Does nothing for a subject that
    /// keeps no state.
    fn restart(&self) {}

    /// From where it is looked at.
    fn sight(&self) -> Sight {
        Sight::Views
    }

    /// The case as far as this subject can be asked it: what it has no way to be told is left out.
    /// The same case again for one that is in reach already.
    fn within_reach(&self, case: Case) -> Case {
        case
    }

    /// The same subject, told its config in another way; `None` for one that has a single way.
    fn told(&self, _way: Way) -> Option<&dyn Subject> {
        None
    }

    /// How long a case that hung may take while it is made smaller; see
    /// [`shrink`](crate::cases::shrink). Does nothing for a subject that is never waited for.
    fn hurry(&self, _hurry: bool) {}
}

/// From where a subject is looked at: what of an outcome it can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// It says its three views.
    #[default]
    Views,
    /// It is a running host, seen by its client and by the servers that it connects to.
    Outside,
}

impl Sight {
    /// What the specification expects to be seen.
    #[must_use]
    pub fn of(self, case: &Case, outcome: Outcome) -> Outcome {
        match self {
            Sight::Views => outcome,
            Sight::Outside => observed(case, &outcome),
        }
    }
}

/// A way to tell a running host its config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// All of it in `config.toml`.
    #[default]
    File,
    /// All of it as `-c key=value` arguments.
    Arguments,
    /// Every other key in the file, the rest as arguments.
    Split,
}
