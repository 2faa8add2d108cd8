//! The state that all refreshes of a sign-in share.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::token_endpoint::RefreshFailure;

/// Serialises refreshes and remembers the last failure.
#[derive(Default)]
pub(super) struct RefreshState {
    pub(super) turn: tokio::sync::Mutex<()>,
    last_failure: Mutex<Option<Failed>>,
}

struct Failed {
    refresh_token: String,
    at: Instant,
    failure: RefreshFailure,
}

impl RefreshState {
    /// The failure that applies to a request made at `asked`: a permanent one, or one that happened
    /// while the request waited.
    pub(super) fn known_failure(
        &self,
        refresh_token: &str,
        asked: Instant,
    ) -> Option<RefreshFailure> {
        let last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref().filter(|last| last.refresh_token == refresh_token)?;
        (last.failure.permanent || last.at >= asked).then(|| last.failure.clone())
    }

    pub(super) fn note(&self, refresh_token: &str, failure: &RefreshFailure) {
        let failed = Failed {
            refresh_token: refresh_token.to_owned(),
            at: Instant::now(),
            failure: failure.clone(),
        };
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failed);
    }
}
