//! What the refreshes of one sign-in share.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::token_endpoint::RefreshFailure;

/// Lets one refresh happen at a time and remembers how the last one failed.
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
    /// The failure that holds for whoever asked at `asked`: one that happened while they waited,
    /// or one that is final.
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
