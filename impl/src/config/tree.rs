//! TOML as an owned tree in which every value knows where it was written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::Place;

/// Values deeper than this are refused, so that no recursion runs out of stack.
const MAX_DEPTH: usize = 128;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) value: TreeValue,
    pub(crate) place: Place,
}

/// A TOML value.
#[derive(Debug, Clone)]
pub(crate) enum TreeValue {
    Bool(bool),
    Integer(i128),
    Float(f64),
    String(String),
    Array(Vec<Tree>),
    Table(BTreeMap<String, Tree>),
    /// Something no known key takes; the text describes it.
    Other(&'static str),
}

/// A text that is not TOML, or nested too deeply.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// Parses a TOML document.
pub(crate) fn parse_document(text: &str) -> Result<Tree, SyntaxError> {
    let document = DeTable::parse(text).map_err(|error| SyntaxError {
        place: error.span().map_or(Place::Memory, |span| Place::Offset(span.start)),
        message: error.message().to_owned(),
    })?;
    table(document.into_inner(), Place::Offset(0), &Place::Offset, 0)
}

/// Parses one TOML value that was written in the override with this index.
pub(crate) fn parse_value(text: &str, index: usize) -> Result<Tree, SyntaxError> {
    let place = Place::Override(index);
    let value = DeValue::parse(text)
        .map_err(|error| SyntaxError { place, message: error.message().to_owned() })?;
    tree(value, &|_| place, 0)
}

fn tree(
    spanned: Spanned<DeValue<'_>>,
    at: &dyn Fn(usize) -> Place,
    depth: usize,
) -> Result<Tree, SyntaxError> {
    let place = at(spanned.span().start);
    if depth >= MAX_DEPTH {
        let message = format!("nested more than {MAX_DEPTH} levels deep");
        return Err(SyntaxError { place, message });
    }
    let value = match spanned.into_inner() {
        DeValue::String(text) => TreeValue::String(text.into_owned()),
        DeValue::Boolean(value) => TreeValue::Bool(value),
        DeValue::Datetime(_) => TreeValue::Other("a date or time"),
        DeValue::Integer(digits) => i128::from_str_radix(digits.as_str(), digits.radix())
            .map_or(TreeValue::Other("an integer out of range"), TreeValue::Integer),
        DeValue::Float(digits) => digits
            .as_str()
            .parse()
            .map_or(TreeValue::Other("a number out of range"), TreeValue::Float),
        DeValue::Array(values) => {
            let elements = values.into_iter().map(|value| tree(value, at, depth + 1));
            TreeValue::Array(elements.collect::<Result<_, _>>()?)
        }
        DeValue::Table(entries) => return table(entries, place, at, depth),
    };
    Ok(Tree { value, place })
}

fn table(
    entries: DeTable<'_>,
    place: Place,
    at: &dyn Fn(usize) -> Place,
    depth: usize,
) -> Result<Tree, SyntaxError> {
    let entry = |(key, value): (Spanned<Cow<'_, str>>, _)| {
        Ok((key.into_inner().into_owned(), tree(value, at, depth + 1)?))
    };
    let entries = entries.into_iter().map(entry).collect::<Result<_, SyntaxError>>()?;
    Ok(Tree { value: TreeValue::Table(entries), place })
}
