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
    /// The release that the file is for; `None` stands for the newest.
    pub release: Option<Release>,
    /// The plugins that are installed, as far as they are known.
    pub plugins: Vec<Plugin>,
    /// The text of the administrator's `requirements.toml`.
    pub requirements: Option<String>,
}

/// A release of Codex, such as 0.145.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub [u32; 3]);

impl Release {
    /// Reads three numbers with dots between them.
    pub(super) fn read(version: &str) -> Option<Self> {
        let mut parts = version.split('.').map(|part| part.parse().ok());
        let release = Self([parts.next()??, parts.next()??, parts.next()??]);
        parts.next().is_none().then_some(release)
    }
}
