//! The sign-in at one moment.

use super::error::AuthFileError;
use super::file::Account;
use super::kind::Auth;
use crate::connection::HostCredentials;

/// The sign-in at one moment. The default is signed out. `Debug` shows no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthNow {
    /// How the user is signed in; decides the gate.
    pub auth: Option<Auth>,
    /// The host's own credentials. `None` for an API key and for an agent identity.
    pub credentials: Option<HostCredentials>,
    /// The account that is signed in.
    pub account: Option<Account>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their ChatGPT plan, from the id token.
    pub plan: Option<String>,
    /// Why the sign-in cannot be used. `auth` is then `None`: an invalid file counts as signed out,
    /// whatever it held before. The exception is an agent identity: it opens the gate, and the
    /// error says that there are no credentials to send.
    pub error: Option<AuthFileError>,
    /// Problems that cause no failure.
    pub warnings: Vec<String>,
}

impl AuthNow {
    /// Whether both are the same account with the same kind of auth, or both are signed out.
    #[must_use]
    pub fn same_account(&self, other: &Self) -> bool {
        self.auth == other.auth && self.account == other.account
    }
}
