//! What the client asked for: each request is a reason to try once more a refresh whose answer was
//! lost.

use std::collections::BTreeMap;
use std::time::Instant;

use super::target::Target;

/// The requests of the client, and the connections that the host may be opening because of them.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// When, and in which step.
    requests: Vec<(Instant, usize)>,
    openings: Vec<Opening>,
}

/// A thread that started, or whose configuration was reloaded: the host opens connections of it in the
/// background.
#[derive(Debug)]
struct Opening {
    thread: String,
    since: Instant,
    /// The first answered call to each server. Its connection was open then.
    reached: BTreeMap<Target, Instant>,
    /// The end of the host, or the next reload or turn.
    until: Option<Instant>,
}

impl Asked {
    pub(super) fn request(&mut self, step: usize) {
        self.requests.push((Instant::now(), step));
    }

    pub(super) fn thread_starts(&mut self, thread: &str) {
        let (thread, since) = (thread.to_string(), Instant::now());
        self.openings.push(Opening { thread, since, reached: BTreeMap::new(), until: None });
    }

    pub(super) fn reloads(&mut self) {
        self.close(|_| true).iter().for_each(|thread| self.thread_starts(thread));
    }

    /// A thread makes a turn, which may take up a reload.
    pub(super) fn turns(&mut self, thread: &str) {
        self.close(|open| open == thread);
        self.thread_starts(thread);
    }

    pub(super) fn host_ended(&mut self) {
        self.close(|_| true);
    }

    /// Ends what is open of these threads; returns them.
    fn close(&mut self, is_of: impl Fn(&str) -> bool) -> Vec<String> {
        let now = Instant::now();
        let is_open = |opening: &&mut Opening| opening.until.is_none() && is_of(&opening.thread);
        let open = self.openings.iter_mut().filter(is_open);
        let close = |opening: &mut Opening| {
            opening.until = Some(now);
            opening.thread.clone()
        };
        open.map(close).collect()
    }

    pub(super) fn was_answered(&mut self, thread: &str, by: &Target) {
        let mut open = self.openings.iter_mut().filter(|opening| opening.until.is_none());
        if let Some(opening) = open.find(|opening| opening.thread == thread) {
            opening.reached.entry(by.clone()).or_insert_with(Instant::now);
        }
    }

    /// How many reasons there were to ask the token endpoint of this server, from the step in which the
    /// token came `first`.
    pub(super) fn reasons(&self, first: Instant, again: Instant, target: &Target) -> usize {
        let before = self.requests.iter().filter(|(at, _)| *at <= first);
        let step = before.map(|(_, step)| *step).max();
        let is_reason =
            |(at, of): &&(Instant, usize)| *at <= again && step.is_none_or(|step| *of >= step);
        let is_opening = |opening: &&Opening| {
            opening.since <= again
                && opening.until.is_none_or(|until| until >= first)
                && opening.reached.get(target).is_none_or(|reached| *reached > first)
        };
        self.requests.iter().filter(is_reason).count()
            + self.openings.iter().filter(is_opening).count()
    }
}
