//! Which plugins the user switched on or off in `config.toml`.

use std::collections::BTreeMap;

use crate::config::node::{Kind, Node};
use crate::config::parse_document;

/// The plugins that `[plugins."id"] enabled = …` of a `config.toml` switches on or off. Anything
/// malformed is passed over: plugins not listed are on.
#[must_use]
pub fn plugin_states(text: &str) -> BTreeMap<String, bool> {
    let Ok(root) = parse_document(text) else { return BTreeMap::new() };
    let mut states = BTreeMap::new();
    for (id, plugin) in get(Node::Toml(&root), "plugins").into_iter().flat_map(entries) {
        if let Some(Kind::Bool(enabled)) = get(plugin, "enabled").map(Node::kind) {
            states.insert(id.to_owned(), enabled);
        }
    }
    states
}

fn entries<'a>(node: Node<'a>) -> impl Iterator<Item = (&'a str, Node<'a>)> {
    let table = match node.kind() {
        Kind::Table(table) => Some(table),
        _ => None,
    };
    table.into_iter().flat_map(|table| table.iter())
}

fn get<'a>(node: Node<'a>, key: &str) -> Option<Node<'a>> {
    entries(node).find(|(name, _)| *name == key).map(|(_, node)| node)
}
