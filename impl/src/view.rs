//! A map from server name to server that shares what it has in common with other views.

use std::cmp::Ordering;
use std::collections::btree_map;
use std::fmt;
use std::iter::Peekable;
use std::slice;
use std::sync::Arc;

use crate::config::{ServerConfig, ServerMap};

/// A name and its new server, or none if the server is deleted.
pub(crate) type Change = (Arc<str>, Option<Arc<ServerConfig>>);

/// A plugin's server, under a name that the host's own config does not use.
#[derive(Debug, Clone)]
pub(crate) struct PluginServer {
    pub(crate) name: Arc<str>,
    pub(crate) server: Arc<ServerConfig>,
    /// The index of the plugin.
    pub(crate) plugin: usize,
}

/// Servers by name, in three parts that views share: the host's own servers, the servers that plugins
/// add, and the changes to both. Cloning copies three pointers; servers are never copied.
#[derive(Clone, Default)]
pub struct View {
    config: Arc<ServerMap>,
    /// Sorted by name, one server per name, no name that `config` has.
    plugins: Arc<[PluginServer]>,
    /// Sorted by name, one change per name. A change may delete a name that is not there.
    changes: Arc<[Change]>,
}

impl View {
    /// The view of these servers; `plugins` is sorted by name and has no name of `config`.
    pub(crate) fn new(config: Arc<ServerMap>, plugins: Vec<PluginServer>) -> Self {
        let plugins = if plugins.is_empty() { Arc::default() } else { plugins.into() };
        Self { config, plugins, changes: Arc::default() }
    }

    /// This view with `changes` applied, which are sorted by name, one per name.
    pub(crate) fn changed(&self, changes: Vec<Change>) -> Self {
        let changes = match (&*self.changes, &*changes) {
            (_, []) => return self.clone(),
            ([], _) => changes.into(),
            (earlier, _) => merged(earlier, changes).into(),
        };
        Self { changes, ..self.clone() }
    }

    /// The servers of plugins that nothing replaced or deleted.
    pub(crate) fn unchanged_plugin_servers(&self) -> impl Iterator<Item = &PluginServer> {
        self.plugins.iter().filter(|found| find(&self.changes, &found.name).is_none())
    }

    /// The server of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ServerConfig>> {
        match find(&self.changes, name) {
            Some(change) => change.as_ref(),
            None => self.unchanged(name),
        }
    }

    /// The server of this name before anything changed.
    fn unchanged(&self, name: &str) -> Option<&Arc<ServerConfig>> {
        let of_plugin = || {
            let index = self.plugins.binary_search_by(|other| (*other.name).cmp(name)).ok()?;
            self.plugins.get(index).map(|found| &found.server)
        };
        self.config.get(name).or_else(of_plugin)
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
            config: self.config.iter().peekable(),
            plugins: self.plugins.iter().peekable(),
            changes: self.changes.iter().peekable(),
        }
    }

    /// How many servers there are. Looks up the name of each change.
    #[must_use]
    pub fn len(&self) -> usize {
        let mut count = self.config.len() + self.plugins.len();
        for (name, change) in self.changes.iter() {
            match (change.is_some(), self.unchanged(name).is_some()) {
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

    /// Whether this and `other` share all their parts, which is more than being equal.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
            && same_slice(&self.plugins, &other.plugins)
            && same_slice(&self.changes, &other.changes)
    }
}

fn same_slice<T>(a: &Arc<[T]>, b: &Arc<[T]>) -> bool {
    Arc::ptr_eq(a, b) || (a.is_empty() && b.is_empty())
}

/// The change to this name, in `changes` sorted by name.
pub(crate) fn find<'a>(changes: &'a [Change], name: &str) -> Option<&'a Option<Arc<ServerConfig>>> {
    let index = changes.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
    changes.get(index).map(|(_, change)| change)
}

/// Both, sorted by name. The later change to a name replaces the earlier one.
fn merged(earlier: &[Change], later: Vec<Change>) -> Vec<Change> {
    let mut out = Vec::with_capacity(earlier.len() + later.len());
    let mut earlier = earlier.iter().peekable();
    for change in later {
        while let Some(kept) = earlier.next_if(|(name, _)| *name < change.0) {
            out.push(kept.clone());
        }
        earlier.next_if(|(name, _)| *name == change.0);
        out.push(change);
    }
    out.extend(earlier.cloned());
    out
}

/// Iterator over the servers of a [`View`] in byte order of their names.
#[derive(Clone)]
pub struct Iter<'a> {
    config: Peekable<btree_map::Iter<'a, Arc<str>, Arc<ServerConfig>>>,
    plugins: Peekable<slice::Iter<'a, PluginServer>>,
    changes: Peekable<slice::Iter<'a, Change>>,
}

impl<'a> Iter<'a> {
    /// The name of the next server before anything changed.
    fn peek_unchanged(&mut self) -> Option<&'a Arc<str>> {
        let config = self.config.peek().map(|(name, _)| *name);
        let plugin = self.plugins.peek().map(|found| &found.name);
        match (config, plugin) {
            (Some(config), Some(plugin)) => Some(config.min(plugin)),
            (config, plugin) => config.or(plugin),
        }
    }

    /// The next server before anything changed.
    fn next_unchanged(&mut self) -> Option<(&'a Arc<str>, &'a Arc<ServerConfig>)> {
        let name = self.peek_unchanged()?;
        let config = self.config.next_if(|(other, _)| *other == name);
        config.or_else(|| self.plugins.next().map(|found| (&found.name, &found.server)))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Arc<str>, &'a Arc<ServerConfig>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((name, change)) = self.changes.peek() else {
                return self.next_unchanged();
            };
            match self.peek_unchanged().map(|other| other.cmp(name)) {
                Some(Ordering::Less) => return self.next_unchanged(),
                Some(Ordering::Equal) => drop(self.next_unchanged()),
                Some(Ordering::Greater) | None => {}
            }
            self.changes.next();
            if let Some(server) = change {
                return Some((name, server));
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
