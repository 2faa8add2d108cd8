//! The reason of a failed request, stored with the request.
//!
//! rmcp's errors lose the type of a failure and hold text of the server. So the reason is stored
//! here before rmcp sees the failure, without that text. Every request carries its own [`Slot`], so
//! that concurrent requests do not get each other's reasons.

use std::sync::{Arc, Mutex, PoisonError};

use super::http::Refused;

/// Why a request failed, or a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// An HTTP error status.
    Status(u16),
    /// The server no longer knows the session.
    SessionLost,
    /// The server refused the authorization, and there is no replacement.
    Unauthorized {
        status: u16,
        advice: String,
    },
    /// The authorization is gone, so nothing was sent.
    NotAuthorized(String),
    Redirect(Refused),
    Unreachable(String),
    TooLarge(usize),
    Protocol(&'static str),
    /// The process exited with this status.
    Exited(String),
    /// The executor of the process's environment is gone.
    Executor {
        environment: String,
        reason: String,
    },
}

/// The reason why a request failed or a connection ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Failure>>>);

impl Slot {
    pub(super) fn get(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// Sets the reason unless there is one: later failures are consequences of the first.
    pub(super) fn set_first(&self, failure: Failure) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
