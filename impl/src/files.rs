//! Reading files of bounded size, and locking them.

use std::fs::File;
#[cfg(feature = "network")]
use std::fs::TryLockError;
use std::io::{self, Read};
use std::path::Path;
#[cfg(feature = "network")]
use std::time::{Duration, Instant};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("there is no such file")]
    Missing,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    #[error("it is not UTF-8")]
    NotUtf8,
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
pub(crate) fn read_text(path: &Path, max: u64) -> Result<String, ReadError> {
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
#[cfg(feature = "network")]
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
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
