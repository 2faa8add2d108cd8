//! What the administrator of this machine demands: `requirements.toml`.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{
    ConfigError, Environment, HostConfig, Key, Origin, Requirements, ServerConfig, Warning,
};

/// The environment variable that names another file of requirements, for tests.
pub const REQUIREMENTS_VARIABLE: &str = "MCP_OVERLAY_REQUIREMENTS";

/// Where Codex reads an administrator's requirements.
const SYSTEM_FILE: &str = "/etc/codex/requirements.toml";

/// The file of requirements.
pub(super) fn file(environment: &Environment) -> PathBuf {
    let named = environment.get(REQUIREMENTS_VARIABLE).filter(|path| !path.is_empty());
    named.map_or_else(|| PathBuf::from(SYSTEM_FILE), PathBuf::from)
}

/// The configuration, held to the requirements in this text, and warnings about the servers of the user
/// that they disable.
pub(super) fn held(
    host: HostConfig,
    text: &str,
    environment: &Environment,
) -> Result<(HostConfig, Vec<Warning>), ConfigError> {
    // Most machines have no such file, and an empty one demands nothing.
    if text.is_empty() {
        return Ok((host, Vec::new()));
    }
    let file = file(environment).display().to_string();
    let requirements = Requirements::from_toml_str(text, &file, environment.profile())?;
    let before = Arc::clone(host.mcp_servers());
    let host = host.with_requirements(requirements);
    let was_enabled = |name: &str| before.get(name).is_some_and(|server| server.enabled);
    let disabled = |(name, server): (&Arc<str>, &Arc<ServerConfig>)| {
        (!server.enabled && was_enabled(name)).then(|| {
            let mut key = Key::default();
            key.under(name);
            key.under("mcp_servers");
            let message = "the requirements do not allow this server, so it is disabled".to_owned();
            Warning { key: key.0, origin: Origin::File(file.as_str().into()), message }
        })
    };
    let warnings = host.mcp_servers().iter().filter_map(disabled).collect();
    Ok((host, warnings))
}
