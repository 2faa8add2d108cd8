//! The stored sign-in.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::LogoutError;
use super::file::{SignIn, parse};
use super::now::AuthNow;
use super::refresh_state::RefreshState;
use super::storage::{Found, SUPPLIED, Storage};
use super::token_endpoint::TokenEndpoint;
use crate::config::{Environment, Redacted};

/// The stored sign-in. Clones share one store. `Debug` shows no secret.
#[derive(Clone)]
pub struct AuthStore(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) storage: Storage,
    /// A sign-in that counts instead of the stored one.
    supplied: Mutex<Option<String>>,
    pub(super) endpoint: TokenEndpoint,
    pub(super) refreshes: RefreshState,
    /// Held briefly while the sign-in is replaced or deleted.
    change: Mutex<()>,
    /// The last read, and its meaning.
    last: Mutex<Option<(Found, Current)>>,
}

/// The sign-in at one moment, with the secrets that a refresh needs.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) now: Arc<AuthNow>,
    pub(super) refresh_token: Option<Redacted>,
    pub(super) text: Option<Redacted>,
}

impl AuthStore {
    /// The sign-in of `auth.json` in `codex_home`. The file is read on first use.
    ///
    /// `CODEX_REFRESH_TOKEN_URL_OVERRIDE` in `env` replaces the URL at which tokens are refreshed; it
    /// must be https or on this machine.
    #[must_use]
    pub fn open(codex_home: impl Into<PathBuf>, env: &Environment) -> Self {
        Self::new(Storage::Disk(codex_home.into().join("auth.json")), env)
    }

    /// The sign-in in this text of an `auth.json`; signed out without one. Nothing is read from or
    /// written to disk: refreshed tokens are kept in memory.
    #[must_use]
    pub fn fixed(text: Option<&str>, env: &Environment) -> Self {
        Self::new(Storage::Memory(Mutex::new(text.map(str::to_owned))), env)
    }

    fn new(storage: Storage, env: &Environment) -> Self {
        Self(Arc::new(Inner {
            storage,
            supplied: Mutex::default(),
            endpoint: TokenEndpoint::of(env),
            refreshes: RefreshState::default(),
            change: Mutex::default(),
            last: Mutex::default(),
        }))
    }

    /// Replaces the text of a store made by [`fixed`](Self::fixed), and a sign-in with supplied tokens;
    /// `None` signs out. Does nothing to a file.
    pub fn replace(&self, text: Option<String>) {
        let _change = self.change();
        self.0.supply(None);
        self.keep(text);
    }

    /// Replaces the text of a store made by [`fixed`](Self::fixed), as another program writes or
    /// deletes the file: supplied tokens still count instead. Does nothing to a file.
    pub fn replace_stored(&self, text: Option<String>) {
        let _change = self.change();
        self.keep(text);
    }

    fn keep(&self, text: Option<String>) {
        if let Storage::Memory(kept) = &self.0.storage {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
    }

    /// The sign-in at this moment. The file is read at every call; as long as it does not change
    /// the same `Arc` is returned.
    #[must_use]
    pub fn now(&self) -> Arc<AuthNow> {
        self.current().now
    }

    /// Signs out: deletes the file, and the file it links to if it is a link, and forgets supplied
    /// tokens. `false` if there was no sign-in.
    ///
    /// # Errors
    /// The file could not be deleted.
    pub fn logout(&self) -> Result<bool, LogoutError> {
        // Keeps other processes from starting a refresh. A refresh in progress is not awaited: it
        // finds the file gone and writes nothing.
        let _lock = self.0.storage.try_lock();
        let _change = self.change();
        let deleted = self.0.storage.delete()?;
        Ok(self.0.supply(None).is_some() || deleted)
    }

    pub(super) fn change(&self) -> MutexGuard<'_, ()> {
        self.0.change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn current(&self) -> Current {
        // Read under the lock, so that no caller gets an older sign-in than an earlier caller.
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match self.0.supplied() {
            Some(text) => Found { text: Ok(Some(text)), exposed: false, supplied: true },
            None => self.0.storage.read(),
        };
        if let Some((before, current)) = &*last
            && *before == found
        {
            return current.clone();
        }
        let current = self.0.parse(&found);
        *last = Some((found, current.clone()));
        current
    }
}

impl Inner {
    pub(super) fn supplied(&self) -> Option<String> {
        self.supplied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the supplied sign-in, and returns the earlier one.
    pub(super) fn supply(&self, text: Option<String>) -> Option<String> {
        let mut supplied = self.supplied.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *supplied, text)
    }

    fn parse(&self, found: &Found) -> Current {
        let file = match found.supplied {
            true => SUPPLIED.to_owned(),
            false => self.storage.name(),
        };
        let text = found.text.as_ref().map(Option::as_deref).map_err(Clone::clone);
        let sign_in = text.clone().and_then(|text| match text {
            Some(text) => parse(text, &file),
            None => Ok(SignIn::default()),
        });
        let sign_in =
            sign_in.unwrap_or_else(|error| SignIn { error: Some(error), ..SignIn::default() });
        let SignIn { auth, credentials, refresh_token, account, email, plan, error, warning } =
            sign_in;
        let mut warnings: Vec<String> = warning.into_iter().collect();
        if found.exposed {
            warnings.push(format!(
                "{file}: other users can read it; run `chmod 600` on it, as the next refresh does"
            ));
        }
        warnings.extend(self.endpoint.problem().map(str::to_owned));
        let now = AuthNow { auth, credentials, account, email, plan, error, warnings };
        let text = text.ok().flatten().map(Redacted::from);
        Current { now: Arc::new(now), refresh_token, text }
    }
}

impl fmt::Debug for AuthStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthStore").field("storage", &self.0.storage.name()).finish_non_exhaustive()
    }
}
