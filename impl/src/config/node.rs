//! A configuration value, written as TOML or as JSON.
//!
//! A [`Node`] borrows, so reading copies only the values that are kept.

use std::collections::btree_map;

use serde_json::Value;

use super::place::Place;
use super::tree::{Tree, TreeValue};

/// A configuration value.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    Json(&'a Value),
    Toml(&'a Tree),
}

/// What a [`Node`] is.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    /// Finite, except in TOML, which has `inf` and `nan`.
    Float(f64),
    String(&'a str),
    Array(Array<'a>),
    Table(Table<'a>),
    /// A value that no known key accepts. The text describes it.
    Other(&'static str),
}

/// The elements of an array.
#[derive(Clone, Copy)]
pub(crate) enum Array<'a> {
    Json(&'a [Value]),
    Toml(&'a [Tree]),
}

/// The entries of a table or object.
#[derive(Clone, Copy)]
pub(crate) enum Table<'a> {
    Json(&'a serde_json::Map<String, Value>),
    Toml(&'a std::collections::BTreeMap<String, Tree>),
}

impl<'a> Node<'a> {
    pub(crate) fn kind(self) -> Kind<'a> {
        match self {
            Self::Json(value) => json_kind(value),
            Self::Toml(tree) => match &tree.value {
                TreeValue::Bool(value) => Kind::Bool(*value),
                TreeValue::Integer(value) => Kind::Integer(*value),
                TreeValue::Float(value) => Kind::Float(*value),
                TreeValue::String(value) => Kind::String(value),
                TreeValue::Array(values) => Kind::Array(Array::Toml(values)),
                TreeValue::Table(entries) => Kind::Table(Table::Toml(entries)),
                TreeValue::Other(what) => Kind::Other(what),
            },
        }
    }

    pub(crate) fn place(self) -> Place {
        match self {
            Self::Json(_) => Place::Memory,
            Self::Toml(tree) => tree.place,
        }
    }

    /// JSON `null`, which as the value of an optional key means that the key is absent.
    pub(crate) fn is_null(self) -> bool {
        matches!(self, Self::Json(Value::Null))
    }
}

fn json_kind(value: &Value) -> Kind<'_> {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(value) => Kind::Bool(*value),
        Value::String(value) => Kind::String(value),
        Value::Array(values) => Kind::Array(Array::Json(values)),
        Value::Object(entries) => Kind::Table(Table::Json(entries)),
        Value::Number(number) => {
            let unsigned = number.as_u64().map(i128::from);
            if let Some(integer) = unsigned.or_else(|| number.as_i64().map(i128::from)) {
                Kind::Integer(integer)
            } else {
                let float = number.as_f64().filter(|float| float.is_finite());
                float.map_or(Kind::Other("a number out of range"), Kind::Float)
            }
        }
    }
}

impl Kind<'_> {
    /// The kind in words, never the value.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number with a fraction",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
            Self::Other(what) => what,
        }
    }
}

impl<'a> Array<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Json(values) => values.len(),
            Self::Toml(values) => values.len(),
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Node<'a>> {
        let (json, toml): (&[Value], &[Tree]) = match self {
            Self::Json(values) => (values, &[]),
            Self::Toml(values) => (&[], values),
        };
        json.iter().map(Node::Json).chain(toml.iter().map(Node::Toml))
    }
}

impl<'a> Table<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Json(entries) => entries.len(),
            Self::Toml(entries) => entries.len(),
        }
    }

    /// The value of a key.
    pub(crate) fn get(self, key: &str) -> Option<Node<'a>> {
        match self {
            Self::Json(entries) => entries.get(key).map(Node::Json),
            Self::Toml(entries) => entries.get(key).map(Node::Toml),
        }
    }

    /// The entries, in no order that anything may depend on.
    pub(crate) fn iter(self) -> Entries<'a> {
        match self {
            Self::Json(entries) => Entries::Json(entries.iter()),
            Self::Toml(entries) => Entries::Toml(entries.iter()),
        }
    }
}

/// Iterator over the entries of a [`Table`].
pub(crate) enum Entries<'a> {
    Json(serde_json::map::Iter<'a>),
    Toml(btree_map::Iter<'a, String, Tree>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Json(entries) => entries.next().map(|(k, v)| (k.as_str(), Node::Json(v))),
            Self::Toml(entries) => entries.next().map(|(k, v)| (k.as_str(), Node::Toml(v))),
        }
    }
}
