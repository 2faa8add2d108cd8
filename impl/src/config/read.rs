//! Readers of single values: each returns a typed value or a fault.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{Fault, Note};
use super::node::{Kind, Node, Table};

/// What a reader returns.
pub(crate) type Read<T> = Result<T, Fault>;

/// The fault for a node of the wrong type.
pub(crate) fn wrong_type(node: Node<'_>, expected: &str) -> Fault {
    Note::wrong(node.place(), node.kind().describe(), expected)
}

/// The fault for a text that is none of the expected words, which are in quotes. It is shown if it looks
/// like one of them: any other may be a secret in the wrong place.
pub(crate) fn wrong_word(node: Node<'_>, expected: &str) -> Fault {
    let found: Cow<'_, str> = match node.kind() {
        Kind::String(text) if resembles(text, expected) => Cow::Owned(format!("{text:?}")),
        kind => Cow::Borrowed(kind.describe()),
    };
    Note::wrong(node.place(), &found, expected)
}

/// Whether a text begins as a word in quotes does, is about as long, and has letters only.
fn resembles(text: &str, expected: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'));
    let words = expected.split('"').skip(1).step_by(2);
    let mut alike = words.filter(|word| text.get(..2).is_some_and(|start| word.starts_with(start)));
    plain && alike.any(|word| text.len() <= word.len() + 3)
}

/// The fault for a time that is none. A text is shown if it is a short number with a unit.
pub(crate) fn wrong_time(node: Node<'_>, expected: &str) -> Fault {
    let found: Cow<'_, str> = match node.kind() {
        Kind::String(text) if is_time(text) => Cow::Owned(format!("{text:?}")),
        Kind::Integer(number) => Cow::Owned(number.to_string()),
        Kind::Float(number) => Cow::Owned(number.to_string()),
        kind => Cow::Borrowed(kind.describe()),
    };
    Note::wrong(node.place(), &found, expected)
}

fn is_time(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start();
    text.len() - unit.len() <= 5 && ["", "s", "sec", "ms", "m", "min"].contains(&unit)
}

pub(crate) fn boolean(node: Node<'_>) -> Read<bool> {
    match node.kind() {
        Kind::Bool(value) => Ok(value),
        _ => Err(wrong_type(node, "true or false")),
    }
}

pub(crate) fn string<'a>(node: Node<'a>) -> Read<&'a str> {
    match node.kind() {
        Kind::String(text) => Ok(text),
        _ => Err(wrong_type(node, "a string")),
    }
}

pub(crate) fn owned_string(node: Node<'_>) -> Read<String> {
    string(node).map(str::to_owned)
}

pub(crate) fn table<'a>(node: Node<'a>) -> Read<Table<'a>> {
    match node.kind() {
        Kind::Table(table) => Ok(table),
        _ => Err(wrong_type(node, "a table")),
    }
}

/// A list, each element read by `element`.
pub(crate) fn list<'a, T>(
    node: Node<'a>,
    expected: &str,
    element: impl Fn(Node<'a>) -> Read<T>,
) -> Read<Vec<T>> {
    let Kind::Array(array) = node.kind() else {
        return Err(wrong_type(node, expected));
    };
    let mut values = Vec::with_capacity(array.len());
    for (index, node) in array.iter().enumerate() {
        let value = element(node).map_err(|mut fault| {
            fault.key.under_index(index);
            fault
        })?;
        values.push(value);
    }
    Ok(values)
}

pub(crate) fn strings(node: Node<'_>) -> Read<Vec<String>> {
    list(node, "an array of strings", owned_string)
}

/// A table of strings.
pub(crate) fn string_map<T: From<String>>(node: Node<'_>) -> Read<BTreeMap<String, T>> {
    let Kind::Table(table) = node.kind() else {
        return Err(wrong_type(node, "a table of strings"));
    };
    let mut entries = BTreeMap::new();
    for (name, node) in table.iter() {
        let value = owned_string(node).map_err(|fault| under(fault, name))?;
        entries.insert(name.to_owned(), T::from(value));
    }
    Ok(entries)
}

const SECONDS: &str = "seconds: a finite number that is not negative and less than 2^64";

/// Rule `server.durations`: seconds, kept as whole nanoseconds.
pub(crate) fn seconds(node: Node<'_>) -> Read<Duration> {
    let seconds = match node.kind() {
        Kind::Float(seconds) => seconds,
        // The conversion rounds to the nearest double, as the rule wants it.
        Kind::Integer(seconds) => seconds as f64,
        _ => return Err(wrong_type(node, SECONDS)),
    };
    // Rounds to the nearest nanosecond, halves to even, and refuses what is negative or 2^64 and more.
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong_time(node, SECONDS))
}

/// Rule `server.durations`: whole milliseconds.
pub(crate) fn milliseconds(node: Node<'_>) -> Read<Duration> {
    const EXPECTED: &str = "milliseconds: a whole number that is not negative";
    match node.kind() {
        Kind::Integer(milliseconds) => u64::try_from(milliseconds)
            .map(Duration::from_millis)
            .map_err(|_| wrong_time(node, EXPECTED)),
        _ => Err(wrong_time(node, EXPECTED)),
    }
}

/// The fault, found below the key `step`.
pub(crate) fn under(mut fault: Fault, step: &str) -> Fault {
    fault.key.under(step);
    fault
}
