//! A map from server name to server that shares what it has in common with other views.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;
use std::slice;
use std::sync::{Arc, OnceLock};

use crate::config::{Name, Named, ServerConfig, Sought};
use crate::plugin_servers::{self, PluginServers};

/// A name and its new server, or none if the server is deleted.
pub(crate) type Change = (Name, Option<Arc<ServerConfig>>);

/// Changes sorted by name, one per name. One may delete a name that is not there.
pub(crate) type Layer = Arc<[Change]>;

/// Servers by name, in parts that views share: the host's own servers, the servers that plugins add,
/// and layers of changes to both. Cloning copies one pointer; servers are never copied.
#[derive(Clone, Default)]
pub struct View(Arc<Parts>);

#[derive(Default)]
struct Parts {
    base: Arc<Base>,
    /// None is empty. Of the changes to a name that of the last layer counts.
    layers: Vec<Layer>,
    /// All layers as one, from when all servers are asked for.
    merged: OnceLock<Layer>,
}

#[derive(Default)]
struct Base {
    /// Sorted by name.
    config: Arc<[Named]>,
    /// No name that `config` has.
    plugins: PluginServers,
}

impl View {
    /// The view of these servers. `config` is sorted by name and has no name of `plugins`.
    pub(crate) fn new(config: Arc<[Named]>, plugins: PluginServers) -> Self {
        let base = Arc::new(Base { config, plugins });
        Self(Arc::new(Parts { base, ..Parts::default() }))
    }

    /// This view with more changes, in order.
    pub(crate) fn changed(&self, more: impl IntoIterator<Item = Layer>) -> Self {
        let mut more = more.into_iter().filter(|layer| !layer.is_empty()).peekable();
        if more.peek().is_none() {
            return self.clone();
        }
        let layers = self.0.layers.iter().cloned().chain(more).collect();
        Self(Arc::new(Parts { base: Arc::clone(&self.0.base), layers, merged: OnceLock::new() }))
    }

    /// The changes, as one layer.
    fn changes(&self) -> &Layer {
        self.0.merged.get_or_init(|| match &*self.0.layers {
            [only] => Arc::clone(only),
            layers => last_of_each(layers.concat()),
        })
    }

    /// The names of the servers of plugins that nothing replaced or deleted, and the index of each plugin.
    pub(crate) fn unchanged_plugin_servers(&self) -> impl Iterator<Item = (&Name, usize)> {
        let mut changes = self.changes().iter().peekable();
        self.0.base.plugins.names().filter(move |(found, _)| {
            while changes.next_if(|(name, _)| name < found).is_some() {}
            changes.peek().is_none_or(|(name, _)| name != *found)
        })
    }

    /// The server of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ServerConfig>> {
        let name = Sought::from(name);
        let change = match self.0.merged.get() {
            Some(merged) => find(merged, name),
            None => self.0.layers.iter().rev().find_map(|layer| find(layer, name)),
        };
        match change {
            Some(change) => change.as_ref(),
            None => self.0.base.get(name),
        }
    }

    /// Whether there is a server of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The servers in byte order of their names.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            config: self.0.base.config.iter().peekable(),
            plugins: self.0.base.plugins.iter().peekable(),
            changes: self.changes().iter().peekable(),
        }
    }

    /// How many servers there are. Looks up the name of each change.
    #[must_use]
    pub fn len(&self) -> usize {
        let base = &self.0.base;
        let mut count = base.config.len() + base.plugins.len();
        for (name, change) in self.changes().iter() {
            match (change.is_some(), base.get(name.sought()).is_some()) {
                (true, false) => count += 1,
                (false, true) => count -= 1,
                _ => {}
            }
        }
        count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether this and `other` are one view, which is more than being equal.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Base {
    fn get(&self, name: Sought<'_>) -> Option<&Arc<ServerConfig>> {
        match self.config.binary_search_by(|other| other.name.sought().cmp(&name)) {
            Ok(index) => self.config.get(index).map(|found| &found.server),
            Err(_) => self.plugins.get(name),
        }
    }
}

/// The change to this name.
pub(crate) fn find<'a>(
    layer: &'a [Change],
    name: Sought<'_>,
) -> Option<&'a Option<Arc<ServerConfig>>> {
    let index = layer.binary_search_by(|(other, _)| other.sought().cmp(&name)).ok()?;
    layer.get(index).map(|(_, change)| change)
}

/// The last change to each name. Rules `overlay.*`: a later contribution replaces an earlier one as a
/// whole, so only the last to a name counts.
pub(crate) fn last_of_each(mut changes: Vec<Change>) -> Layer {
    // Stable, so of one name the last change comes last.
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    changes.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    changes.into()
}

/// Iterator over the servers of a [`View`] in byte order of their names.
#[derive(Clone)]
pub struct Iter<'a> {
    config: Peekable<slice::Iter<'a, Named>>,
    plugins: Peekable<plugin_servers::Iter<'a>>,
    changes: Peekable<slice::Iter<'a, Change>>,
}

impl<'a> Iter<'a> {
    /// The next server before anything changed, and whether it is the host's own.
    #[inline]
    fn peek_unchanged(&mut self) -> Option<(&'a Name, &'a Arc<ServerConfig>, bool)> {
        let config = self.config.peek().map(|found| (&found.name, &found.server, true));
        let plugin = self.plugins.peek().map(|(name, server)| (*name, *server, false));
        match (config, plugin) {
            (Some(config), Some(plugin)) if plugin.0 < config.0 => Some(plugin),
            (config, plugin) => config.or(plugin),
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Arc<str>, &'a Arc<ServerConfig>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let change = self.changes.peek().copied();
            let unchanged = self.peek_unchanged();
            let order = match (unchanged, change) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((name, ..)), Some((changed, _))) => name.cmp(changed),
            };
            if let (Some((name, server, of_config)), true) = (unchanged, order.is_le()) {
                if of_config {
                    self.config.next();
                } else {
                    self.plugins.next();
                }
                if order.is_lt() {
                    return Some((name.text(), server));
                }
            }
            self.changes.next();
            if let Some((name, Some(server))) = change {
                return Some((name.text(), server));
            }
        }
    }
}

impl<'a> IntoIterator for &'a View {
    type Item = (&'a Arc<str>, &'a Arc<ServerConfig>);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Views are equal if they hold equal servers under the same names.
impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other) || self.iter().eq(other.iter())
    }
}

impl Eq for View {}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
