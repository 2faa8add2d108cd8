//! What a file is checked against: plugins, variables and requirements.

use std::path::Path;

use mcp_overlay_host::lint::{Release, Surroundings};
use mcp_overlay_host::{Environment, Warning, plugin_states};
use mcp_overlay_model::Profile;

use super::beside;
use super::codex;
use super::console::Misuse;
use super::requirements;

/// What a user wants to know about.
pub(super) struct Asked {
    pub(super) profile: Profile,
    /// Whether the user named the profile or the release.
    pub(super) is_asked: bool,
    pub(super) release: Option<Release>,
}

impl Asked {
    /// The profile that `--profile` or `--codex` selects, else that of the newest release.
    pub(super) fn of(profile: Option<Profile>, release: Option<codex::Release>) -> Self {
        Self {
            profile: codex::selected(profile, release),
            is_asked: profile.is_some() || release.is_some(),
            release: release
                .map(|release| release.version)
                .or_else(|| codex::first_of(profile?))
                .map(Release),
        }
    }
}

/// The surroundings of the file at `path`, `None` for standard input, with warnings about plugins: their faults are not findings about
/// the file.
pub(super) fn of(
    path: Option<&Path>,
    text: &str,
    asked: &Asked,
    requirements: Option<&Path>,
) -> Result<(Surroundings, Vec<Warning>), Misuse> {
    let known = asked.profile.name().parse().map_err(|error| format!("--profile: {error}"))?;
    let mut given = Surroundings {
        is_release_asked: asked.is_asked,
        release: asked.release,
        environment: Environment::from_process().with_profile(known),
        ..Surroundings::default()
    };
    let mut warnings = Vec::new();
    if let Some(path) = path {
        let states = plugin_states(text, &[]).value;
        (given.plugins, warnings) = beside::plugins(path, &states, known);
    }
    if let Some(file) = requirements::read(requirements)? {
        // A file that cannot be read forbids nothing, which is not to be taken for an answer.
        requirements::parsed(&file, known)?;
        given.requirements = Some(file.text);
    }
    Ok((given, warnings))
}
