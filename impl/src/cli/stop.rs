//! The outcome of a command.

use std::fmt;

/// Why a command failed; printed to standard error.
pub(super) enum Stop {
    /// Exit status 1.
    Failed(String),
    /// Exit status 2.
    Misuse(String),
}

impl Stop {
    pub(super) fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(message.to_string())
    }

    pub(super) fn misuse(message: impl fmt::Display) -> Self {
        Self::Misuse(message.to_string())
    }
}

pub(super) type Outcome = Result<(), Stop>;
