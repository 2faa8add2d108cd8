//! The specification as a subject, for testing a driver.

use mcp_overlay_model::{Answer, Case, Outcome, resolve};

use super::contract::Subject;

/// Answers as the specification says.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelSubject;

impl Subject for ModelSubject {
    fn name(&self) -> &str {
        "model"
    }

    fn warns(&self) -> bool {
        true
    }

    fn resolve(&self, case: &Case) -> Answer {
        let outcome = resolve(case);
        let mut answer = outcome.answer();
        if let (Outcome::Resolved(resolution), Answer::Resolved { warnings, .. }) =
            (&outcome, &mut answer)
        {
            *warnings = Some(resolution.warnings.iter().map(|w| w.path.clone()).collect());
        }
        answer
    }
}
