//! The sign-in at one moment.

use super::error::AuthFileError;
use super::file::Account;
use super::kind::Auth;
use crate::connection::HostCredentials;

/// The sign-in at one moment. The default is that nobody is signed in. `Debug` shows no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthNow {
    /// How the user is signed in; this is what the gate asks.
    pub auth: Option<Auth>,
    /// What the Apps server gets. `None` for an API key and for an agent identity.
    pub credentials: Option<HostCredentials>,
    /// Who is signed in.
    pub account: Option<Account>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their ChatGPT plan, as the id token has it.
    pub plan: Option<String>,
    /// Why there is a sign-in that cannot be used. `auth` is then `None`: a broken file counts as
    /// signed out, never as what it said before. An agent identity is the exception: it opens the
    /// gate, and the error is that there is nothing to send.
    pub error: Option<AuthFileError>,
    /// What the user should know but nothing fails for.
    pub warnings: Vec<String>,
}

impl AuthNow {
    /// Whether both are the same account, signed in in the same way, or both nobody.
    #[must_use]
    pub fn same_account(&self, other: &Self) -> bool {
        self.auth == other.auth && self.account == other.account
    }
}
