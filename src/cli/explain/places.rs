//! Where the parts of an installed plugin are written, and its apps.

use std::collections::BTreeMap;
use std::path::Path;

use mcp_overlay::explain::{Place, PluginPlaces};
use mcp_overlay_host::{MAX_PLUGIN_FILE_BYTES, Origin, Plugin};
use serde_json::Value;

/// Where a plugin declares its apps unless its manifest names another file.
const APPS: &str = ".app.json";

/// The places of a plugin's servers.
pub(super) fn of(plugin: &Plugin) -> PluginPlaces {
    let place = |(name, origin): (&String, &Origin)| {
        let (file, line) = match origin {
            Origin::Position { file, line, .. } => (file.to_string(), usize::try_from(*line).ok()),
            Origin::File(file) => (file.to_string(), None),
            Origin::Memory | Origin::Override(_) => return None,
        };
        Some((name.clone(), Place { file, line }))
    };
    let servers = plugin.places.iter().filter_map(place).collect();
    PluginPlaces { servers, apps: BTreeMap::new() }
}

/// The connector of each app that a plugin declares. Adds the places of the apps. A file that cannot be
/// read declares none, as in Codex.
pub(super) fn apps(plugin: &Plugin, places: &mut PluginPlaces) -> BTreeMap<String, String> {
    let Some(folder) = plugin.folder.as_deref().filter(|_| plugin.active) else {
        return BTreeMap::new();
    };
    let manifest = json(&folder.join(".codex-plugin/plugin.json"));
    let named = manifest.as_ref().and_then(|(_, manifest)| manifest.get("apps")?.as_str());
    // A file outside the plugin is not read.
    let inside = |name: &&str| !name.contains("..") && !Path::new(name).is_absolute();
    let path = folder.join(named.filter(inside).unwrap_or(APPS));
    let Some((text, file)) = json(&path) else { return BTreeMap::new() };
    let declared = file.get("apps").and_then(Value::as_object).into_iter().flatten();
    let mut apps = BTreeMap::new();
    for (name, app) in declared {
        let Some(connector) = app.get("id").and_then(Value::as_str) else { continue };
        apps.insert(name.clone(), connector.to_owned());
        let key = Value::from(name.as_str()).to_string();
        let line = text.lines().position(|line| line.contains(&key)).map(|line| line + 1);
        places.apps.insert(name.clone(), Place { file: path.display().to_string(), line });
    }
    apps
}

fn json(path: &Path) -> Option<(String, Value)> {
    let text = mcp_overlay_host::files::read_text(path, MAX_PLUGIN_FILE_BYTES).ok()?;
    let value = serde_json::from_str(&text).ok()?;
    Some((text, value))
}
