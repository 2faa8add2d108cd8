//! A call that a server holds.

use super::shared::Target;

/// A call that a server holds.
#[derive(Debug)]
pub(super) struct Held {
    /// Of the request to the host.
    pub(super) id: u64,
    /// The number of the server's request.
    pub(super) request: usize,
    pub(super) target: Target,
    pub(super) account: Option<String>,
}
