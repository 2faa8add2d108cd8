//! The secrets that a server knows from the host, taken out of what the server says in errors.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Shorter values are not taken out: they would occur in ordinary words, and protect nothing.
const MIN_BYTES: usize = 6;
/// The most secrets that are remembered. Tokens are replaced; the oldest are forgotten.
const MAX_SECRETS: usize = 256;
const REPLACEMENT: &str = "[redacted]";

/// The secrets that were sent to one server. There is no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Secrets(Arc<Mutex<VecDeque<String>>>);

impl Secrets {
    /// Remembers a value. Of a header like `Bearer TOKEN` the part behind the scheme is the secret.
    pub(super) fn add(&self, value: &str) {
        let value = value.trim();
        let secret = value.split_once(' ').map_or(value, |(_, secret)| secret.trim());
        if secret.len() < MIN_BYTES {
            return;
        }
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if secrets.iter().any(|known| known == secret) {
            return;
        }
        if secrets.len() >= MAX_SECRETS {
            secrets.pop_front();
        }
        secrets.push_back(secret.to_owned());
    }

    /// The text without the secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut secrets: Vec<_> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        // A secret may be a part of another one.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, REPLACEMENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_a_text_and_short_values_are_not() {
        let secrets = Secrets::default();
        for value in ["Bearer token-1", "token-1-and-more", " x-key-12 ", "short", "Basic ab"] {
            secrets.add(value);
        }
        let text = "token-1-and-more Bearer token-1, x-key-12 short Basic ab";
        let redacted = "[redacted] Bearer [redacted], [redacted] short Basic ab";
        assert_eq!(secrets.redact(text), redacted);
    }

    #[test]
    fn the_latest_secrets_are_remembered() {
        let secrets = Secrets::default();
        for number in 0..=MAX_SECRETS {
            secrets.add(&format!("token-{number}-end"));
        }
        assert_eq!(secrets.redact("token-0-end token-1-end"), "token-0-end [redacted]");
    }
}
