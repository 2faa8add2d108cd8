//! The text of a `config.toml`, parsed once for all that read it.

#[cfg(feature = "lint")]
use super::error::Note;
use super::error::{ConfigError, Origin};
use super::node::{Kind, Node};
use super::overrides::{Override, apply_all};
use super::place::Place;
use super::source::Source;
use super::tree::{Tree, parse_document};

/// A parsed text with overrides applied to it in order.
pub(crate) struct Document<'a> {
    root: Tree,
    source: Source<'a>,
}

impl<'a> Document<'a> {
    /// Parses `text`, which errors and warnings call `file`.
    ///
    /// # Errors
    /// The text is not TOML.
    pub(crate) fn parse(
        text: &'a str,
        file: &str,
        overrides: &'a [Override],
    ) -> Result<Self, ConfigError> {
        let source = Source::new(file, text, overrides);
        let mut root = parse_document(text).map_err(|error| {
            let message = format!("not valid TOML: {}", error.message);
            ConfigError::new("host".into(), String::new(), source.origin(error.place), message)
        })?;
        apply_all(overrides, &mut root);
        Ok(Self { root, source })
    }

    /// Parses `text` alone. A fault has its place in it.
    ///
    /// # Errors
    /// The text is not TOML.
    #[cfg(feature = "lint")]
    pub(crate) fn parse_alone(text: &'a str) -> Result<Self, Note> {
        let root = parse_document(text).map_err(|error| Note::new(error.place, error.message))?;
        Ok(Self { root, source: Source::new("", text, &[]) })
    }

    pub(crate) fn root(&self) -> Node<'_> {
        Node::Toml(&self.root)
    }

    /// The value of a key of the document.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'_>> {
        let Kind::Table(entries) = self.root().kind() else { return None };
        entries.iter().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// Where something was written.
    pub(crate) fn origin(&self, place: Place) -> Origin {
        self.source.origin(place)
    }

    /// The same in a text of another name.
    pub(crate) fn origin_in(&self, file: &str, place: Place) -> Origin {
        self.source.named(file).origin(place)
    }
}
