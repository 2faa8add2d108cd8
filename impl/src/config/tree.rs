//! TOML as an owned tree in which every value knows where it was written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nesting::too_deep_at;
use super::node::Place;

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
    refuse_depth(text, Place::Offset)?;
    let document = DeTable::parse(text).map_err(|error| SyntaxError {
        place: error.span().map_or(Place::Memory, |span| Place::Offset(span.start)),
        message: error.message().to_owned(),
    })?;
    Ok(table(document.into_inner(), Place::Offset(0), &Place::Offset))
}

/// What nests no deeper than this check allows, no recursion over it runs out of stack.
fn refuse_depth(text: &str, place: impl Fn(usize) -> Place) -> Result<(), SyntaxError> {
    match too_deep_at(text) {
        None => Ok(()),
        Some(at) => Err(SyntaxError { place: place(at), message: "nested too deeply".to_owned() }),
    }
}

/// Parses one TOML value that was written in the override with this index.
pub(crate) fn parse_value(text: &str, index: usize) -> Result<Tree, SyntaxError> {
    let place = Place::Override(index);
    refuse_depth(text, |_| place)?;
    let value = DeValue::parse(text)
        .map_err(|error| SyntaxError { place, message: error.message().to_owned() })?;
    Ok(tree(value, &|_| place))
}

fn tree(spanned: Spanned<DeValue<'_>>, at: &dyn Fn(usize) -> Place) -> Tree {
    let place = at(spanned.span().start);
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
            TreeValue::Array(values.into_iter().map(|value| tree(value, at)).collect())
        }
        DeValue::Table(entries) => return table(entries, place, at),
    };
    Tree { value, place }
}

fn table(entries: DeTable<'_>, place: Place, at: &dyn Fn(usize) -> Place) -> Tree {
    let entry =
        |(key, value): (Spanned<Cow<'_, str>>, _)| (key.into_inner().into_owned(), tree(value, at));
    Tree { value: TreeValue::Table(entries.into_iter().map(entry).collect()), place }
}
