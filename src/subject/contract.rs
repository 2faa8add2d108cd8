//! The trait that a user implements.

use mcp_overlay_model::lifecycle::{Seen, Sequence};
use mcp_overlay_model::{Answer, Case, Profile};

use super::steps::Steps;

/// An implementation that resolves cases. It never learns what is expected.
///
/// The checker calls it in its own process. An implementation in another language, or one that may
/// hang, runs as a process of its own: see [`StdioDriver`](super::StdioDriver).
pub trait Subject: Sync {
    /// A short name for reports.
    fn name(&self) -> &str;

    /// The profiles that it supports; it skips cases of other profiles.
    fn profiles(&self) -> &[Profile] {
        &Profile::ALL
    }

    /// Whether its answers say what was warned about.
    fn warns(&self) -> bool {
        false
    }

    /// Whether it knows what a case can say of threads, of requirements and of what surrounds a
    /// plugin's servers. It is not asked such cases otherwise.
    fn knows_wide_cases(&self) -> bool {
        false
    }

    /// Resolves one case. A panic counts as a crash of the subject.
    fn resolve(&self, case: &Case) -> Answer;

    /// The steps of sequences that it plays; none if it plays no sequences.
    fn steps(&self) -> Steps {
        Steps::none()
    }

    /// Plays a sequence of these steps, from the beginning; returns the observation of each step.
    ///
    /// # Errors
    /// It failed, with this message.
    fn play(&self, _: &Sequence) -> Result<Vec<Seen>, String> {
        Err("this subject plays no sequences".into())
    }
}

impl<S: Subject + ?Sized> Subject for &S {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn profiles(&self) -> &[Profile] {
        (**self).profiles()
    }

    fn warns(&self) -> bool {
        (**self).warns()
    }

    fn knows_wide_cases(&self) -> bool {
        (**self).knows_wide_cases()
    }

    fn resolve(&self, case: &Case) -> Answer {
        (**self).resolve(case)
    }

    fn steps(&self) -> Steps {
        (**self).steps()
    }

    fn play(&self, sequence: &Sequence) -> Result<Vec<Seen>, String> {
        (**self).play(sequence)
    }
}

impl<S: Subject + ?Sized> Subject for Box<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn profiles(&self) -> &[Profile] {
        (**self).profiles()
    }

    fn warns(&self) -> bool {
        (**self).warns()
    }

    fn knows_wide_cases(&self) -> bool {
        (**self).knows_wide_cases()
    }

    fn resolve(&self, case: &Case) -> Answer {
        (**self).resolve(case)
    }

    fn steps(&self) -> Steps {
        (**self).steps()
    }

    fn play(&self, sequence: &Sequence) -> Result<Vec<Seen>, String> {
        (**self).play(sequence)
    }
}
