//! A plugin and its servers, however they were found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::policy::PluginPolicy;
use crate::config::{
    Loaded, Notes, Origin, Profile, Read, ServerConfig, ServerMap, Servers, node::Node,
    read_server, shaped, with_cwd_below,
};

/// An installed plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// Its id, for example `docs@market`.
    pub id: String,
    /// Whether the user has it switched on. Rule `configured.inactive-plugin-ignored`.
    pub active: bool,
    /// The servers it brings.
    pub servers: Servers,
    /// The names of its entries that are not valid servers, to explain their absence.
    /// Rule `configured.invalid-plugin-server-dropped`.
    pub dropped: BTreeSet<String>,
    /// The names of the apps that it declares. Rule `route.app-hides-server`.
    pub apps: BTreeSet<String>,
    /// The folder that it was read from; `None` if it is not from a disk.
    pub folder: Option<PathBuf>,
    /// Where its servers are written, as far as it is known.
    pub places: BTreeMap<String, Origin>,
}

/// A plugin as it and its user write it.
#[derive(Debug, Clone, Copy)]
pub struct WrittenPlugin<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whether the user has it switched on.
    pub active: bool,
    /// Its servers.
    pub servers: &'a Map<String, Value>,
    /// The connector id of each app that it declares.
    pub apps: &'a BTreeMap<String, String>,
    /// The folder that it is installed in, if relative working folders are resolved.
    pub root: Option<&'a str>,
    /// The user's policy for its servers.
    pub policies: &'a BTreeMap<String, PluginPolicy>,
}

/// The entries of a plugin, after reading.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) valid: ServerMap,
    pub(super) dropped: BTreeSet<String>,
    pub(super) places: BTreeMap<String, Origin>,
}

impl Plugin {
    /// A plugin with these servers, of which nothing else is said; see
    /// [`from_written`](Self::from_written).
    #[must_use]
    pub fn from_json_servers(
        id: impl Into<String>,
        active: bool,
        servers: &Map<String, Value>,
        profile: Profile,
    ) -> Loaded<Self> {
        let (id, apps, policies) = (id.into(), BTreeMap::new(), BTreeMap::new());
        let written = WrittenPlugin {
            id: &id,
            active,
            servers,
            apps: &apps,
            root: None,
            policies: &policies,
        };
        Self::from_written(written, profile)
    }

    /// A plugin whose servers are read by the rules of this profile. Invalid servers are dropped with
    /// a warning: rule `configured.invalid-plugin-server-dropped`. The servers of an inactive plugin
    /// are not read.
    #[must_use]
    pub fn from_written(written: WrittenPlugin<'_>, profile: Profile) -> Loaded<Self> {
        let WrittenPlugin { id, active, servers, apps, root, policies } = written;
        let behaviour = profile.behaviour();
        let mut notes = Notes::default();
        let mut entries = Entries::default();
        let written = if active { Some(servers) } else { None };
        for (name, server) in written.into_iter().flatten() {
            let read = |notes: &mut Notes| {
                if !behaviour.plugin_entries {
                    return read_server(Node::Json(server), behaviour, notes);
                }
                let shaped = shaped(server);
                let placed = with_cwd_below(&shaped, root);
                let mut server = read_server(Node::Json(&placed), behaviour, notes)?;
                if let Some(policy) = policies.get(name) {
                    policy.apply(&mut server);
                }
                Ok(server)
            };
            add_entry(name, read, &mut entries, &mut notes);
        }
        notes.under(0, "mcp_servers");
        notes.under(0, id);
        notes.under(0, "plugins");
        let warnings = notes.into_warnings(|_| Origin::Memory);
        let Entries { valid, dropped, .. } = entries;
        // Rule `route.blank-app-is-none`.
        let declared = apps.iter().filter(|(_, connector)| !connector.trim().is_empty());
        let value = Self {
            id: id.to_owned(),
            active,
            servers: valid.into(),
            dropped,
            apps: declared.map(|(name, _)| name.clone()).collect(),
            folder: None,
            places: BTreeMap::new(),
        };
        Loaded { value, warnings }
    }

    /// Applies a user's policies to its servers, each to the server of its name. Rule
    /// `plugin.user-policy`.
    pub fn apply_policies(&mut self, policies: &BTreeMap<String, PluginPolicy>) {
        if policies.keys().any(|name| self.servers.contains_key(name.as_str())) {
            let mut servers = ServerMap::clone(&self.servers);
            for (name, policy) in policies {
                if let Some(server) = servers.get_mut(name.as_str()) {
                    policy.apply(Arc::make_mut(server));
                }
            }
            self.servers = servers.into();
        }
    }

    /// Whether its server of this name counts: with `routed` those that an app of the same name hides
    /// do not. Rules `route.*`.
    pub(crate) fn offers(&self, name: &str, routed: bool) -> bool {
        self.active && !(routed && self.apps.contains(name))
    }

    /// Whether an app hides one of its servers.
    pub(crate) fn hides(&self) -> bool {
        self.active && self.apps.iter().any(|app| self.servers.contains_key(app.as_str()))
    }
}

/// Adds the server that `read` returns to the valid ones, or drops it with a warning.
pub(super) fn add_entry(
    name: &str,
    read: impl FnOnce(&mut Notes) -> Read<ServerConfig>,
    entries: &mut Entries,
    notes: &mut Notes,
) {
    let first = notes.len();
    match read(notes) {
        Ok(server) => {
            entries.valid.insert(Arc::from(name), Arc::new(server));
        }
        Err(mut fault) => {
            entries.dropped.insert(name.to_owned());
            fault.message.push_str("; this server of the plugin is ignored");
            notes.push(*fault);
        }
    }
    notes.under(first, name);
}
