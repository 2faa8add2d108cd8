//! The `config.toml` that is edited.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use mcp_overlay_host::{Environment, HostConfig, MAX_CONFIG_BYTES, ServerMap};

use super::super::{Stop, codex_home};

/// A `config.toml` as it was read.
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    /// Empty if there is no file.
    pub(super) text: String,
    exists: bool,
}

impl ConfigFile {
    /// Reads the file in the host's home.
    pub(super) fn read(env: &Environment) -> Result<Self, Stop> {
        let path = codex_home(env)?.join("config.toml");
        let found =
            read(&path).map_err(|why| Stop::misuse(format!("{}: {why}", path.display())))?;
        let exists = found.is_some();
        Ok(Self { path, text: found.unwrap_or_default(), exists })
    }

    /// The servers in this text, which stands in this file or is about to.
    pub(super) fn servers(&self, text: &str, env: &Environment) -> Result<ServerMap, Stop> {
        let file = self.path.display().to_string();
        let host = HostConfig::from_toml_str(text, &file, &[], env.clone());
        let host = host.map_err(Stop::misuse)?;
        Ok(ServerMap::clone(host.value.mcp_servers()))
    }

    /// Writes a new text: beside the file and then in its place, so that nobody sees half of it
    /// and an interruption leaves the file as it was. A link stays a link.
    pub(super) fn write(&self, text: &str) -> Result<(), Stop> {
        let place = self.path.display();
        let failed =
            |error: std::io::Error| Stop::failed(format!("{place}: cannot be written: {error}"));
        let target = target(&self.path);
        let folder = target.parent().unwrap_or(Path::new("."));
        if !self.exists {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Made with mode 0600.
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
                "somebody else has changed it in the meantime; nothing was written, try again";
            return Err(Stop::failed(format!("{place}: {advice}")));
        }
        file.persist(&target).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// The file itself, where a link stands, even one whose file is not there yet.
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
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_CONFIG_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > MAX_CONFIG_BYTES) {
        return Err(format!("cannot be read: it is larger than {MAX_CONFIG_BYTES} bytes"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".to_owned())
}
