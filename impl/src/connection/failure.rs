//! Why a request failed, kept with the request.
//!
//! On its way through rmcp a failure loses its type, and text that the server wrote gets into
//! errors and logs. The reason is kept here, where it is still known, and the server's words are
//! dropped. Every request carries its own [`Slot`], so that of several requests under way at the
//! same time none gets another's reason.

use std::sync::{Arc, Mutex, PoisonError};

use super::http::Refused;

/// Why a request failed, or a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// An HTTP status that is no success.
    Status(u16),
    /// The session is not known to the server any more.
    SessionLost,
    /// The server refused what authorises the connection, and there is nothing else.
    Unauthorized {
        status: u16,
        advice: String,
    },
    /// What authorises the connection is gone, so nothing was sent.
    NotAuthorized(String),
    Redirect(Refused),
    Unreachable(String),
    TooLarge(usize),
    Protocol(&'static str),
    /// The process ended, in these words of the system.
    Exited(String),
}

/// The reason of one request's failure, or of a connection's end.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Failure>>>);

impl Slot {
    pub(super) fn get(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// Keeps this reason unless there is one already: what follows a failure is its consequence.
    pub(super) fn set_first(&self, failure: Failure) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
