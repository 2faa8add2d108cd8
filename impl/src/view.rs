//! A map from server name to server that shares what it has in common with other views.

use std::fmt;
use std::iter::Peekable;
use std::slice;
use std::sync::Arc;

use crate::config::{ServerConfig, ServerMap};

/// A name and what became of it: a server, or nothing (deleted).
pub(crate) type Change = (Arc<str>, Option<Arc<ServerConfig>>);

/// Servers by name: a base that other views share, and what differs from it. Cloning copies two
/// pointers; servers are never copied.
#[derive(Clone, Default)]
pub struct View {
    base: Arc<ServerMap>,
    /// Sorted by name, one change a name. A change may delete what the base does not have.
    changes: Arc<[Change]>,
}

impl View {
    pub(crate) fn new(base: Arc<ServerMap>) -> Self {
        Self { base, changes: Arc::default() }
    }

    /// This view with `changes`, which are sorted by name, one a name, put over it.
    pub(crate) fn changed(&self, changes: Vec<Change>) -> Self {
        let changes = match (&*self.changes, &*changes) {
            (_, []) => return self.clone(),
            ([], _) => changes.into(),
            (earlier, _) => merged(earlier, changes).into(),
        };
        Self { base: Arc::clone(&self.base), changes }
    }

    /// The server of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ServerConfig>> {
        match find(&self.changes, name) {
            Some(change) => change.as_ref(),
            None => self.base.get(name),
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
        Iter { base: self.base.iter().peekable(), changes: self.changes.iter().peekable() }
    }

    /// How many servers there are. Looks each change up in the base.
    #[must_use]
    pub fn len(&self) -> usize {
        let mut count = self.base.len();
        for (name, change) in self.changes.iter() {
            match (change.is_some(), self.base.contains_key(name)) {
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

    /// Whether this is the very same view as `other`, not only an equal one.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.base, &other.base)
            && (Arc::ptr_eq(&self.changes, &other.changes)
                || (self.changes.is_empty() && other.changes.is_empty()))
    }
}

/// What `changes`, sorted by name, say of this name.
pub(crate) fn find<'a>(changes: &'a [Change], name: &str) -> Option<&'a Option<Arc<ServerConfig>>> {
    let index = changes.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
    changes.get(index).map(|(_, change)| change)
}

/// Both, sorted by name; of one name the later change stays.
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
    base: Peekable<std::collections::btree_map::Iter<'a, Arc<str>, Arc<ServerConfig>>>,
    changes: Peekable<slice::Iter<'a, Change>>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Arc<str>, &'a Arc<ServerConfig>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((name, change)) = self.changes.peek() else {
                return self.base.next();
            };
            if let Some(entry) = self.base.next_if(|(other, _)| *other < name) {
                return Some(entry);
            }
            self.base.next_if(|(other, _)| *other == name);
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
