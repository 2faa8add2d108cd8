//! What must happen sometimes in a search, so that an empty one is no success.

use std::collections::BTreeMap;

use mcp_overlay_model::CODEX_APPS;
use mcp_overlay_model::lifecycle::{Means, Seen, Sequence, SignIn, Step};

use crate::subject::Trace;

/// The situations.
pub const ALL: [&str; 10] = [
    "a sign-out while a call is held",
    "a reload of another config while a call is held",
    "another account signs in while a call is held",
    "a held call is answered after a reload",
    "a held call is answered after a sign-out",
    "two calls are held at the same time",
    "a call to a server is answered while another server holds a call",
    "a reload of a config that is refused while a thread lives",
    "the Apps server answers a thread that lived through a sign-out",
    "two threads reach different servers under one name",
];

/// How often each situation came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sometimes(BTreeMap<&'static str, u64>);

impl Sometimes {
    /// Counts the situations of a sequence that was played.
    pub fn record(&mut self, sequence: &Sequence, trace: &Trace) {
        let mut so_far = SoFar::default();
        for (step, observed) in sequence.steps.iter().zip(&trace.steps) {
            so_far.step(step, &observed.seen, |number| {
                if let Some(words) = ALL.get(number) {
                    *self.0.entry(words).or_default() += 1;
                }
            });
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Sometimes) {
        for (words, count) in &other.0 {
            *self.0.entry(words).or_default() += count;
        }
    }

    /// How often this one came.
    #[must_use]
    pub fn count(&self, words: &str) -> u64 {
        self.0.get(words).copied().unwrap_or_default()
    }

    /// The situations that never came.
    #[must_use]
    pub fn never(&self) -> Vec<&'static str> {
        ALL.into_iter().filter(|words| self.count(words) == 0).collect()
    }
}

/// What has happened in a sequence.
#[derive(Default)]
struct SoFar {
    held: usize,
    /// Whether the config changed since the last reload.
    is_edited: bool,
    was_reloaded: bool,
    was_signed_out: bool,
    threads: usize,
    threads_at_sign_out: usize,
    signed_out: bool,
    account: Option<String>,
    answers: BTreeMap<(String, String), String>,
}

impl SoFar {
    fn step(&mut self, step: &Step, seen: &Seen, mut came: impl FnMut(usize)) {
        match (step, seen) {
            (Step::Config(_), _) => self.is_edited = true,
            (Step::SignOut { by }, Seen::Done) => {
                if self.held > 0 && *by == Means::Protocol {
                    came(0);
                    self.was_signed_out = true;
                }
                self.threads_at_sign_out = self.threads;
                self.signed_out = true;
            }
            (Step::SignIn(SignIn { account, .. }), _) => {
                if self.held > 0 && self.account.as_ref().is_some_and(|before| before != account) {
                    came(2);
                }
                self.account = Some(account.clone());
            }
            (Step::Reload, Seen::Done) => {
                if self.held > 0 && std::mem::take(&mut self.is_edited) {
                    came(1);
                    self.was_reloaded = true;
                }
                self.answers.clear();
            }
            (Step::Reload, Seen::Refused) if self.threads > 0 => came(7),
            (Step::Thread { .. }, Seen::Done) => self.threads += 1,
            (Step::Release { .. }, Seen::Released(released)) => {
                let answered = released.iter().any(|seen| matches!(seen, Seen::Answered { .. }));
                self.held -= released.len().min(self.held);
                if answered && std::mem::take(&mut self.was_reloaded) {
                    came(3);
                }
                if answered && std::mem::take(&mut self.was_signed_out) {
                    came(4);
                }
            }
            (Step::Call { .. }, Seen::Held { .. }) => {
                self.held += 1;
                if self.held == 2 {
                    came(5);
                }
            }
            (Step::Call { thread, server }, Seen::Answered { by, .. }) => {
                if self.held > 0 {
                    came(6);
                }
                let is_old = thread == "t1" && self.threads_at_sign_out > 0;
                if self.signed_out && is_old && server == CODEX_APPS {
                    came(8);
                }
                let other = |((other, name), at): (&(String, String), &String)| {
                    other != thread && name == server && at != by
                };
                if self.answers.iter().any(other) {
                    came(9);
                }
                self.answers.insert((thread.clone(), server.clone()), by.clone());
            }
            _ => {}
        }
    }
}
