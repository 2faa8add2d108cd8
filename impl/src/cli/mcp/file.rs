//! The `config.toml` that is edited.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
    exists: bool,
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
        let exists = found.is_some();
        Ok(Self { path, text: found.unwrap_or_default(), exists, _lock: lock })
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
        let target = target(&self.path);
        let folder = target.parent().unwrap_or(Path::new("."));
        if !self.exists {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Created with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        if self.exists {
            let permissions = target.metadata().map_err(failed)?.permissions();
            file.as_file().set_permissions(permissions).map_err(failed)?;
        }
        file.as_file().sync_all().map_err(failed)?;
        let unchanged = read(&self.path).is_ok_and(|now| now.unwrap_or_default() == self.text);
        if !unchanged {
            let advice =
                "another program changed the file in the meantime; nothing was written, try again";
            return Err(Stop::failed(format!("{place}: {advice}")));
        }
        file.persist(&target).map_err(|error| failed(error.error))?;
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
    let file = open_lock(home)?;
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

fn open_lock(home: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(home.join(LOCK))
}

/// The target of a link, even if it does not exist yet; else the path.
fn target(path: &Path) -> PathBuf {
    let linked = || {
        let to = fs::read_link(path).ok()?;
        Some(path.parent().unwrap_or(Path::new(".")).join(to))
    };
    fs::canonicalize(path).ok().or_else(linked).unwrap_or_else(|| path.to_owned())
}

fn read(path: &Path) -> Result<Option<String>, String> {
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => return Err("it is not a regular file".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let failed = |error: io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_CONFIG_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > MAX_CONFIG_BYTES) {
        return Err(format!("cannot be read: it is larger than {MAX_CONFIG_BYTES} bytes"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".to_owned())
}
