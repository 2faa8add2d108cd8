//! Which plugins and apps the user switched on or off in `config.toml`.

use std::collections::BTreeMap;

use crate::config::node::{Kind, Node};
use crate::config::{
    Loaded, Notes, Override, Read, Source, apply_all, boolean, parse_document, table, under,
};

/// How warnings name the text.
const FILE: &str = "config.toml";

/// The plugins that `[plugins."id"] enabled = …` of the text of a `config.toml` switches on or off,
/// with `overrides` applied to it in order. An entry without `enabled` is on; plugins not listed are
/// on, except [installed](crate::installed_plugins) ones.
///
/// A malformed entry switches its plugin off, with a warning, because that may be what was meant. A
/// text that is not TOML lists no plugin, without a warning;
/// [`HostConfig::from_toml_str`](crate::HostConfig::from_toml_str) says what is wrong with it.
#[must_use]
pub fn plugin_states(text: &str, overrides: &[Override]) -> Loaded<BTreeMap<String, bool>> {
    switches("plugins", "this plugin is switched off", text, overrides)
}

/// The apps that `[apps.ID] enabled = …` switches on or off, read as [`plugin_states`] are. Apps not
/// listed are on.
#[cfg(feature = "network")]
pub(crate) fn app_states(text: &str, overrides: &[Override]) -> Loaded<BTreeMap<String, bool>> {
    switches("apps", "this app is switched off", text, overrides)
}

/// Whether `features.plugins` lets plugins be installed, as it does unless it is false.
#[cfg(feature = "network")]
pub(crate) fn plugins_are_on(text: &str, overrides: &[Override]) -> bool {
    let Ok(mut root) = parse_document(text) else { return true };
    apply_all(overrides, &mut root);
    let setting = get(Node::Toml(&root), "features").and_then(|table| get(table, "plugins"));
    setting.is_none_or(|setting| boolean(setting).unwrap_or(true))
}

/// The entries of `table` and whether each is on.
fn switches(
    table: &str,
    consequence: &str,
    text: &str,
    overrides: &[Override],
) -> Loaded<BTreeMap<String, bool>> {
    let mut states = BTreeMap::new();
    let mut notes = Notes::default();
    if let Ok(mut root) = parse_document(text) {
        apply_all(overrides, &mut root);
        if let Some(entries) = get(Node::Toml(&root), table) {
            read_entries(entries, consequence, &mut states, &mut notes);
            notes.under(0, table);
        }
    }
    let source = Source::new(FILE, text, overrides);
    let warnings = notes.into_warnings(|place| source.origin(place));
    Loaded { value: states, warnings }
}

fn read_entries(
    entries: Node<'_>,
    consequence: &str,
    states: &mut BTreeMap<String, bool>,
    notes: &mut Notes,
) {
    match table(entries) {
        Ok(entries) => {
            for (id, entry) in entries.iter() {
                let first = notes.len();
                match enabled(entry) {
                    Ok(enabled) => {
                        states.insert(id.to_owned(), enabled.unwrap_or(true));
                    }
                    Err(mut fault) => {
                        fault.message.push_str(&format!("; {consequence}"));
                        notes.push(*fault);
                        states.insert(id.to_owned(), false);
                    }
                }
                notes.under(first, id);
            }
        }
        Err(mut fault) => {
            fault.message.push_str("; ignored");
            notes.push(*fault);
        }
    }
}

/// The `enabled` of an entry, if it is there.
fn enabled(entry: Node<'_>) -> Read<Option<bool>> {
    table(entry)?;
    let enabled = get(entry, "enabled").map(boolean).transpose();
    enabled.map_err(|fault| under(fault, "enabled"))
}

fn get<'a>(node: Node<'a>, key: &str) -> Option<Node<'a>> {
    let Kind::Table(entries) = node.kind() else { return None };
    entries.iter().find(|(name, _)| *name == key).map(|(_, node)| node)
}
