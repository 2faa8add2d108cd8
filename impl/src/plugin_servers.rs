//! The servers that plugins add, merged from theirs without touching one of them.

use std::cmp::Ordering;
use std::slice;
use std::sync::Arc;

use crate::config::{Name, Named, ServerConfig, Sought};

/// Servers of plugins, sorted by name, one server per name.
#[derive(Debug, Default)]
pub(crate) struct PluginServers {
    plugins: Plugins,
    added: Vec<Added>,
}

/// The servers of each plugin, sorted by name.
#[derive(Debug, Default)]
struct Plugins(Vec<Arc<[Named]>>);

/// Where a server that a plugin adds is.
#[derive(Debug)]
struct Added {
    /// The first bytes of its name.
    start: u128,
    plugin: usize,
    /// Its index among the plugin's servers.
    index: usize,
    /// The server that takes its place, if it is disabled.
    disabled: Option<Arc<ServerConfig>>,
}

impl Plugins {
    #[inline]
    fn get(&self, at: &Added) -> Option<&Named> {
        self.0.get(at.plugin)?.get(at.index)
    }

    #[inline]
    fn compare(&self, at: &Added, name: Sought<'_>) -> Ordering {
        let text = || self.get(at).map(|found| &**found.name.text());
        at.start.cmp(&name.start()).then_with(|| text().cmp(&Some(name.text())))
    }
}

impl PluginServers {
    /// The servers of these plugins that count: of those of one name that of the earliest plugin, and
    /// none that has the name of an `own` one. All are sorted by name.
    pub(crate) fn new(
        plugins: impl Iterator<Item = Arc<[Named]>>,
        own: &[Named],
        counts: impl Fn(usize, &Name) -> bool,
    ) -> Self {
        let plugins = Plugins(plugins.collect());
        let mut added = Vec::with_capacity(plugins.0.iter().map(|of| of.len()).sum());
        for (plugin, of) in plugins.0.iter().enumerate() {
            let counting = of.iter().enumerate().filter(|(_, found)| counts(plugin, &found.name));
            added.extend(counting.map(|(index, found)| {
                let start = found.name.start();
                Added { start, plugin, index, disabled: None }
            }));
        }
        let text = |at: &Added| plugins.get(at).map(|found| found.name.text());
        // The sort is stable, so the earliest plugin's offer of a name comes first and stays.
        added.sort_by(|a, b| a.start.cmp(&b.start).then_with(|| text(a).cmp(&text(b))));
        added.dedup_by(|later, earlier| {
            later.start == earlier.start && text(later) == text(earlier)
        });
        let mut own = own.iter().map(|own| own.name.sought()).peekable();
        added.retain(|at| {
            while own.next_if(|own| plugins.compare(at, *own).is_gt()).is_some() {}
            own.peek().is_none_or(|own| plugins.compare(at, *own).is_ne())
        });
        Self { plugins, added }
    }

    /// Disables the servers that are not allowed.
    pub(crate) fn disable(&mut self, is_allowed: impl Fn(usize, &Named) -> bool) {
        for at in &mut self.added {
            let found = self.plugins.get(at).filter(|found| !is_allowed(at.plugin, found));
            at.disabled = found.map(|found| found.server.disabled());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.added.len()
    }

    pub(crate) fn get(&self, name: Sought<'_>) -> Option<&Arc<ServerConfig>> {
        let index = self.added.binary_search_by(|at| self.plugins.compare(at, name)).ok()?;
        let (_, server) = self.found(self.added.get(index)?)?;
        Some(server)
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { of: self, added: self.added.iter() }
    }

    /// The names of the servers, and the index of each plugin.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&Name, usize)> {
        self.added.iter().filter_map(|at| Some((&self.plugins.get(at)?.name, at.plugin)))
    }

    #[inline]
    fn found<'a>(&'a self, at: &'a Added) -> Option<(&'a Name, &'a Arc<ServerConfig>)> {
        let found = self.plugins.get(at)?;
        Some((&found.name, at.disabled.as_ref().unwrap_or(&found.server)))
    }
}

/// The servers in the order of their names.
#[derive(Clone)]
pub(crate) struct Iter<'a> {
    of: &'a PluginServers,
    added: slice::Iter<'a, Added>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Name, &'a Arc<ServerConfig>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.of.found(self.added.next()?)
    }
}
