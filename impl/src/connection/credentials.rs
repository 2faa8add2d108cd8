//! The host's own credentials.

use std::fmt;

/// What the host sends to the Apps server, and to no other, on the user's behalf. `Debug` shows
/// neither value.
#[derive(Clone, PartialEq, Eq)]
pub struct HostCredentials {
    /// The ChatGPT access token, sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// The ChatGPT account, sent as `ChatGPT-Account-ID`.
    pub account_id: Option<String>,
}

impl fmt::Debug for HostCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostCredentials").finish_non_exhaustive()
    }
}
