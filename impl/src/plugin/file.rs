//! The files of a plugin: each is read inside of the plugin's folder only.

use std::io;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use crate::config::{Key, Origin, Warning};
use crate::files::{self, ReadError};

/// The largest manifest or file of servers that is read, in bytes.
pub const MAX_PLUGIN_FILE_BYTES: u64 = 1024 * 1024;

/// A fault of one file of a plugin.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("cannot be read: {0}")]
    Read(ReadError),
    #[error("not valid JSON: line {}, column {}", .0.line(), .0.column())]
    Json(serde_json::Error),
    #[error("expected a JSON object")]
    NotAnObject,
    #[error("expected a path inside the plugin's folder, without `..` and not absolute")]
    Path,
    #[error("it leads out of the plugin's folder through a symbolic link; it is not read")]
    Escapes,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error.into())
    }
}

pub(super) fn root(folder: &Path) -> Result<PathBuf, Fault> {
    Ok(folder.canonicalize()?)
}

/// The file `name` of the plugin in `folder`, without symbolic links.
pub(super) fn inside(folder: &Path, name: &str) -> Result<PathBuf, Fault> {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(plain) {
        return Err(Fault::Path);
    }
    let root = root(folder)?;
    let file = root.join(name).canonicalize()?;
    if file.starts_with(&root) { Ok(file) } else { Err(Fault::Escapes) }
}

/// The text of a file of the plugin at `root`; `None` if there is none. `Err` is why it cannot be read.
#[cfg(feature = "network")]
pub(crate) fn read_inside(root: &Path, name: &str) -> Result<Option<String>, String> {
    match inside(root, name).and_then(|file| read_json_text(&file)) {
        Ok(text) => Ok(Some(text)),
        Err(Fault::Read(ReadError::Missing)) => Ok(None),
        Err(fault) => Err(fault.to_string()),
    }
}

pub(super) fn read_json_text(file: &Path) -> Result<String, Fault> {
    files::read_text(file, MAX_PLUGIN_FILE_BYTES).map_err(Fault::Read)
}

pub(super) fn object_of(text: &str) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_str(text).map_err(Fault::Json)? {
        Value::Object(object) => Ok(object),
        _ => Err(Fault::NotAnObject),
    }
}

pub(super) fn warning(file: &Path, key: &str, message: String) -> Warning {
    let mut path = Key::default();
    if !key.is_empty() {
        path.under(key);
    }
    Warning { key: path.0, origin: Origin::File(file.display().to_string().into()), message }
}
