//! `-c key=value`: one setting that overrides `config.toml`.

use std::collections::BTreeMap;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::place::Place;
use super::tree::{Tree, TreeValue, parse_value};

/// One setting that overrides the file: `features.apps=false`, `mcp_servers."a.b".enabled=true`.
///
/// The key is dotted as in TOML, quotes included. The value is read as TOML. Anything that is not
/// TOML is taken as a string, so that `chatgpt_base_url=https://chatgpt.com` needs no quotes.
/// White space around key and value is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Override {
    key: String,
    steps: Vec<String>,
    value: String,
}

/// Why a text is not an override.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// There is no `=` outside quotes.
    #[error("an override is written key=value, for example features.apps=false: `=` is missing")]
    NoEquals,
    /// The text before the `=` is not a dotted TOML key.
    #[error(
        "the text before `=` is not a dotted TOML key; \
         quote a part that holds more than letters, digits, `_` and `-`: mcp_servers.\"a.b\".url"
    )]
    InvalidKey,
    /// A key of a JSON object leads too deep.
    #[error("an override of more than {0} steps: no setting is that deep")]
    TooDeep(usize),
    /// A JSON object is too large.
    #[error("more than {0} bytes of overrides")]
    TooLarge(usize),
}

impl Override {
    /// The key as it was written.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The override of the setting at the end of these steps. `value` is TOML.
    pub(super) fn at(steps: Vec<String>, value: String) -> Self {
        Self { key: steps.join("."), steps, value }
    }

    /// Applies this override, which has this index, to `root`. A value on the way that is not a
    /// table is replaced by one, as a later setting replaces an earlier one.
    fn apply(&self, root: &mut Tree, index: usize) {
        let place = Place::Override(index);
        let Some((last, way)) = self.steps.split_last() else { return };
        let mut entries = entries_of(root, place);
        for step in way {
            let Some(map) = entries else { return };
            let next = map.entry(step.clone()).or_insert_with(|| empty_table(place));
            entries = entries_of(next, place);
        }
        let string = || Tree { value: TreeValue::String(self.value.clone()), place };
        let value = parse_value(&self.value, index).unwrap_or_else(|_| string());
        if let Some(map) = entries {
            map.insert(last.clone(), value);
        }
    }
}

/// Applies these overrides to `root` in order.
pub(crate) fn apply_all(overrides: &[Override], root: &mut Tree) {
    for (index, setting) in overrides.iter().enumerate() {
        setting.apply(root, index);
    }
}

fn empty_table(place: Place) -> Tree {
    Tree { value: TreeValue::Table(BTreeMap::new()), place }
}

/// The entries of `tree`, which becomes a table first if it is not one. Always `Some`.
fn entries_of(tree: &mut Tree, place: Place) -> Option<&mut BTreeMap<String, Tree>> {
    if !matches!(tree.value, TreeValue::Table(_)) {
        *tree = empty_table(place);
    }
    match &mut tree.value {
        TreeValue::Table(entries) => Some(entries),
        _ => None,
    }
}

impl FromStr for Override {
    type Err = OverrideError;

    fn from_str(text: &str) -> Result<Self, OverrideError> {
        let equals = equals_outside_quotes(text).ok_or(OverrideError::NoEquals)?;
        let (key, value) = text.split_at(equals);
        let key = key.trim();
        let steps = parse_key(key).ok_or(OverrideError::InvalidKey)?;
        let value = value.strip_prefix('=').unwrap_or(value).trim();
        Ok(Self { key: key.to_owned(), steps, value: value.to_owned() })
    }
}

impl std::fmt::Debug for Override {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The value may be a secret.
        f.debug_struct("Override").field("key", &self.key).finish_non_exhaustive()
    }
}

fn equals_outside_quotes(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            None if c == '=' => return Some(at),
            None if c == '"' || c == '\'' => quote = Some(c),
            None => {}
            Some(_) if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
        }
    }
    None
}

/// Reads a dotted key by letting TOML read `key = 0`.
fn parse_key(key: &str) -> Option<Vec<String>> {
    if key.contains(['\n', '\r']) {
        return None;
    }
    let text = format!("{key} = 0");
    let mut table: DeTable<'_> = DeTable::parse(&text).ok()?.into_inner();
    let mut steps = Vec::new();
    loop {
        let (step, value) = table.into_iter().next()?;
        steps.push(step.into_inner().into_owned());
        match value.into_inner() {
            DeValue::Table(next) => table = next,
            _ => return Some(steps),
        }
    }
}
