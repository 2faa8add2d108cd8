//! The plugins that Codex has installed beside its config.

use std::collections::BTreeMap;
use std::path::Path;

use mcp_overlay_host::{Plugin, Profile, Warning, discover_plugins, installed_plugins};

/// The plugins in `plugins` beside a config, switched on or off by `states`, with warnings about those
/// that cannot be read.
pub(super) fn plugins(
    config: &Path,
    states: &BTreeMap<String, bool>,
    profile: Profile,
) -> (Vec<Plugin>, Vec<Warning>) {
    let Some(folder) = config.parent().map(|folder| folder.join("plugins")) else {
        return Default::default();
    };
    let mut all = installed_plugins(&folder.join("cache"), states, profile, &|_| true);
    let is_active = |id: &str| states.get(id).copied().unwrap_or(true);
    // There is often no such folder.
    if let Ok(own) = discover_plugins(&folder, profile, &is_active) {
        all.value.extend(own.value);
        all.warnings.extend(own.warnings);
    }
    (all.value, all.warnings)
}
