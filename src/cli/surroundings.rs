//! What a file is checked against: plugins, variables and requirements.

use std::path::Path;

use mcp_overlay_host::lint::Surroundings;
use mcp_overlay_host::{Environment, plugin_states};
use mcp_overlay_model::Profile;

use super::beside;
use super::console::Misuse;
use super::requirements;

/// The surroundings of the file at `path`. Faults of plugins are not findings about the file.
pub(super) fn of(
    path: &Path,
    text: &str,
    (profile, is_release_asked): (Profile, bool),
    requirements: Option<&Path>,
) -> Result<Surroundings, Misuse> {
    let known = profile.name().parse().map_err(|error| format!("--profile: {error}"))?;
    let mut given = Surroundings {
        is_release_asked,
        environment: Environment::from_process().with_profile(known),
        ..Surroundings::default()
    };
    (given.plugins, _) = beside::plugins(path, &plugin_states(text, &[]).value, known);
    given.requirements = requirements::read(requirements)?.map(|file| file.text);
    Ok(given)
}
