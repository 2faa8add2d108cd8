//! A server of the file, as its rules see it.

use toml::de::DeTable;

use super::finding::Finding;
use super::parsed::{Entry, get};
use super::path::Path;
use super::rule::Rule;

/// A server of the file.
pub(super) struct Server<'t, 'a> {
    pub(super) entry: Entry<'t, 'a>,
    pub(super) table: &'t DeTable<'a>,
    pub(super) path: Path,
}

impl<'t, 'a> Server<'t, 'a> {
    pub(super) fn get(&self, key: &str) -> Option<Entry<'t, 'a>> {
        get(self.table, key)
    }

    pub(super) fn is_enabled(&self) -> bool {
        let enabled = self.get("enabled").and_then(|entry| entry.value.get_ref().as_bool());
        enabled != Some(false)
    }

    pub(super) fn has_transport(&self) -> bool {
        self.get("url").is_some() || self.get("command").is_some()
    }

    /// A finding about its name.
    pub(super) fn named(&self, rule: Rule, message: String) -> Finding {
        Finding::new(rule, self.entry.key_span.clone(), message).at(self.path.to_string())
    }

    /// A finding about one of its keys.
    pub(super) fn about(&self, rule: Rule, entry: &Entry<'_, '_>, message: String) -> Finding {
        let key = self.path.with(entry.key).to_string();
        Finding::new(rule, entry.value_span(), message).at(key)
    }
}
