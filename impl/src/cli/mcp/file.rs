//! The `config.toml` that is edited.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcp_overlay_host::files::{ReadError, Replacement, open_private, read_text};
use mcp_overlay_host::{Environment, HostConfig, MAX_CONFIG_BYTES, ServerMap};

use super::super::options::codex_home;
use super::super::stop::Stop;

/// How long to wait for the edit of another process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// The time between two attempts to take the lock.
const LOCK_POLL: Duration = Duration::from_millis(10);

/// The kind of edit.
#[derive(Clone, Copy)]
pub(super) enum Edit {
    /// Adds a server, and creates a missing home.
    Add,
    /// Removes a server.
    Remove,
}

/// A `config.toml` that was read. Locked against other edits until it is written or dropped.
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    /// Empty if there is no file.
    pub(super) text: String,
    _lock: Option<File>,
}

impl ConfigFile {
    /// Locks and reads the file in the host's home.
    pub(super) fn read(env: &Environment, edit: Edit) -> Result<Self, Stop> {
        let home = codex_home(env)?;
        let path = home.join("config.toml");
        let lock = lock(&home, edit).map_err(|error| {
            let place = path.display();
            Stop::failed(if error.kind() == ErrorKind::TimedOut {
                let seconds = LOCK_TIMEOUT.as_secs();
                format!(
                    "{place}: another process has been editing the file for {seconds} seconds; \
                     nothing was written, try again later"
                )
            } else {
                format!("{place}: cannot be written: its lock {LOCK} cannot be taken: {error}")
            })
        })?;
        let found =
            read(&path).map_err(|why| Stop::misuse(format!("{}: {why}", path.display())))?;
        Ok(Self { path, text: found.unwrap_or_default(), _lock: lock })
    }

    /// The servers in this text of the file.
    pub(super) fn servers(&self, text: &str, env: &Environment) -> Result<ServerMap, Stop> {
        let file = self.path.display().to_string();
        let host = HostConfig::from_toml_str(text, &file, &[], env.clone());
        let host = host.map_err(Stop::misuse)?;
        Ok(ServerMap::clone(host.value.mcp_servers()))
    }

    /// Replaces the file atomically. A link stays a link. Returns the path of the file.
    pub(super) fn write(self, text: &str) -> Result<PathBuf, Stop> {
        let place = self.path.display();
        let failed =
            |error: io::Error| Stop::failed(format!("{place}: cannot be written: {error}"));
        let stage = || {
            let mut new = Replacement::of(&self.path)?;
            new.keep_permissions()?;
            new.stage(text)?;
            Ok(new)
        };
        let new = stage().map_err(failed)?;
        let unchanged = read(&self.path).is_ok_and(|now| now.unwrap_or_default() == self.text);
        if !unchanged {
            let advice =
                "another program changed the file in the meantime; nothing was written, try again";
            return Err(Stop::failed(format!("{place}: {advice}")));
        }
        new.commit().map_err(failed)?;
        Ok(self.path)
    }
}

/// The lock file. It is never deleted, since other processes may wait for it.
const LOCK: &str = ".config.toml.lock";

/// Waits for the lock. `None` if there is nothing to lock.
fn lock(home: &Path, edit: Edit) -> io::Result<Option<File>> {
    match edit {
        Edit::Add => fs::create_dir_all(home)?,
        // Without a file, no lock is created.
        Edit::Remove if !home.join("config.toml").exists() => return Ok(None),
        Edit::Remove => {}
    }
    let file = open_private(&home.join(LOCK))?;
    let end = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(TryLockError::WouldBlock) => return Err(ErrorKind::TimedOut.into()),
            // A file system without locks: comparing before the write has to suffice.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                return Ok(None);
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The text of the file, or `None` without a file.
fn read(path: &Path) -> Result<Option<String>, String> {
    match read_text(path, MAX_CONFIG_BYTES) {
        Ok(text) => Ok(Some(text)),
        Err(ReadError::Missing) => Ok(None),
        Err(error @ (ReadError::NotAFile | ReadError::NotUtf8)) => Err(error.to_string()),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}
