//! Calls that wait for a server, or for a token endpoint.

use super::shared::Target;

/// A tool call or a read that is not answered yet.
#[derive(Debug)]
pub(super) struct Use {
    /// Of the request to the host.
    pub(super) id: u64,
    /// The number of the call; reads of one server have the same.
    pub(super) call: u64,
    /// How many requests had reached servers before.
    pub(super) before: usize,
    /// The name of the thread; empty without one.
    pub(super) thread: String,
    /// The name of the server.
    pub(super) server: String,
}

/// A call that a server holds.
#[derive(Debug)]
pub(super) struct Held {
    /// Of the request to the host.
    pub(super) id: u64,
    /// The number of the server's request.
    pub(super) request: usize,
    pub(super) target: Target,
    pub(super) account: Option<String>,
    /// The thread of the call.
    pub(super) thread: String,
}

/// A call that waits for a refresh.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) used: Use,
    /// The server whose token endpoint holds the refresh.
    pub(super) target: Target,
}
