//! The administrator's requirements.

use std::path::Path;

use super::console::{Misuse, read_text};

/// Where an administrator's requirements are.
const SYSTEM: &str = "/etc/codex/requirements.toml";

/// A file of requirements.
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

/// The file as asked, or that of the system if it is there.
pub(super) fn read(asked: Option<&Path>) -> Result<Option<File>, Misuse> {
    let file = |name: String, text| File { name, text };
    match asked {
        Some(path) => Ok(Some(file(path.display().to_string(), read_text(path)?))),
        None => Ok(std::fs::read_to_string(SYSTEM).ok().map(|text| file(SYSTEM.to_owned(), text))),
    }
}
