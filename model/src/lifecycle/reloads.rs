//! Reloads while a server holds the handshake of an earlier one.

use super::config::Config;
use super::sequence::Behaviour;
use super::state::State;
use super::uses::{World, target};

impl State {
    /// Whether some server holds handshakes.
    #[must_use]
    pub fn holds_a_start(&self) -> bool {
        self.behaviours.values().any(|behaves| *behaves == Behaviour::HoldStart)
    }

    /// Before each thread gets the configuration on disk: a reload was slower than the one that comes
    /// now if a server that it gave the thread still holds the handshake.
    pub(super) fn note_slow_reloads(&mut self) {
        if !self.holds_a_start() {
            self.threads.values_mut().for_each(|thread| thread.is_opening = false);
            return;
        }
        let mut threads = std::mem::take(&mut self.threads);
        for thread in threads.values_mut() {
            let before = self.held_in(&thread.config);
            if thread.is_opening && !before.is_empty() {
                thread.slow.push(thread.config.clone());
            }
            let now = self.held_in(&self.config);
            thread.is_opening = now.iter().any(|held| !before.contains(held));
        }
        self.threads = threads;
    }

    /// The enabled servers of a configuration that hold handshakes, with the name and the address.
    fn held_in(&self, config: &Config) -> Vec<(String, String)> {
        let Some(observed) = config.observed(self.known.as_ref()) else { return Vec::new() };
        let holds = |at: &str| self.behaviour(at) == Behaviour::HoldStart;
        let held = observed.iter().filter_map(|(name, _)| {
            let at = target(observed, name, None)?.at;
            holds(at).then(|| (name.clone(), at.to_string()))
        });
        held.collect()
    }

    /// A reload has no answer yet, so a thread may have any configuration that it had before.
    pub(super) fn reload_is_open(&mut self) {
        for thread in self.threads.values_mut() {
            thread.perhaps.extend(thread.before.iter().cloned());
        }
    }
}
