//! Watching a sequence while it is played.

use mcp_overlay_model::lifecycle::Step;

use super::trace::Observed;

/// Sees a sequence while it is played.
pub trait Watch {
    /// Is told of a step before it is taken; the play waits for it. The number is from 0.
    fn before(&mut self, number: usize, step: &Step);

    /// Is told what was observed of the step.
    fn after(&mut self, observed: &Observed);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn before(&mut self, _: usize, _: &Step) {}

    fn after(&mut self, _: &Observed) {}
}
