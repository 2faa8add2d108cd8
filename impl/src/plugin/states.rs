//! Which plugins the user switched on or off in `config.toml`.

use std::collections::BTreeMap;

use crate::config::node::{Kind, Node};
use crate::config::{
    Loaded, Notes, Override, Read, Source, apply_all, boolean, parse_document, table, under,
};

/// How warnings name the text.
const FILE: &str = "config.toml";

/// The plugins that `[plugins."id"] enabled = …` of the text of a `config.toml` switches on or
/// off, with `overrides` put over it in order. Plugins not listed are on.
///
/// A malformed entry switches its plugin off, with a warning: whoever wrote it may have meant just
/// that. A text that is not TOML lists no plugin, without a warning;
/// [`HostConfig::from_toml_str`](crate::HostConfig::from_toml_str) says what is wrong with it.
#[must_use]
pub fn plugin_states(text: &str, overrides: &[Override]) -> Loaded<BTreeMap<String, bool>> {
    let mut states = BTreeMap::new();
    let mut notes = Notes::default();
    if let Ok(mut root) = parse_document(text) {
        apply_all(overrides, &mut root);
        if let Some(plugins) = get(Node::Toml(&root), "plugins") {
            read_plugins(plugins, &mut states, &mut notes);
        }
    }
    let source = Source::new(FILE, text, overrides);
    let warnings = notes.into_warnings(|place| source.origin(place));
    Loaded { value: states, warnings }
}

fn read_plugins(plugins: Node<'_>, states: &mut BTreeMap<String, bool>, notes: &mut Notes) {
    match table(plugins) {
        Ok(plugins) => {
            for (id, plugin) in plugins.iter() {
                let first = notes.len();
                match enabled(plugin) {
                    Ok(None) => {}
                    Ok(Some(enabled)) => {
                        states.insert(id.to_owned(), enabled);
                    }
                    Err(mut fault) => {
                        fault.message.push_str("; this plugin is switched off");
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
    notes.under(0, "plugins");
}

/// What an entry says about its plugin, if it says anything.
fn enabled(plugin: Node<'_>) -> Read<Option<bool>> {
    table(plugin)?;
    let enabled = get(plugin, "enabled").map(boolean).transpose();
    enabled.map_err(|fault| under(fault, "enabled"))
}

fn get<'a>(node: Node<'a>, key: &str) -> Option<Node<'a>> {
    let Kind::Table(entries) = node.kind() else { return None };
    entries.iter().find(|(name, _)| *name == key).map(|(_, node)| node)
}
