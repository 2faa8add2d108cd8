//! Which plugins and apps the user switched on or off in `config.toml`.

use std::collections::BTreeMap;

#[cfg(feature = "lint")]
use super::policies::policy_faults;
#[cfg(feature = "lint")]
use crate::config::Note;
use crate::config::node::{Kind, Node};
use crate::config::{Document, Loaded, Notes, Override, Read, boolean, table, under};

/// How warnings name the text.
const FILE: &str = "config.toml";

const PLUGIN_OFF: &str = "this plugin is switched off";
#[cfg(any(feature = "lint", feature = "network"))]
const APP_OFF: &str = "this app is switched off";

/// The plugins that `[plugins."id"] enabled = …` of the text of a `config.toml` switches on or off,
/// with `overrides` applied to it in order. An entry without `enabled` is on; plugins not listed are
/// on, except [installed](crate::installed_plugins) ones.
///
/// A malformed entry switches its plugin off, with a warning, because that may be what was meant. A
/// text that is not TOML lists no plugin, without a warning;
/// [`HostConfig::from_toml_str`](crate::HostConfig::from_toml_str) says what is wrong with it.
#[must_use]
pub fn plugin_states(text: &str, overrides: &[Override]) -> Loaded<BTreeMap<String, bool>> {
    match Document::parse(text, FILE, overrides) {
        Ok(document) => plugin_states_in(&document),
        Err(_) => Loaded { value: BTreeMap::new(), warnings: Vec::new() },
    }
}

/// As [`plugin_states`], of a text that is parsed already.
pub(crate) fn plugin_states_in(document: &Document<'_>) -> Loaded<BTreeMap<String, bool>> {
    switches("plugins", PLUGIN_OFF, document)
}

/// The apps that `[apps.ID] enabled = …` switches on or off, read as [`plugin_states`] are. Apps not
/// listed are on.
#[cfg(feature = "network")]
pub(crate) fn app_states(document: &Document<'_>) -> Loaded<BTreeMap<String, bool>> {
    switches("apps", APP_OFF, document)
}

/// Whether `features.plugins` lets plugins be installed, as it does unless it is false.
#[cfg(feature = "network")]
pub(crate) fn plugins_are_on(document: &Document<'_>) -> bool {
    let setting = document.get("features").and_then(|table| get(table, "plugins"));
    setting.is_none_or(|setting| boolean(setting).unwrap_or(true))
}

/// The entries of `table` and whether each is on.
fn switches(
    table: &str,
    consequence: &str,
    document: &Document<'_>,
) -> Loaded<BTreeMap<String, bool>> {
    let mut states = BTreeMap::new();
    let notes = read_switches(table, consequence, document, &mut states);
    let warnings = notes.into_warnings(|place| document.origin_in(FILE, place));
    Loaded { value: states, warnings }
}

/// What is wrong with the entries of plugins and apps.
#[cfg(feature = "lint")]
pub(crate) fn switch_faults(document: &Document<'_>) -> Vec<Note> {
    let faults = |table, consequence| {
        read_switches(table, consequence, document, &mut BTreeMap::new()).into_kept()
    };
    [faults("plugins", PLUGIN_OFF), faults("apps", APP_OFF), policy_faults(document)].concat()
}

fn read_switches(
    table: &str,
    consequence: &str,
    document: &Document<'_>,
    states: &mut BTreeMap<String, bool>,
) -> Notes {
    let mut notes = Notes::default();
    if let Some(entries) = document.get(table) {
        read_entries(entries, consequence, states, &mut notes);
        notes.under(0, table);
    }
    notes
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
