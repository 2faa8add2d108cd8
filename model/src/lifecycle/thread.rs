//! A thread, and the accounts that it has met.

use serde_json::Value;

use crate::case::Auth;

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The account.
    pub account: String,
    /// The kind of sign-in.
    pub auth: Auth,
}

/// A thread.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// The configuration that its uses follow.
    pub config: Value,
    /// The configuration that a reload replaced; a host may follow it until the next turn where the
    /// rule is `lifecycle.reload-next-turn`.
    pub before: Vec<Value>,
    /// What was on disk when an account changed since the last reload; a host may have taken it up.
    pub perhaps: Vec<Value>,
    /// The accounts that were signed in while it lived, oldest first, the current one last.
    pub accounts: Vec<Option<SignedIn>>,
}
