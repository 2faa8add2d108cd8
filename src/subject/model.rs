//! The specification as a subject, for testing a driver.

use mcp_overlay_model::lifecycle::{Seen, Sequence, State};
use mcp_overlay_model::{Answer, Case, Outcome, resolve};

use super::contract::Subject;
use super::steps::Steps;

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

    fn knows_wide_cases(&self) -> bool {
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

    fn steps(&self) -> Steps {
        Steps::without_turns()
    }

    /// Of several observations that are allowed, shows the first.
    fn play(&self, sequence: &Sequence) -> Result<Vec<Seen>, String> {
        let mut state = State::before(sequence, true);
        let steps = sequence.steps.iter().map(|step| {
            let expected = state.step(step);
            let seen = expected.likely().ok_or("the specification allows nothing here")?;
            state.took(step, &seen);
            Ok(seen)
        });
        steps.collect()
    }
}
