//! The setting `mcp_oauth_credentials_store`.

use super::store::StoreMode;
use crate::config::{Document, Loaded, Note, Notes, string};

const KEY: &str = "mcp_oauth_credentials_store";

/// The value of `mcp_oauth_credentials_store`. An unknown one is ignored with a warning.
#[must_use]
pub(crate) fn store_mode(document: &Document<'_>) -> Loaded<StoreMode> {
    let mut notes = Notes::default();
    let mut value = StoreMode::default();
    if let Some(node) = document.get(KEY) {
        match string(node).ok().and_then(|word| word.parse().ok()) {
            Some(mode) => value = mode,
            None => {
                let message = "expected \"auto\", \"file\" or \"keyring\"; \"auto\" is used";
                notes.push(Note::new(node.place(), message));
            }
        }
    }
    notes.under(0, KEY);
    Loaded { value, warnings: notes.into_warnings(|place| document.origin(place)) }
}
