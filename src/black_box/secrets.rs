//! The user's secrets in one run, and the detection of leaks in a host's output.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::subject::process::log::Record;

/// A secret of one app-server, generated for it and unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Secret {
    /// A description.
    pub(super) what: String,
    /// The secret.
    pub(super) value: String,
}

/// Searches the output of a process for secrets.
#[derive(Debug, Default)]
pub(super) struct Listener {
    secrets: Vec<Secret>,
    scan: Mutex<Scan>,
}

#[derive(Debug, Default)]
struct Scan {
    /// The end of each stream's output, because a secret may arrive in two pieces.
    ends: Vec<(&'static str, Vec<u8>)>,
    /// Descriptions of the leaked secrets and their streams.
    leaks: BTreeSet<String>,
}

impl Listener {
    pub(super) fn new(secrets: Vec<Secret>) -> Self {
        Listener { secrets, scan: Mutex::default() }
    }

    /// Descriptions of the leaks so far, without the secrets themselves.
    pub(super) fn leaks(&self) -> Vec<String> {
        self.scan.lock().unwrap_or_else(PoisonError::into_inner).leaks.iter().cloned().collect()
    }
}

impl Record for Listener {
    fn record(&self, stream: &'static str, bytes: &[u8]) {
        let mut scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        let scan = &mut *scan;
        if !scan.ends.iter().any(|(known, _)| *known == stream) {
            scan.ends.push((stream, Vec::new()));
        }
        let Some((_, end)) = scan.ends.iter_mut().find(|(known, _)| *known == stream) else {
            return;
        };
        end.extend_from_slice(bytes);
        for secret in &self.secrets {
            if contains(end, secret.value.as_bytes()) {
                scan.leaks.insert(format!("wrote {} to its {stream}", secret.what));
            }
        }
        let longest = self.secrets.iter().map(|secret| secret.value.len()).max().unwrap_or(0);
        end.drain(..end.len().saturating_sub(longest));
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|window| window == word)
}

/// A unique text, for a secret or the mark of a case.
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
    fn a_secret_in_two_pieces_is_detected() {
        let listener = listener();
        listener.record("standard error", b"log s3c");
        assert!(listener.leaks().is_empty());
        listener.record("standard output", b"r3t");
        assert!(listener.leaks().is_empty());
        listener.record("standard error", b"r3t log");
        assert_eq!(listener.leaks(), ["wrote the access token to its standard error"]);
    }

    #[test]
    fn a_leak_description_does_not_contain_the_secret() {
        let listener = listener();
        listener.record("standard output", b"s3cr3t");
        assert!(!listener.leaks().concat().contains("s3cr3t"));
    }
}
