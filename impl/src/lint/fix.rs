//! Safe repairs. Comments, order and formatting of everything else stay.

use toml_edit::{DocumentMut, Item, Key, TableLike};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::finding::{Finding, Fix};

/// A repaired text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The text.
    pub text: String,
    /// How many findings are repaired.
    pub repaired: usize,
    /// The positions of the findings whose repair is not made, because it would change something else, such
    /// as lose a comment or make Codex refuse the file.
    pub left: Vec<usize>,
}

/// Why a text cannot be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FixError {
    /// An edit would change other parts.
    #[error("the file is written in a way that --fix would reformat; repair it by hand")]
    Reformats,
}

const BOM: &str = "\u{feff}";

/// The most repairs that are tried one at a time, and the most bytes of them all: each costs a copy of the
/// document, and a look at it.
const MAX_ALONE: usize = 100;
const MAX_BYTES_ALONE: usize = 4 << 20;

/// The text with the repairs of these findings; `refused` says how much of a text Codex refuses.
pub(super) fn fixed(
    text: &str,
    findings: &[Finding],
    refused: &dyn Fn(&str) -> usize,
) -> Result<Fixed, FixError> {
    let fixes = findings.iter().enumerate();
    let fixes: Vec<(usize, &Fix)> =
        fixes.filter_map(|(at, finding)| Some((at, finding.fix.as_ref()?))).collect();
    if fixes.is_empty() {
        return Ok(Fixed { text: text.to_owned(), repaired: 0, left: Vec::new() });
    }
    // The editor writes line ends of its own and no mark.
    let (mark, body) = match text.strip_prefix(BOM) {
        Some(body) => (BOM, body),
        None => ("", text),
    };
    let ends_in_cr = body.contains("\r\n");
    let plain = if ends_in_cr { body.replace("\r\n", "\n") } else { body.to_owned() };
    let document: DocumentMut = plain.parse().map_err(|_| FixError::Reformats)?;
    let is_mixed = ends_in_cr && plain.replace('\n', "\r\n") != body;
    if is_mixed || document.to_string() != plain {
        return Err(FixError::Reformats);
    }
    let (document, left) = repair(&document, &fixes, refused);
    let new = document.to_string();
    let new = if ends_in_cr { new.replace('\n', "\r\n") } else { new };
    Ok(Fixed { text: format!("{mark}{new}"), repaired: fixes.len() - left.len(), left })
}

/// The document with these repairs, and the findings whose repair was not made. One that would lose a comment
/// is not.
fn repair(
    document: &DocumentMut,
    fixes: &[(usize, &Fix)],
    refused: &dyn Fn(&str) -> usize,
) -> (DocumentMut, Vec<usize>) {
    let text = document.to_string();
    let before = comments(&text);
    let mut refused_before = refused(&text);
    // Nor may one make Codex refuse what it takes now; the number of what it refuses after it, if it is safe.
    let safe = |new: &DocumentMut, refused_before: usize| {
        let new = new.to_string();
        let refused = refused(&new);
        (comments(&new) == before && refused <= refused_before).then_some(refused)
    };
    let mut all = document.clone();
    // One that removes a refusal must not pay for one that adds another.
    let is_taken = refused_before == 0;
    if is_taken && fixes.iter().all(|(_, fix)| apply(&mut all, fix)) && safe(&all, 0).is_some() {
        return (all, Vec::new());
    }
    let tries = MAX_ALONE.min(MAX_BYTES_ALONE / text.len().max(1));
    let (mut done, mut left) = (document.clone(), Vec::new());
    for (nth, (at, fix)) in fixes.iter().enumerate() {
        if nth >= tries {
            left.push(*at);
            continue;
        }
        let mut next = done.clone();
        match apply(&mut next, fix).then(|| safe(&next, refused_before)).flatten() {
            Some(refused) => (done, refused_before) = (next, refused),
            None => left.push(*at),
        }
    }
    (done, left)
}

/// The comments of a text, in order.
fn comments(text: &str) -> Vec<String> {
    let tokens = Source::new(text).lex().filter(|token| token.kind() == TokenKind::Comment);
    let span = |token: toml_parser::lexer::Token| token.span().start()..token.span().end();
    tokens.filter_map(|token| text.get(span(token)).map(str::to_owned)).collect()
}

/// Whether the repair could be made.
fn apply(document: &mut DocumentMut, fix: &Fix) -> bool {
    let (Fix::Rename { path, .. } | Fix::Remove { path }) = fix;
    let Some((last, way)) = path.split_last() else { return false };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for step in way {
        match table.get_mut(step).and_then(Item::as_table_like_mut) {
            Some(next) => table = next,
            None => return false,
        }
    }
    match fix {
        Fix::Rename { to, .. } => rename(table, last, to),
        Fix::Remove { .. } => remove(table, last),
    }
}

/// Renames a key in its place.
fn rename(table: &mut dyn TableLike, from: &str, to: &str) -> bool {
    if table.contains_key(to) {
        return join(table, from, to);
    }
    if !table.contains_key(from) {
        return false;
    }
    let entries = taken(table);
    for (key, item) in entries {
        let key = if key.get() == from { renamed(&key, to) } else { key };
        table.entry_format(&key).or_insert(item);
    }
    true
}

/// Moves the tables of `[from.…]` to those of `[to.…]`. Headers keep their places in the file.
fn join(table: &mut dyn TableLike, from: &str, to: &str) -> bool {
    let Some(source) = table.get(from).and_then(Item::as_table).cloned() else { return false };
    let Some(target) = table.get_mut(to).and_then(Item::as_table_mut) else { return false };
    let is_free = source.iter().all(|(name, _)| !target.contains_key(name));
    // Only a table without a header of its own has nothing else to move.
    if !source.is_implicit() || !is_free {
        return false;
    }
    for (name, item) in source.iter() {
        if let Some(key) = source.key(name) {
            target.entry_format(key).or_insert(item.clone());
        }
    }
    table.remove(from);
    true
}

fn renamed(key: &Key, to: &str) -> Key {
    Key::new(to)
        .with_leaf_decor(key.leaf_decor().clone())
        .with_dotted_decor(key.dotted_decor().clone())
}

/// Removes a key. Comments above it go to the key after it.
fn remove(table: &mut dyn TableLike, key: &str) -> bool {
    let Some((old, _)) = table.get_key_value(key) else { return false };
    let above = old.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    let above = if above.contains('#') { above.to_owned() } else { String::new() };
    let position = table.iter().position(|(name, _)| name == key).unwrap_or_default();
    let next = table.iter().nth(position + 1).map(|(name, _)| name.to_owned());
    table.remove(key);
    if let Some(mut next) = next.as_deref().and_then(|next| table.key_mut(next))
        && !above.is_empty()
    {
        let own = next.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
        let both = format!("{above}{own}");
        next.leaf_decor_mut().set_prefix(both);
    }
    true
}

/// All entries, taken out of the table in their order.
fn taken(table: &mut dyn TableLike) -> Vec<(Key, Item)> {
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    let entry = |name: &String| {
        let (key, item) = table.get_key_value(name)?;
        Some((key.clone(), item.clone()))
    };
    let entries = names.iter().filter_map(entry).collect();
    table.clear();
    entries
}
