//! The store of OAuth tokens.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::file::{Prepared, TokenFile};
use super::tokens::{Tokens, key};
use crate::files::lock_within;

/// How long another process may refresh a server's tokens: longer than any refresh takes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(90);
/// The time between two attempts to take the lock.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Where tokens are stored: the setting `mcp_oauth_credentials_store`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StoreMode {
    /// The system keyring if it works, else the file.
    #[default]
    Auto,
    /// The file `.credentials.json` in the host's home.
    File,
    /// The system keyring.
    Keyring,
}

/// The value is not `auto`, `file` or `keyring`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `auto`, `file` or `keyring`")]
pub struct UnknownStore;

impl FromStr for StoreMode {
    type Err = UnknownStore;

    fn from_str(word: &str) -> Result<Self, UnknownStore> {
        match word {
            "auto" => Ok(Self::Auto),
            "file" => Ok(Self::File),
            "keyring" => Ok(Self::Keyring),
            _ => Err(UnknownStore),
        }
    }
}

/// Stores OAuth tokens by server name and URL: a server whose URL changed does not get the tokens of
/// the old URL. Cheap to clone; clones share one store. `Debug` shows no token.
#[derive(Clone)]
pub struct TokenStore(Arc<Inner>);

struct Inner {
    backend: Backend,
    /// Serialises the refreshes of a server.
    refreshes: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<LastFailure>>>>,
}

enum Backend {
    Memory(Mutex<BTreeMap<String, Tokens>>),
    Disk(TokenFile, Mutex<StoreMode>),
}

/// The last refresh of a server's tokens in this process that failed: when, with which refresh
/// token, and why.
type LastFailure = Option<(Instant, Option<String>, String)>;

/// Held while a server's tokens are refreshed.
pub(super) struct RefreshLock {
    process: tokio::sync::OwnedMutexGuard<LastFailure>,
    _machine: Option<File>,
}

impl RefreshLock {
    /// Why a refresh of these tokens has failed since then, if one has.
    pub(super) fn failed_since(&self, since: Instant, tokens: &Tokens) -> Option<String> {
        let (at, token, reason) = self.process.as_ref()?;
        (*at >= since && *token == tokens.refresh_token).then(|| reason.clone())
    }

    /// A refresh of these tokens has failed.
    pub(super) fn failed(&mut self, tokens: &Tokens, reason: String) {
        *self.process = Some((Instant::now(), tokens.refresh_token.clone(), reason));
    }
}

impl TokenStore {
    /// A store in memory. Nothing is written to disk.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Backend::Memory(Mutex::default()))
    }

    /// The store in this home (`$CODEX_HOME`). It is read on first use.
    #[must_use]
    pub fn on_disk(home: impl Into<PathBuf>, mode: StoreMode) -> Self {
        Self::new(Backend::Disk(TokenFile::new(home.into()), Mutex::new(mode)))
    }

    fn new(backend: Backend) -> Self {
        Self(Arc::new(Inner { backend, refreshes: Mutex::default() }))
    }

    /// Changes the mode of this store and its clones. Tokens stored elsewhere stay there, as after a
    /// restart of the host. A store in memory ignores the mode.
    pub fn set_mode(&self, mode: StoreMode) {
        if let Backend::Disk(_, kept) = &self.0.backend {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = mode;
        }
    }

    /// The tokens of a server.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(&self, name: &str, url: &str) -> Result<Option<Tokens>, StoreError> {
        let (name, url) = (name.to_owned(), url.to_owned());
        self.blocking(move |store| store.load(&name, &url)).await
    }

    /// Stores these tokens, in place of those with the same server name and URL.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn save(&self, tokens: Tokens) -> Result<(), StoreError> {
        self.blocking(move |store| store.save(&tokens, store.prepare()?)).await
    }

    /// Makes ready what [`save_prepared`](Self::save_prepared) needs. Fails here if tokens cannot be
    /// stored, before the refresh token is spent.
    pub(super) async fn prepare(&self) -> Result<Option<Prepared>, StoreError> {
        self.blocking(Inner::prepare).await
    }

    /// [`save`](Self::save) after [`prepare`](Self::prepare).
    pub(super) async fn save_prepared(
        &self,
        tokens: Tokens,
        prepared: Option<Prepared>,
    ) -> Result<(), StoreError> {
        self.blocking(move |store| store.save(&tokens, prepared)).await
    }

    /// Removes a server's tokens from file and keyring. Returns whether there were any.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn remove(&self, name: &str, url: &str) -> Result<bool, StoreError> {
        let (name, url) = (name.to_owned(), url.to_owned());
        self.blocking(move |store| store.remove(&name, &url)).await
    }

    /// Waits until no other task and no other process refreshes the server's tokens.
    pub(super) async fn lock(&self, name: &str, url: &str) -> Result<RefreshLock, StoreError> {
        let key = key(name, url);
        let process = {
            let mut refreshes = self.0.refreshes.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(refreshes.entry(key.clone()).or_default())
        };
        let process = process.lock_owned().await;
        let file = self.blocking(move |store| match &store.backend {
            Backend::Memory(_) => Ok(None),
            Backend::Disk(file, _) => file.open_refresh_lock(&key).map(Some),
        });
        let machine = match (file.await?, &self.0.backend) {
            (Some(lock), Backend::Disk(file, _)) => {
                let locked = lock_within(lock, LOCK_TIMEOUT, LOCK_POLL).await;
                let locked = locked.map_err(|error| file.not_locked(&error))?;
                Some(locked.ok_or_else(|| StoreError::Busy(name.to_owned()))?)
            }
            _ => None,
        };
        Ok(RefreshLock { process, _machine: machine })
    }

    /// Runs file and keyring operations off the runtime's threads: they block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.unwrap_or(Err(StoreError::Stopped))
    }
}

impl Inner {
    fn load(&self, name: &str, url: &str) -> Result<Option<Tokens>, StoreError> {
        let (file, mode) = match &self.backend {
            Backend::Memory(tokens) => return Ok(memory(tokens).get(&key(name, url)).cloned()),
            Backend::Disk(file, mode) => (file, now(mode)),
        };
        match mode {
            StoreMode::File => file.load(name, url),
            StoreMode::Keyring => keyring::load(name, url),
            StoreMode::Auto => match keyring::load(name, url) {
                Ok(Some(tokens)) => Ok(Some(tokens)),
                Ok(None) | Err(_) => file.load(name, url),
            },
        }
    }

    /// What the file needs; `None` if tokens may be stored elsewhere.
    fn prepare(&self) -> Result<Option<Prepared>, StoreError> {
        match &self.backend {
            Backend::Memory(_) => Ok(None),
            Backend::Disk(file, mode) => match now(mode) {
                StoreMode::File => file.prepare().map(Some),
                // With a keyring, a home that cannot be written to does not matter.
                StoreMode::Auto => Ok(file.prepare().ok()),
                StoreMode::Keyring => Ok(None),
            },
        }
    }

    fn save(&self, tokens: &Tokens, prepared: Option<Prepared>) -> Result<(), StoreError> {
        let (name, url) = (&tokens.server_name, &tokens.server_url);
        let (file, mode) = match &self.backend {
            Backend::Memory(kept) => {
                memory(kept).insert(key(name, url), tokens.clone());
                return Ok(());
            }
            Backend::Disk(file, mode) => (file, now(mode)),
        };
        let in_file = || file.save(tokens, prepared.map_or_else(|| file.prepare(), Ok)?);
        if mode == StoreMode::File {
            return in_file();
        }
        match (keyring::save(tokens), mode) {
            // A copy left in the file would become stale.
            (Ok(()), _) => file.remove(name, url).map(drop),
            (Err(_), StoreMode::Auto) => in_file(),
            (Err(error), _) => Err(error),
        }
    }

    fn remove(&self, name: &str, url: &str) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Memory(tokens) => Ok(memory(tokens).remove(&key(name, url)).is_some()),
            Backend::Disk(file, mode) => {
                let in_file = file.remove(name, url)?;
                match (keyring::remove(name, url), now(mode)) {
                    (Ok(in_keyring), _) => Ok(in_file || in_keyring),
                    (Err(error), StoreMode::Keyring) => Err(error),
                    (Err(_), _) => Ok(in_file),
                }
            }
        }
    }
}

fn now(mode: &Mutex<StoreMode>) -> StoreMode {
    *mode.lock().unwrap_or_else(PoisonError::into_inner)
}

fn memory(
    tokens: &Mutex<BTreeMap<String, Tokens>>,
) -> std::sync::MutexGuard<'_, BTreeMap<String, Tokens>> {
    tokens.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for TokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0.backend {
            Backend::Memory(_) => "memory",
            Backend::Disk(..) => "disk",
        };
        f.debug_tuple("TokenStore").field(&kind).finish()
    }
}

#[cfg(feature = "keyring")]
use super::keyring;

/// Replaces the keyring in a build without it.
#[cfg(not(feature = "keyring"))]
mod keyring {
    use super::{StoreError, Tokens};

    fn absent<T>() -> Result<T, StoreError> {
        Err(StoreError::Keyring("this build does not support it (feature `keyring`)".to_owned()))
    }

    pub(super) fn load(_: &str, _: &str) -> Result<Option<Tokens>, StoreError> {
        absent()
    }

    pub(super) fn save(_: &Tokens) -> Result<(), StoreError> {
        absent()
    }

    pub(super) fn remove(_: &str, _: &str) -> Result<bool, StoreError> {
        absent()
    }
}
