//! Temporary folders that are also removed when the program is interrupted, which drops nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How often the removal of a folder is tried, because a killed process can still create a file in it.
const TRIES: u32 = 20;

const PAUSE: Duration = Duration::from_millis(20);

/// All existing folders.
static THERE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn there() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    THERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary folder, for this user alone; dropping it removes it.
#[derive(Debug)]
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    /// Creates a folder whose name starts with `prefix`.
    pub(crate) fn new(prefix: &str) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        // Locked before, so that no folder comes to be while all are removed.
        let mut there = there();
        let folder = builder.prefix(prefix).tempdir()?;
        there.insert(folder.path().into());
        Ok(Folder(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Known until it is gone. An error leaves it to `TempDir`, which tries again.
        let _ = fs::remove_dir_all(self.0.path());
        there().remove(self.0.path());
    }
}

/// Removes every folder, and lets no thread create another. For a program that ends now.
pub fn remove_all() {
    let mut there = there();
    for folder in std::mem::take(&mut *there) {
        for _ in 0..TRIES {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => thread::sleep(PAUSE),
                _ => break,
            }
        }
    }
    std::mem::forget(there);
}
