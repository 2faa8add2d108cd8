//! TOML as an owned tree in which every value knows where it was written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nesting::too_deep_at;
use super::place::Place;

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
    /// A value that no known key accepts. The text describes it.
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
    table(document.into_inner(), Place::Offset(0), &Place::Offset)
}

/// Refuses a text that nests so deeply that a recursion over it could run out of stack.
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
    tree(value, &|_| place)
}

fn tree(spanned: Spanned<DeValue<'_>>, at: &dyn Fn(usize) -> Place) -> Result<Tree, SyntaxError> {
    let place = at(spanned.span().start);
    let value = match spanned.into_inner() {
        DeValue::String(text) => TreeValue::String(text.into_owned()),
        DeValue::Boolean(value) => TreeValue::Bool(value),
        DeValue::Datetime(_) => TreeValue::Other("a date or time"),
        // The parser returns numbers as they are written, `0o` included.
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map(|number| TreeValue::Integer(number.into()))
            .map_err(|_| not_a_number(place, "an integer of 64 bits"))?,
        DeValue::Float(digits) => float(digits.as_str())
            .map(TreeValue::Float)
            .ok_or_else(|| not_a_number(place, "a floating-point number of 64 bits"))?,
        DeValue::Array(values) => {
            let values = values.into_iter().map(|value| tree(value, at));
            TreeValue::Array(values.collect::<Result<_, _>>()?)
        }
        DeValue::Table(entries) => return table(entries, place, at),
    };
    Ok(Tree { value, place })
}

/// A float as written. A number that only rounding makes infinite is refused.
fn float(written: &str) -> Option<f64> {
    let number: f64 = written.parse().ok()?;
    (number.is_finite() || written.contains("inf") || written.contains("nan")).then_some(number)
}

fn not_a_number(place: Place, expected: &str) -> SyntaxError {
    SyntaxError { place, message: format!("expected {expected}") }
}

fn table(
    entries: DeTable<'_>,
    place: Place,
    at: &dyn Fn(usize) -> Place,
) -> Result<Tree, SyntaxError> {
    let entry = |(key, value): (Spanned<Cow<'_, str>>, _)| {
        Ok((key.into_inner().into_owned(), tree(value, at)?))
    };
    let entries = entries.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Tree { value: TreeValue::Table(entries), place })
}
