//! Plugins on disk: one folder per plugin, with a manifest and a file of servers.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use serde_json::value::RawValue;

use super::apps::read_apps;
use super::entries::{Entries, Plugin, add_entry};
use super::file::{Fault, inside, object_of, read_json_text, root, warning};
use crate::config::node::Node;
use crate::config::place::Place;
use crate::config::{
    LOCAL_ENVIRONMENT, Loaded, Note, Notes, Profile, Read, Source, Warning, read_server, shaped,
    under,
};
use crate::files::ReadError;

/// The most folders a plugin folder may hold.
pub const MAX_PLUGINS: usize = 10_000;

pub(crate) const MANIFEST: &str = ".codex-plugin/plugin.json";
pub(crate) const DEFAULT_SERVERS: &str = ".mcp.json";

/// Why the plugin folder as a whole could not be read. A fault of one plugin is a warning.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The folder cannot be listed.
    #[error("plugin folder {}: cannot be listed: {source}", folder.display())]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There are more folders than [`MAX_PLUGINS`].
    #[error("plugin folder {}: more than {MAX_PLUGINS} folders", folder.display())]
    TooMany {
        /// The folder.
        folder: PathBuf,
    },
}

/// The plugins in `dir`: its folders, in byte order of their names, that hold
/// `.codex-plugin/plugin.json`. The id is the manifest's `name`, else the folder's name;
/// `is_active` tells which ids the user has switched on. Servers are read by the rules of `profile`.
///
/// The servers are in the manifest's `mcpServers`, or in the file that it names, or in `.mcp.json`.
/// Its apps are in the file that the manifest's `apps` names, or in `.app.json`. Such a file must lie
/// inside the plugin's folder, symbolic links followed. A plugin whose manifest cannot be read is left
/// out, one whose servers or apps cannot be read has none, all with a warning.
///
/// # Errors
/// The folder cannot be listed, or holds too many.
pub fn discover_plugins(
    dir: &Path,
    profile: Profile,
    is_active: &dyn Fn(&str) -> bool,
) -> Result<Loaded<Vec<Plugin>>, PluginError> {
    let mut folders = Vec::new();
    let unreadable = |source| PluginError::Unreadable { folder: dir.to_owned(), source };
    for entry in dir.read_dir().map_err(unreadable)? {
        let folder = entry.map_err(unreadable)?.path();
        if !folder.is_dir() {
            continue;
        }
        if folders.len() == MAX_PLUGINS {
            return Err(PluginError::TooMany { folder: dir.to_owned() });
        }
        folders.push(folder);
    }
    folders.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    let mut warnings = Vec::new();
    let read = |folder: &PathBuf| read_plugin(folder, None, profile, is_active, &mut warnings);
    let value = folders.iter().filter_map(read).collect();
    Ok(Loaded { value, warnings })
}

/// The plugin in this folder, if there is one. A plugin that was installed as `id` has that id whatever
/// its manifest says, and a warning if it cannot be read.
pub(super) fn read_plugin(
    folder: &Path,
    id: Option<&str>,
    profile: Profile,
    is_active: &dyn Fn(&str) -> bool,
    warnings: &mut Vec<Warning>,
) -> Option<Plugin> {
    let path = folder.join(MANIFEST);
    let warn = |key: &str, message: String| warning(&path, key, message);
    let manifest = inside(folder, MANIFEST).and_then(|file| object_of(&read_json_text(&file)?));
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(Fault::Read(ReadError::Missing)) if id.is_none() => return None,
        Err(fault) => {
            warnings.push(warn("", format!("{fault}; this plugin is left out")));
            return None;
        }
    };
    let id = match (id, manifest.get("name")) {
        (Some(id), _) => id.to_owned(),
        (None, Some(Value::String(name))) if !name.is_empty() => name.clone(),
        (None, _) => folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let active = is_active(&id);
    let servers = match manifest.get("mcpServers") {
        _ if !active => Entries::default(),
        None | Some(Value::Null) => match inside(folder, DEFAULT_SERVERS) {
            Err(Fault::Read(ReadError::Missing)) => Entries::default(),
            file => read_servers(folder, DEFAULT_SERVERS, file, profile, warnings),
        },
        Some(Value::String(name)) => {
            read_servers(folder, name, inside(folder, name), profile, warnings)
        }
        Some(Value::Object(_)) => {
            read_servers(folder, MANIFEST, inside(folder, MANIFEST), profile, warnings)
        }
        Some(_) => {
            let message =
                "expected the path of a file inside the plugin, or the servers; it has none";
            warnings.push(warn("mcpServers", message.to_owned()));
            Entries::default()
        }
    };
    let Entries { valid, dropped, places } = servers;
    let apps = if active && profile.behaviour().apps_hide_servers {
        read_apps(folder, &manifest, warnings)
    } else {
        Default::default()
    };
    let folder = Some(folder.to_owned());
    Some(Plugin { id, active, servers: valid.into(), dropped, apps, folder, places })
}

/// The valid servers of the file `name` of a plugin.
fn read_servers(
    folder: &Path,
    name: &str,
    file: Result<PathBuf, Fault>,
    profile: Profile,
    warnings: &mut Vec<Warning>,
) -> Entries {
    let path = folder.join(name);
    let read = file.and_then(|file| {
        let text = read_json_text(&file)?;
        Ok((root(folder)?, object_of(&text)?, text))
    });
    let (root, object, text) = match read {
        Ok(read) => read,
        Err(fault) => {
            warnings.push(warning(&path, "", format!("{fault}; this plugin has no servers")));
            return Entries::default();
        }
    };
    let (wrapped, servers) = match object.get("mcpServers") {
        Some(Value::Object(servers)) => (true, servers),
        _ => (false, &object),
    };
    let mut notes = Notes::default();
    let mut entries = Entries::default();
    let offsets = entry_offsets(&text, wrapped);
    for (name, server) in servers {
        let first = notes.len();
        let read = |notes: &mut Notes| {
            let server = adapted(server, &root, profile)?;
            read_server(Node::Json(&server), profile.behaviour(), notes)
        };
        add_entry(name, read, &mut entries, &mut notes);
        if let Some(offset) = offsets.get(name) {
            notes.at(first, Place::Offset(*offset));
        }
    }
    if wrapped {
        notes.under(0, "mcpServers");
    }
    let source = Source::new(&path.display().to_string(), &text, &[]);
    let place =
        |(name, offset): (&String, &usize)| (name.clone(), source.origin(Place::Offset(*offset)));
    entries.places = offsets.iter().map(place).collect();
    warnings.extend(notes.into_warnings(|place| source.origin(place)));
    entries
}

/// The server as a user would write it in `config.toml`: without fields that only other hosts read,
/// and with a working folder inside the plugin that does not depend on where the host runs. The
/// working folder of a server in another environment is a path of that environment.
fn adapted(server: &Value, root: &Path, profile: Profile) -> Read<Value> {
    let as_written = profile.behaviour().plugin_entries;
    let mut server = if as_written { shaped(server).into_owned() } else { server.clone() };
    let Some(fields) = server.as_object_mut() else { return Ok(server) };
    fields.remove("type");
    if let Some(oauth) = fields.get_mut("oauth").and_then(Value::as_object_mut) {
        oauth.remove("callbackPort");
        if let Some(id) = oauth.remove("clientId") {
            oauth.entry("client_id").or_insert(id);
        }
    }
    let id = fields.get("environment_id").and_then(Value::as_str);
    let local = id.is_none_or(|id| id == LOCAL_ENVIRONMENT);
    if let (true, Some(Value::String(cwd))) = (local, fields.get_mut("cwd")) {
        let path = Path::new(cwd.as_str());
        let parent = |part| matches!(part, Component::ParentDir);
        // As with the plugin's files: `..` after a symbolic link can leave the folder. Rule
        // `configured.invalid-plugin-server-dropped`.
        if path.is_relative() && path.components().any(parent) {
            let expected = "a path inside the plugin's folder";
            return Err(under(Note::wrong(Place::Memory, "a path with `..`", expected), "cwd"));
        }
        // A root that is not UTF-8 cannot be written here, and the path stays relative.
        if let Some(joined) = root.join(&*cwd).to_str() {
            *cwd = joined.to_owned();
        }
    }
    Ok(server)
}

/// The byte of `text` at which each server's entry begins. A warning names that place, because JSON
/// values have no positions of their own.
fn entry_offsets(text: &str, wrapped: bool) -> BTreeMap<String, usize> {
    type Entries<'a> = BTreeMap<String, &'a RawValue>;
    let entries = |text| serde_json::from_str::<Entries<'_>>(text).unwrap_or_default();
    let mut servers = entries(text);
    if wrapped {
        servers = servers.get("mcpServers").map(|inner| entries(inner.get())).unwrap_or_default();
    }
    // Each raw value is a part of `text`, so the addresses tell the offset.
    let offset = |raw: &RawValue| raw.get().as_ptr().addr().checked_sub(text.as_ptr().addr());
    servers.into_iter().filter_map(|(name, raw)| Some((name, offset(raw)?))).collect()
}
