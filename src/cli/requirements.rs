//! The administrator's requirements.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use mcp_overlay::cases::toml::host_from_toml;
use mcp_overlay_host::{Profile, Requirements};
use mcp_overlay_model::wide;
use serde_json::Value;

use super::console::{Misuse, read_text};

/// Where an administrator's requirements are.
const SYSTEM: &str = "/etc/codex/requirements.toml";

/// A file of requirements.
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

/// The file as asked, or that of the system if it is there.
pub(super) fn read(asked: Option<&Path>) -> Result<Option<File>, Misuse> {
    let path = asked.unwrap_or(Path::new(SYSTEM));
    let is_missing =
        || std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if asked.is_none() && is_missing() {
        return Ok(None);
    }
    Ok(Some(File { name: path.display().to_string(), text: read_text(path)? }))
}

/// The requirements of a file for the model and for the production implementation.
pub(super) fn parsed(
    file: &File,
    profile: Profile,
) -> Result<(wide::Requirements, Requirements), Misuse> {
    let written = written(file)?;
    let read = Requirements::from_json(&serde_json::to_value(&written)?, profile);
    match read {
        Ok(read) => Ok((written, read)),
        Err(error) => Err(format!("{}: {}: {}", file.name, error.key(), error.message()).into()),
    }
}

/// The parts of the requirements that are about servers.
fn written(file: &File) -> Result<wide::Requirements, Misuse> {
    let name = &file.name;
    let written = host_from_toml(&file.text)
        .map_err(|error| format!("{name}: not valid TOML: {}", error.message()))?;
    let servers = written.get("mcp_servers").map(|servers| {
        servers.as_object().cloned().ok_or(format!("{name}: mcp_servers: expected a table"))
    });
    let mut plugins = written.get("plugins").map(|_| BTreeMap::new());
    for (id, plugin) in table(&written, "plugins", name)? {
        if !plugin.is_object() {
            return Err(format!("{name}: plugins: expected a table for each plugin").into());
        }
        let place = format!("{name}: plugins");
        let servers = table(plugin, "mcp_servers", &place)?;
        let mcp_servers =
            servers.map(|(name, demanded)| (name.clone(), demanded.clone())).collect();
        plugins
            .get_or_insert_default()
            .insert(id.clone(), wide::PluginRequirements { mcp_servers });
    }
    let features = table(&written, "features", name)?.map(|(key, on)| match on.as_bool() {
        Some(on) => Ok((key.clone(), on)),
        None => Err(format!("{name}: features: expected true or false for each feature")),
    });
    let features = features.collect::<Result<_, _>>()?;
    Ok(wide::Requirements { mcp_servers: servers.transpose()?, plugins, features })
}

/// The members of the table `key`, if there is one.
fn table<'a>(
    within: &'a Value,
    key: &str,
    place: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, Misuse> {
    match within.get(key) {
        None => Ok(None.into_iter().flatten()),
        Some(Value::Object(table)) => Ok(Some(table).into_iter().flatten()),
        Some(_) => Err(format!("{place}: {key}: expected a table").into()),
    }
}
