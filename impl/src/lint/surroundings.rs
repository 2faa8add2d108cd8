//! What a file is checked against.

use crate::config::Environment;
use crate::plugin::Plugin;

/// What a file is checked against.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The variables that are set, and the profile.
    pub environment: Environment,
    /// Whether the file is for releases of this profile alone, and not for others too.
    pub is_release_asked: bool,
    /// The plugins that are installed, as far as they are known.
    pub plugins: Vec<Plugin>,
    /// The text of the administrator's `requirements.toml`.
    pub requirements: Option<String>,
}
