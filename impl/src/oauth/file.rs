//! The file of OAuth tokens: `.credentials.json` in the host's home, which Codex also reads.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::error::StoreError;
use super::tokens::{Tokens, digest, key};
use crate::files::{ReadError, Replacement, open_private, read_text};

/// The largest file, in bytes.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// What a save needs, made ready before the refresh token is spent: then only writing can fail, and a
/// host that is killed is likely to have stored the new one.
pub(super) struct Prepared {
    new: Replacement,
    lock: File,
}

/// The file. Entries of other programs are kept unchanged.
pub(super) struct TokenFile {
    home: PathBuf,
    path: PathBuf,
}

impl TokenFile {
    pub(super) fn new(home: PathBuf) -> Self {
        let path = home.join(".credentials.json");
        Self { home, path }
    }

    pub(super) fn load(&self, name: &str, url: &str) -> Result<Option<Tokens>, StoreError> {
        let entries = self.read()?;
        // Like Codex, compares names and URLs, not keys. Of several entries the last to expire is
        // the newest.
        let tokens = entries.values().filter(|entry| is_of(entry, name, url));
        let tokens = tokens.filter_map(|entry| serde_json::from_value(entry.clone()).ok());
        Ok(tokens.max_by_key(|tokens: &Tokens| tokens.expires_at))
    }

    pub(super) fn prepare(&self) -> Result<Prepared, StoreError> {
        let new = Replacement::of(&self.path).map_err(|error| self.not_written(&error))?;
        Ok(Prepared { new, lock: self.open_lock("file")? })
    }

    pub(super) fn save(&self, tokens: &Tokens, prepared: Prepared) -> Result<(), StoreError> {
        let (name, url) = (&tokens.server_name, &tokens.server_url);
        let entry = serde_json::to_value(tokens).map_err(|_| self.error("cannot be serialized"))?;
        let Prepared { new, lock } = prepared;
        lock.lock().map_err(|error| self.not_locked(&error))?;
        let mut entries = self.read()?;
        entries.retain(|_, entry| !is_of(entry, name, url));
        entries.insert(key(name, url), entry);
        self.write(new, entries)
    }

    pub(super) fn remove(&self, name: &str, url: &str) -> Result<bool, StoreError> {
        // Without a file, neither file nor lock is created.
        if !self.path.exists() {
            return Ok(false);
        }
        let Prepared { new, lock } = self.prepare()?;
        lock.lock().map_err(|error| self.not_locked(&error))?;
        let mut entries = self.read()?;
        let before = entries.len();
        entries.retain(|_, entry| !is_of(entry, name, url));
        let removed = entries.len() < before;
        if removed {
            self.write(new, entries)?;
        }
        Ok(removed)
    }

    /// The file that is locked while the tokens with this key are refreshed.
    pub(super) fn open_refresh_lock(&self, key: &str) -> Result<File, StoreError> {
        self.open_lock(&digest(key))
    }

    fn read(&self) -> Result<Map<String, Value>, StoreError> {
        let text = match read_text(&self.path, MAX_BYTES) {
            Ok(text) => text,
            Err(ReadError::Missing) => return Ok(Map::new()),
            Err(error) => return Err(self.error(format!("cannot be read: {error}"))),
        };
        self.make_private()?;
        if text.trim().is_empty() {
            return Ok(Map::new());
        }
        // The parser's message is not shown: it may quote the file.
        serde_json::from_str(&text)
            .map_err(|_| self.error("is not a JSON object; repair or delete it"))
    }

    /// Removes the permissions of other users. If that fails, the file belongs to another user and
    /// is not trusted.
    fn make_private(&self) -> Result<(), StoreError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let failed = |error: io::Error| self.error(format!("cannot be made private: {error}"));
            let mode = fs::metadata(&self.path).map_err(failed)?.permissions().mode();
            if mode & 0o077 != 0 {
                let private = fs::Permissions::from_mode(mode & 0o700);
                fs::set_permissions(&self.path, private).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn write(&self, mut new: Replacement, entries: Map<String, Value>) -> Result<(), StoreError> {
        let staged = new.stage(&Value::Object(entries).to_string());
        staged.and_then(|()| new.commit()).map_err(|error| self.not_written(&error))
    }

    fn not_written(&self, error: &io::Error) -> StoreError {
        self.error(format!("cannot be written: {error}"))
    }

    /// A file to lock, for as long as it is open.
    fn open_lock(&self, name: &str) -> Result<File, StoreError> {
        let folder = self.home.join(".credentials.locks");
        let open = || {
            fs::create_dir_all(&folder)?;
            open_private(&folder.join(name))
        };
        open().map_err(|error| self.not_locked(&error))
    }

    pub(super) fn not_locked(&self, error: &io::Error) -> StoreError {
        self.error(format!("cannot be locked: {error}"))
    }

    fn error(&self, reason: impl Into<String>) -> StoreError {
        StoreError::File { path: self.path.display().to_string(), reason: reason.into() }
    }
}

fn is_of(entry: &Value, name: &str, url: &str) -> bool {
    let is = |field: &str, value: &str| entry.get(field).and_then(Value::as_str) == Some(value);
    is("server_name", name) && is("server_url", url)
}
