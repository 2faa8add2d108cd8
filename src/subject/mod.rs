//! What is under test.

mod group;
pub(crate) mod log;
mod model;
pub(crate) mod piped;
mod production;
pub mod reply;
pub mod stdio;
#[cfg(feature = "endpoint")]
pub(crate) mod watched;

use mcp_overlay_model::{Answer, Case};

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

    /// How long a case that hung may take while it is made smaller; see
    /// [`minimise`](crate::minimise). Does nothing for a subject that is never waited for.
    fn hurry(&self, _hurry: bool) {}
}
