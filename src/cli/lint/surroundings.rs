//! What a file is checked against: plugins, variables and requirements.

use std::path::Path;

use mcp_overlay_host::lint::Surroundings;
use mcp_overlay_host::{Environment, plugin_states};
use mcp_overlay_model::Profile;

use super::super::beside;
use super::super::console::{Misuse, read_text};

/// Where an administrator's requirements are.
const REQUIREMENTS: &str = "/etc/codex/requirements.toml";

/// The surroundings of the file at `path`. Faults of plugins are not findings about the file.
pub(super) fn of(
    path: &Path,
    text: &str,
    profile: Profile,
    requirements: Option<&Path>,
) -> Result<Surroundings, Misuse> {
    let known = profile.name().parse().map_err(|error| format!("--profile: {error}"))?;
    let mut given = Surroundings {
        environment: Environment::from_process().with_profile(known),
        ..Surroundings::default()
    };
    (given.plugins, _) = beside::plugins(path, &plugin_states(text, &[]).value, known);
    given.requirements = match requirements {
        Some(path) => Some(read_text(path)?),
        None => std::fs::read_to_string(REQUIREMENTS).ok(),
    };
    Ok(given)
}
