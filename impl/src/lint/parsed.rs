//! The text of a `config.toml`, parsed so that each key and value has its place.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// An entry of a table.
pub(super) struct Entry<'t, 'a> {
    pub(super) key: &'t str,
    /// The bytes of the key, quotes included.
    pub(super) key_span: Range<usize>,
    pub(super) value: &'t Value<'a>,
}

/// The entries of a table, in byte order of their keys.
pub(super) fn entries<'t, 'a>(table: &'t DeTable<'a>) -> impl Iterator<Item = Entry<'t, 'a>> {
    table.iter().map(|(key, value)| Entry { key: key.get_ref(), key_span: key.span(), value })
}

/// The entry with this key.
pub(super) fn get<'t, 'a>(table: &'t DeTable<'a>, key: &str) -> Option<Entry<'t, 'a>> {
    entries(table).find(|entry| entry.key == key)
}

/// The entries of the table with this key, if it is one.
pub(super) fn entries_of<'t, 'a>(
    table: &'t DeTable<'a>,
    key: &str,
) -> impl Iterator<Item = Entry<'t, 'a>> {
    let inner = get(table, key).and_then(|entry| entry.table());
    inner.into_iter().flat_map(|table| entries(table))
}

impl<'t, 'a> Entry<'t, 'a> {
    pub(super) fn table(&self) -> Option<&'t DeTable<'a>> {
        self.value.get_ref().as_table()
    }

    pub(super) fn text(&self) -> Option<&'t str> {
        self.value.get_ref().as_str()
    }

    /// The bytes of the value; of a table in several places, of its key.
    pub(super) fn value_span(&self) -> Range<usize> {
        let span = self.value.span();
        if span.is_empty() { self.key_span.clone() } else { span }
    }
}

/// The end of each value by its start. Of two values at one start, the longer counts.
pub(super) fn spans(root: &DeTable<'_>) -> BTreeMap<usize, usize> {
    let mut ends = BTreeMap::new();
    let mut open: Vec<&Value<'_>> = root.iter().map(|(_, value)| value).collect();
    while let Some(value) = open.pop() {
        let span = value.span();
        let end = ends.entry(span.start).or_insert(span.end);
        *end = span.end.max(*end);
        match value.get_ref() {
            DeValue::Table(table) => open.extend(table.iter().map(|(_, value)| value)),
            DeValue::Array(values) => open.extend(values.iter()),
            _ => {}
        }
    }
    ends
}
