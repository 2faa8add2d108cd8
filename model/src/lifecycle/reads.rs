//! What a read of a resource must come to.

use super::address::server_at;
use super::seen::{Expected, Seen};
use super::state::State;
use super::uses::{outcome, target};
use crate::rule::Rule;

impl State {
    /// A read on a thread is a use like a call. Servers do not hold or refuse reads, so a read of one
    /// that is not well, or was not, may come to anything, and so may one of a server behind OAuth.
    ///
    /// Rule `lifecycle.read-now`: A read of a resource on no thread MUST be of the configuration and
    /// sign-in in force at some moment between request and answer.
    pub(super) fn read(&self, thread: Option<&str>, server: &str) -> Expected {
        let mut expected = match thread {
            Some(thread) => self.call(thread, server),
            None => self.read_on_no_thread(server),
        };
        let all = expected.allowed.iter().chain(expected.wrong.iter().map(|(seen, _)| seen));
        expected.anything |= all
            .filter_map(server_of)
            .any(|at| self.behaviours.contains_key(server_at(at)) || self.is_behind_oauth(at));
        expected
    }

    fn read_on_no_thread(&self, server: &str) -> Expected {
        let now = self.known.as_ref();
        let Some(observed) = self.config.observed(now) else {
            return Expected::only(Seen::Refused, Rule::LifecycleReadNow);
        };
        Expected::only(outcome(target(observed, server, now), self), Rule::LifecycleReadNow)
    }
}

/// The server of an observation.
fn server_of(seen: &Seen) -> Option<&str> {
    match seen {
        Seen::Answered { by: at, .. }
        | Seen::Failed { at, .. }
        | Seen::Held { at, .. }
        | Seen::Refreshing { at } => Some(at),
        _ => None,
    }
}
