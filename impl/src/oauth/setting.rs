//! The setting `mcp_oauth_credentials_store`.

use super::store::StoreMode;
use crate::config::node::{Kind, Node};
use crate::config::{Loaded, Note, Notes, Override, Source, apply_all, parse_document, string};

const KEY: &str = "mcp_oauth_credentials_store";

/// The value of `mcp_oauth_credentials_store` in the text of a `config.toml`, with `overrides`
/// applied in order. Warnings call the text `file`.
///
/// An unknown value is ignored with a warning. A text that is not TOML is ignored without one: [`HostConfig::from_toml_str`](crate::HostConfig::from_toml_str) reports
/// it.
#[must_use]
pub fn store_mode(text: &str, file: &str, overrides: &[Override]) -> Loaded<StoreMode> {
    let mut notes = Notes::default();
    let mut value = StoreMode::default();
    if let Ok(mut root) = parse_document(text) {
        apply_all(overrides, &mut root);
        if let Kind::Table(entries) = Node::Toml(&root).kind()
            && let Some((_, node)) = entries.iter().find(|(name, _)| *name == KEY)
        {
            match string(node).ok().and_then(|word| word.parse().ok()) {
                Some(mode) => value = mode,
                None => {
                    let message = "expected \"auto\", \"file\" or \"keyring\"; \"auto\" is used";
                    notes.push(Note::new(node.place(), message));
                }
            }
        }
    }
    notes.under(0, KEY);
    let source = Source::new(file, text, overrides);
    Loaded { value, warnings: notes.into_warnings(|place| source.origin(place)) }
}
