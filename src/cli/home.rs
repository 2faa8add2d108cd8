//! The file that Codex reads.

use std::path::{Path, PathBuf};

use super::console::Misuse;

/// The file as asked, or the one that Codex reads.
pub(super) fn config_file(asked: Option<&Path>) -> Result<PathBuf, Misuse> {
    if let Some(path) = asked {
        return Ok(path.to_owned());
    }
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("CODEX_HOME").or_else(|| Some(set("HOME")?.join(".codex")));
    match home {
        Some(home) => Ok(home.join("config.toml")),
        None => Err("neither CODEX_HOME nor HOME is set; use --config FILE".into()),
    }
}
