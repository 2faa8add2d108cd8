//! Servers by name, as users look them up and as views merge them.

use std::ops::Deref;
use std::sync::Arc;

use super::name::Name;
use super::server::{ServerConfig, ServerMap};

/// A server and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: Name,
    pub(crate) server: Arc<ServerConfig>,
}

/// Servers that do not change. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    map: Arc<ServerMap>,
    /// The same, sorted by name.
    in_order: Arc<[Named]>,
}

impl Servers {
    /// The servers by name.
    #[must_use]
    pub fn map(&self) -> &Arc<ServerMap> {
        &self.map
    }

    /// The servers in byte order of their names.
    pub(crate) fn in_order(&self) -> &Arc<[Named]> {
        &self.in_order
    }
}

impl From<ServerMap> for Servers {
    fn from(servers: ServerMap) -> Self {
        let named = |(name, server): (&Arc<str>, &Arc<ServerConfig>)| Named {
            name: Name::from(Arc::clone(name)),
            server: Arc::clone(server),
        };
        Self { in_order: servers.iter().map(named).collect(), map: Arc::new(servers) }
    }
}

impl Deref for Servers {
    type Target = ServerMap;

    fn deref(&self) -> &ServerMap {
        &self.map
    }
}

impl PartialEq for Servers {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl Eq for Servers {}
