//! A plugin and its servers, however they were found.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::{
    Loaded, Notes, Origin, Profile, Read, ServerConfig, ServerMap, node::Node, read_server,
};

/// An installed plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// Its id, for example `docs@market`.
    pub id: String,
    /// Whether the user has it switched on. Rule `configured.inactive-plugin-ignored`.
    pub active: bool,
    /// The servers it brings.
    pub servers: Arc<ServerMap>,
    /// The names of its entries that are not valid servers, to explain their absence.
    /// Rule `configured.invalid-plugin-server-dropped`.
    pub dropped: BTreeSet<String>,
}

/// The entries of a plugin, after reading.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) valid: ServerMap,
    pub(super) dropped: BTreeSet<String>,
}

impl Plugin {
    /// A plugin with these servers, each as a user writes one by the rules of this profile. Invalid
    /// servers are dropped with a warning: rule `configured.invalid-plugin-server-dropped`. The
    /// servers of an inactive plugin are not read.
    #[must_use]
    pub fn from_json_servers(
        id: impl Into<String>,
        active: bool,
        servers: &Map<String, Value>,
        profile: Profile,
    ) -> Loaded<Self> {
        let id = id.into();
        let mut notes = Notes::default();
        let mut entries = Entries::default();
        let written = if active { Some(servers) } else { None };
        for (name, server) in written.into_iter().flatten() {
            let read =
                |notes: &mut Notes| read_server(Node::Json(server), profile.behaviour(), notes);
            add_entry(name, read, &mut entries, &mut notes);
        }
        notes.under(0, "mcp_servers");
        notes.under(0, &id);
        notes.under(0, "plugins");
        let warnings = notes.into_warnings(|_| Origin::Memory);
        let Entries { valid, dropped } = entries;
        let value = Self { id, active, servers: Arc::new(valid), dropped };
        Loaded { value, warnings }
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
