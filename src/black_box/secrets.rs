//! The user's secrets of one run, and whether a host lets them out in what it writes.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::subject::process::log::Record;

/// The credentials of one app-server, invented for it and found nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Secret {
    /// What it is, for people.
    pub(super) what: String,
    /// The secret.
    pub(super) value: String,
}

/// Listens for secrets in everything that a process writes.
#[derive(Debug, Default)]
pub(super) struct Listener {
    secrets: Vec<Secret>,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// The end of what was written to each stream: a secret may come in two pieces.
    ends: Vec<(&'static str, Vec<u8>)>,
    /// What was let out, and where.
    leaks: BTreeSet<String>,
}

impl Listener {
    pub(super) fn new(secrets: Vec<Secret>) -> Self {
        Listener { secrets, heard: Mutex::default() }
    }

    /// What was let out so far, without the secrets themselves.
    pub(super) fn leaks(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).leaks.iter().cloned().collect()
    }
}

impl Record for Listener {
    fn record(&self, stream: &'static str, bytes: &[u8]) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = &mut *heard;
        if !heard.ends.iter().any(|(known, _)| *known == stream) {
            heard.ends.push((stream, Vec::new()));
        }
        let Some((_, end)) = heard.ends.iter_mut().find(|(known, _)| *known == stream) else {
            return;
        };
        end.extend_from_slice(bytes);
        for secret in &self.secrets {
            if contains(end, secret.value.as_bytes()) {
                heard.leaks.insert(format!("wrote {} to its {stream}", secret.what));
            }
        }
        let longest = self.secrets.iter().map(|secret| secret.value.len()).max().unwrap_or(0);
        end.drain(..end.len().saturating_sub(longest));
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|window| window == word)
}

/// A text that nobody else has, for a secret or the name of a case.
pub(super) fn nonce() -> String {
    let mut random = fastrand::Rng::new();
    std::iter::repeat_with(|| random.alphanumeric()).take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> Listener {
        let secret = Secret { what: "the access token".into(), value: "s3cr3t".into() };
        Listener::new(vec![secret])
    }

    #[test]
    fn a_secret_in_two_pieces_is_heard() {
        let listener = listener();
        listener.record("standard error", b"log s3c");
        assert!(listener.leaks().is_empty());
        listener.record("standard output", b"r3t");
        assert!(listener.leaks().is_empty());
        listener.record("standard error", b"r3t log");
        assert_eq!(listener.leaks(), ["wrote the access token to its standard error"]);
    }

    #[test]
    fn what_is_said_of_a_leak_does_not_hold_the_secret() {
        let listener = listener();
        listener.record("standard output", b"s3cr3t");
        assert!(!listener.leaks().concat().contains("s3cr3t"));
    }
}
