//! The folder of a user's settings.

use std::path::PathBuf;

use crate::config::Environment;

/// The folder of a user's settings: `CODEX_HOME`, else `.codex` in the user's home.
#[must_use]
pub fn home_of(environment: &Environment) -> Option<PathBuf> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let absolute = |path: PathBuf| std::path::absolute(path).ok();
    match set("CODEX_HOME") {
        Some(home) => absolute(PathBuf::from(home)),
        None => set("HOME").and_then(|home| absolute(PathBuf::from(home).join(".codex"))),
    }
}
