//! A sequence for a subject that plays some kinds of steps only.

use mcp_overlay_model::lifecycle::{Behaviour, Sequence, Step};

use crate::subject::{StepKind, Steps};

/// The sequence without the other steps. A call that cannot be made becomes a list of servers, so that
/// what came before still shows.
#[must_use]
pub fn narrow(sequence: Sequence, steps: &Steps) -> Sequence {
    if *steps == Steps::all() {
        return sequence;
    }
    if *steps == Steps::without_turns() {
        let mut sequence = sequence;
        sequence.steps.retain(|step| StepKind::of(step) != Some(StepKind::Turn));
        return sequence;
    }
    let calls = steps.have(&[StepKind::Thread, StepKind::Call]);
    // What a server holds needs a release.
    let holds = steps.have(&[StepKind::World, StepKind::Release]);
    let mut narrowed: Vec<Step> = Vec::new();
    for step in sequence.steps {
        let step = match step {
            Step::Call { .. } if !calls => Step::View,
            Step::Read { thread: Some(_), .. } if !steps.has(StepKind::Thread) => continue,
            Step::Turn { .. } if !steps.has(StepKind::Thread) => continue,
            Step::World { behaviour: Behaviour::Hold, .. } if !holds => continue,
            // Without a change of a server there is nothing to release.
            Step::Release { .. } if !steps.has(StepKind::World) => continue,
            step => step,
        };
        let is_known = StepKind::of(&step).is_some_and(|kind| steps.has(kind));
        let is_repeated = step == Step::View && narrowed.last() == Some(&step);
        if is_known && !is_repeated {
            narrowed.push(step);
        }
    }
    Sequence { steps: narrowed, ..sequence }
}
