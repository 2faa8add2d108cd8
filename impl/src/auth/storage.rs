//! Where a sign-in is stored: in a file, or in memory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{AuthFileError, LogoutError};
use crate::bounded;
use crate::files::{
    ReadError, Replacement, link_target, open_private, read_text, remove_leftovers,
};

/// The largest `auth.json` that is read, in bytes.
pub const MAX_AUTH_BYTES: u64 = 1024 * 1024;

/// The name for messages of a sign-in that a client supplied: it is in no file.
pub(super) const SUPPLIED: &str = "the sign-in of account/login/start";

pub(super) enum Storage {
    Disk(PathBuf),
    Memory(Mutex<Option<String>>),
}

/// What was read. Two are equal if nothing changed in between.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// `None` without a sign-in.
    pub(super) text: Result<Option<String>, AuthFileError>,
    /// Whether users other than the owner may read the file.
    pub(super) exposed: bool,
    /// Whether a client supplied it, so that it is not from here.
    pub(super) supplied: bool,
}

impl Storage {
    /// The name for messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Disk(path) => path.display().to_string(),
            Self::Memory(_) => "the supplied sign-in".to_owned(),
        }
    }

    /// Reads it.
    pub(super) fn read(&self) -> Found {
        match self {
            Self::Memory(text) => {
                let text = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Found { text: self.bounded(text), exposed: false, supplied: false }
            }
            Self::Disk(path) => {
                let read = {
                    let path = path.clone();
                    move || (read_text(&path, MAX_AUTH_BYTES), is_exposed(&path))
                };
                let read = bounded::FILES.run(bounded::LIMIT, read);
                let invalid = |reason: String| self.invalid(format!("cannot be read: {reason}"));
                let (text, exposed) = match read {
                    Some((Ok(text), exposed)) => (Ok(Some(text)), exposed),
                    Some((Err(ReadError::Missing), exposed)) => (Ok(None), exposed),
                    Some((Err(error), exposed)) => (Err(invalid(error.to_string())), exposed),
                    None => (Err(invalid(bounded::too_long())), false),
                };
                Found { text, exposed, supplied: false }
            }
        }
    }

    fn bounded(&self, text: Option<String>) -> Result<Option<String>, AuthFileError> {
        let size = text.as_ref().map_or(0, |text| u64::try_from(text.len()).unwrap_or(u64::MAX));
        if size > MAX_AUTH_BYTES {
            let error = ReadError::TooLarge(MAX_AUTH_BYTES);
            return Err(self.invalid(format!("cannot be read: {error}")));
        }
        Ok(text)
    }

    fn invalid(&self, problem: String) -> AuthFileError {
        AuthFileError::invalid(&self.name(), problem)
    }

    /// Replaces the sign-in by this text, whatever it is now.
    pub(super) fn write(&self, text: String) -> io::Result<()> {
        match self {
            Self::Memory(kept) => {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
                Ok(())
            }
            Self::Disk(path) => {
                let mut new = Replacement::of(path)?;
                new.stage(&text)?;
                new.commit()
            }
        }
    }

    /// Prepares to write. Fails here if writing is impossible, before the caller does what cannot be
    /// undone.
    pub(super) fn prepare(&self) -> io::Result<Writer<'_>> {
        match self {
            Self::Memory(storage) => Ok(Writer::Memory { storage, text: String::new() }),
            Self::Disk(path) => Ok(Writer::Disk { path, new: Replacement::of(path)? }),
        }
    }

    /// Deletes the sign-in, and the target of a link. Returns whether there was one.
    pub(super) fn delete(&self) -> Result<bool, LogoutError> {
        match self {
            Self::Memory(text) => {
                Ok(text.lock().unwrap_or_else(PoisonError::into_inner).take().is_some())
            }
            Self::Disk(path) => {
                let failed = |error: io::Error| LogoutError {
                    file: path.display().to_string(),
                    reason: error.to_string(),
                };
                let target = link_target(path);
                let deleted = remove(&target).map_err(failed)?;
                remove_leftovers(&target);
                if target != *path {
                    remove(path).map_err(failed)?;
                }
                Ok(deleted)
            }
        }
    }

    /// Takes the refresh lock if it is free. Creates no file where there is no sign-in.
    pub(super) fn try_lock(&self) -> Option<File> {
        match self {
            Self::Disk(path) if path.exists() => {
                self.open_lock().ok().flatten().filter(|file| file.try_lock().is_ok())
            }
            Self::Disk(_) | Self::Memory(_) => None,
        }
    }

    /// The file that is locked during a refresh.
    pub(super) fn open_lock(&self) -> io::Result<Option<File>> {
        let Self::Disk(path) = self else { return Ok(None) };
        open_private(&path.with_file_name(".auth.json.lock")).map(Some)
    }
}

/// Writes a new text.
pub(super) enum Writer<'a> {
    Memory { storage: &'a Mutex<Option<String>>, text: String },
    Disk { path: &'a Path, new: Replacement },
}

impl Writer<'_> {
    /// Keeps a text for [`commit`](Self::commit), in place of an earlier one.
    pub(super) fn stage(&mut self, staged: String) -> io::Result<()> {
        match self {
            Self::Memory { text, .. } => {
                *text = staged;
                Ok(())
            }
            Self::Disk { new, .. } => new.stage(&staged),
        }
    }

    /// Replaces `expected` by the staged text atomically. Returns the writer if the storage holds
    /// another text.
    pub(super) fn commit(self, expected: &str) -> io::Result<Option<Self>> {
        match self {
            Self::Memory { storage, text } => {
                let mut kept = storage.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.as_deref() != Some(expected) {
                    return Ok(Some(Self::Memory { storage, text }));
                }
                *kept = Some(text);
                Ok(None)
            }
            Self::Disk { path, new } => {
                // Other processes take no lock, so this can only compare as late as possible.
                if read_text(path, MAX_AUTH_BYTES).ok().as_deref() != Some(expected) {
                    return Ok(Some(Self::Disk { path, new }));
                }
                new.commit()?;
                Ok(None)
            }
        }
    }
}

fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &Path) -> bool {
    false
}
