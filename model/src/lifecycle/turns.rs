//! What a turn of a thread changes.

use super::seen::{Expected, Seen};
use super::state::{State, done, refused};
use crate::rule::Rule;

impl State {
    /// A host need not have turns, and what becomes of one is not specified. While a server holds a
    /// call, it may not end.
    pub(super) fn turn(&self, thread: &str) -> Expected {
        if !self.threads.contains_key(thread) {
            return refused(Rule::LifecycleThreadKeeps);
        }
        let mut expected = Expected { anything: true, ..done() };
        expected.allowed.push(Seen::Refused);
        expected
    }

    /// A thread has made a turn, and so taken up the last reload where that waited for one. A host may
    /// take up what is on disk by now.
    pub(super) fn turned(&mut self, name: &str) {
        let is_late = self.profile.has(Rule::LifecycleReloadNextTurn);
        let down: Vec<String> = self.down().collect();
        let is_valid = self.config.observed(self.known.as_ref()).is_some();
        let Some(thread) = self.threads.get_mut(name) else { return };
        if !is_late || thread.has_turned || thread.before.is_empty() {
            return;
        }
        thread.has_turned = true;
        thread.starts_servers_again(&down);
        thread.answered.clear();
        thread.perhaps.extend(Some(self.config.clone()).filter(|_| is_valid));
    }
}
