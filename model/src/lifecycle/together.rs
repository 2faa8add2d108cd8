//! Steps that happen together.

use super::seen::Expected;
use super::sequence::Step;
use super::state::State;
use crate::rule::Rule;

impl State {
    /// Steps that happen together: of each may be observed what one after the other would show at its
    /// place, or in the state before or after all of them.
    pub(super) fn together(&mut self, steps: &[Step]) -> Expected {
        let steps: Vec<&Step> = steps.iter().filter(|step| step.can_be_together()).collect();
        let mut states = vec![self.clone()];
        let mut parts: Vec<Expected> = Vec::new();
        for step in &steps {
            parts.push(self.step(step));
            states.push(self.clone());
        }
        self.which_reload_saw(&steps, &states);
        for (step, part) in steps.iter().zip(&mut parts) {
            for state in &states {
                let mut other = state.clone().step(step);
                part.allowed.append(&mut other.allowed);
            }
        }
        Expected { parts, ..Expected::any_of(Vec::new(), Rule::LifecycleViewNow) }
    }

    /// A reload may see every config that was written before its answer. Which one counts in the end is
    /// certain only if a reload follows the last config and succeeds.
    fn which_reload_saw(&mut self, steps: &[&Step], states: &[State]) {
        let Some(last) = steps.iter().rposition(|step| matches!(step, Step::Config(_))) else {
            return;
        };
        let reloads = steps.iter().skip(last).any(|step| matches!(step, Step::Reload));
        if reloads && self.config.observed(self.known.as_ref()).is_some() {
            return;
        }
        for (name, thread) in &mut self.threads {
            thread.perhaps.extend(states.iter().map(|state| state.config.clone()));
            // A reload that saw a refused config changed nothing.
            let before = states.first().and_then(|first| first.threads.get(name));
            thread.perhaps.extend(before.map(|before| before.config.clone()));
        }
    }
}
