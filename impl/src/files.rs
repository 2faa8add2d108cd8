//! Reads, locks and replaces the files of a user's settings.

use std::fs::File;
#[cfg(feature = "network")]
use std::fs::{self, TryLockError};
use std::io::{self, Read};
#[cfg(feature = "network")]
use std::io::{Seek as _, Write as _};
use std::path::Path;
#[cfg(feature = "network")]
use std::path::PathBuf;
#[cfg(feature = "network")]
use std::time::{Duration, Instant};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It is a folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// It is larger than this number of bytes.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The operating system refused.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

/// The text of a regular file of at most `max` bytes.
///
/// # Errors
/// See [`ReadError`].
pub fn read_text(path: &Path, max: u64) -> Result<String, ReadError> {
    // Checked before opening: opening a pipe would wait for its writer.
    if !path.metadata()?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > max) {
        return Err(ReadError::TooLarge(max));
    }
    String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)
}

/// Opens a file for writing, and creates it with mode 0600 if it does not exist.
///
/// # Errors
/// It cannot be opened or created.
#[cfg(feature = "network")]
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Waits until no other process has locked the file, without blocking a thread: one that waits for
/// a lock would keep the host from ending. `None` if that takes longer than `limit`.
#[cfg(feature = "network")]
pub(crate) async fn lock_within(
    file: File,
    limit: Duration,
    poll: Duration,
) -> io::Result<Option<File>> {
    let end = Instant::now() + limit;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                tokio::time::sleep(poll).await;
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The target of a link, even if it does not exist; else the path.
#[cfg(feature = "network")]
pub(crate) fn link_target(path: &Path) -> PathBuf {
    let linked = || {
        let to = fs::read_link(path).ok()?;
        Some(path.parent().unwrap_or(Path::new("")).join(to))
    };
    fs::canonicalize(path).ok().or_else(linked).unwrap_or_else(|| path.to_owned())
}

/// The end of the name of a temporary file.
#[cfg(feature = "network")]
const TEMPORARY: &str = ".mcp-overlay-tmp";
/// How often another temporary file is tried if another process removes it.
#[cfg(feature = "network")]
const CREATE_TRIES: u32 = 10;

/// The beginning of the names of the temporary files of this file.
#[cfg(feature = "network")]
fn temporary_prefix(target: &Path) -> String {
    format!("{}.", target.file_name().unwrap_or_default().to_string_lossy())
}

/// A new temporary file. It is locked until it is closed: one without a lock was left by a process
/// that was killed.
#[cfg(feature = "network")]
fn create_temporary(folder: &Path, prefix: &str) -> io::Result<tempfile::NamedTempFile> {
    for _ in 0..CREATE_TRIES {
        let mut builder = tempfile::Builder::new();
        // Created with mode 0600.
        let file = builder.prefix(prefix).suffix(TEMPORARY).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            Ok(()) if file.path().exists() => return Ok(file),
            // A file system without locks, on which no file is taken for a leftover.
            Err(TryLockError::Error(_)) => return Ok(file),
            // Another process has taken it for a leftover before it was locked.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
        }
    }
    Err(io::Error::other("another process removes its temporary files"))
}

/// Removes the temporary files of processes that were killed while they replaced this file: they may
/// hold secrets. What cannot be removed stays.
#[cfg(feature = "network")]
pub(crate) fn remove_leftovers(target: &Path) {
    let (folder, prefix) = (folder_of(target), temporary_prefix(target));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with(&prefix) && name.ends_with(TEMPORARY)) {
            continue;
        }
        if let Ok(file) = File::options().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(feature = "network")]
fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        // A path of one component is in the working directory.
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Replaces a file atomically: other programs see the old text or the new one, never a part. A link
/// stays a link, and its target is replaced.
///
/// One that is dropped before [`commit`](Self::commit) leaves the file as it is.
#[cfg(feature = "network")]
#[derive(Debug)]
pub struct Replacement {
    target: PathBuf,
    file: tempfile::NamedTempFile,
    is_staged: bool,
}

#[cfg(feature = "network")]
impl Replacement {
    /// Creates a temporary file beside the target, and missing folders. Fails here if the folder
    /// cannot be written to, before the caller does what cannot be undone. Removes what processes that
    /// were killed left.
    ///
    /// # Errors
    /// A folder or the temporary file cannot be created.
    pub fn of(path: &Path) -> io::Result<Self> {
        let target = link_target(path);
        let folder = folder_of(&target);
        fs::create_dir_all(folder)?;
        remove_leftovers(&target);
        let file = create_temporary(folder, &temporary_prefix(&target))?;
        Ok(Self { target, file, is_staged: false })
    }

    /// Gives the new file the permissions of the old one, if there is one, in place of mode 0600.
    ///
    /// # Errors
    /// The permissions cannot be read or set.
    pub fn keep_permissions(&self) -> io::Result<()> {
        match self.target.metadata() {
            Ok(old) => self.file.as_file().set_permissions(old.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes a text to the temporary file, in place of an earlier one.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn stage(&mut self, text: &str) -> io::Result<()> {
        if std::mem::replace(&mut self.is_staged, true) {
            self.file.as_file().set_len(0)?;
            self.file.rewind()?;
        }
        self.file.write_all(text.as_bytes())?;
        self.file.as_file().sync_all()
    }

    /// Puts the staged text in place of the file.
    ///
    /// # Errors
    /// The file cannot be replaced and stays as it is.
    pub fn commit(self) -> io::Result<()> {
        self.file.persist(&self.target).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
#[cfg(all(unix, feature = "network"))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn replace(path: &Path, text: &str) {
        let mut new = Replacement::of(path).unwrap();
        new.stage(text).unwrap();
        new.commit().unwrap();
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_private_and_its_folders_are_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        replace(&path, "text");
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn permissions_are_kept_on_request_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let new = Replacement::of(&path).unwrap();
        new.keep_permissions().unwrap();
        new.commit().unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let new = Replacement::of(&path).unwrap();
        new.keep_permissions().unwrap();
        new.commit().unwrap();
        assert_eq!(mode(&path), 0o640);
        replace(&path, "");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_link_stays_a_link_with_and_without_a_target() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        symlink("elsewhere/target", &link).unwrap();
        for text in ["first", "second"] {
            replace(&link, text);
            assert!(link.is_symlink());
            let target = folder.path().join("elsewhere/target");
            assert_eq!(fs::read_to_string(target).unwrap(), text);
        }
    }

    #[test]
    fn only_the_last_staged_text_is_committed_and_only_by_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let mut new = Replacement::of(&path).unwrap();
        new.stage("a longer text").unwrap();
        new.stage("short").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        new.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
        drop(Replacement::of(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let left = folder.path().join("file.abc.mcp-overlay-tmp");
        let others = ["file.abc", "other.abc.mcp-overlay-tmp"].map(|name| folder.path().join(name));
        for file in others.iter().chain([&left]) {
            fs::write(file, "secret").unwrap();
        }
        let in_use = Replacement::of(&path).unwrap();
        assert!(!left.exists());
        assert!(others.iter().all(|file| file.exists()));
        replace(&path, "text");
        in_use.commit().unwrap();
    }
}
