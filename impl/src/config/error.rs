//! Errors and warnings about configuration: the place, the key, what was found and what to do.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::place::Place;

/// Where a piece of configuration was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in memory, for example from JSON.
    Memory,
    /// In a file as a whole.
    File(Arc<str>),
    /// At a place of a file.
    Position {
        /// The file, as it was named to the reader.
        file: Arc<str>,
        /// Line, from 1.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// In the override of this key.
    Override(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => Ok(()),
            Self::File(file) => write!(f, "{file}: "),
            Self::Position { file, line, column } => write!(f, "{file}:{line}:{column}: "),
            Self::Override(key) => write!(f, "override {key}: "),
        }
    }
}

/// Something that was ignored or dropped, as the user is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The key, as a user writes it: `mcp_servers.docs.comand`. Empty for a file as a whole.
    pub key: String,
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong and what was done about it. Never a value.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_message(f, &self.origin, &self.key, &self.message)
    }
}

/// A value that was read, and warnings about what was ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<T> {
    /// What was read.
    pub value: T,
    /// What was ignored, in the order it was met.
    pub warnings: Vec<Warning>,
}

/// Why a host config was rejected: the place whose [`path`](Self::path) is the smallest in byte
/// order. Rule `rejection.smallest-path`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(Box<Rejection>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rejection {
    path: String,
    key: String,
    origin: Origin,
    message: String,
}

impl ConfigError {
    pub(crate) fn new(path: String, key: String, origin: Origin, message: String) -> Self {
        Self(Box::new(Rejection { path, key, origin, message }))
    }

    /// The specification's path of the rejection, for example `host.mcp_servers.docs`; a text
    /// that cannot be read at all has the path `host`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The key as a user writes it, down to the field: `mcp_servers.docs.args`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// Where it was written.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// What was found, what was expected and what to do; never a value that could be secret.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_message(f, &self.0.origin, &self.0.key, &self.0.message)
    }
}

/// Why one server's configuration is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ServerError(Box<(Key, String)>);

impl ServerError {
    /// The field at fault, for example `env_vars[1].source`; empty for the server as a whole.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.0.0
    }

    /// What was found, what was expected and what to do; never a value that could be secret.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_message(f, &Origin::Memory, self.key(), self.message())
    }
}

fn write_message(
    f: &mut fmt::Formatter<'_>,
    origin: &Origin,
    key: &str,
    message: &str,
) -> fmt::Result {
    let separator = if key.is_empty() { "" } else { ": " };
    write!(f, "{origin}{key}{separator}{message}")
}

/// A dotted key, built from the inside out: each caller adds the step that it knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) String);

impl Key {
    /// Puts the key under `step`, quoted as TOML wants it.
    pub(crate) fn under(&mut self, step: &str) {
        let joint = if self.0.is_empty() || self.0.starts_with('[') { "" } else { "." };
        self.0 = format!("{}{joint}{}", quoted(cut(step)), self.0);
    }

    /// Puts the key under the array element `index`.
    pub(crate) fn under_index(&mut self, index: usize) {
        let joint = if self.0.is_empty() { "" } else { "." };
        self.0 = format!("[{index}]{joint}{}", self.0);
    }
}

/// The longest step of a key. Each of many messages about one table has the key of that table.
const MAX_STEP: usize = 1_000;

fn cut(step: &str) -> &str {
    if step.len() <= MAX_STEP {
        return step;
    }
    let end = (0..=MAX_STEP).rev().find(|end| step.is_char_boundary(*end));
    step.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// One step of a key as TOML writes it: bare if it can be, else quoted.
pub(crate) fn quoted(step: &str) -> Cow<'_, str> {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !step.is_empty() && step.chars().all(bare) {
        return Cow::Borrowed(step);
    }
    let mut text = String::with_capacity(step.len() + 2);
    text.push('"');
    for c in step.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    Cow::Owned(text)
}

/// A message about a key, relative to the value being read. It becomes an error or a warning.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) key: Key,
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// A message that becomes an error. Boxed, because readers return it by value through every level.
pub(crate) type Fault = Box<Note>;

impl Note {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { key: Key::default(), place, message: message.into() }
    }

    /// A fault that says what was found and what was expected.
    pub(crate) fn wrong(place: Place, found: &str, expected: &str) -> Fault {
        Box::new(Self::new(place, format!("found {found}, expected {expected}")))
    }

    pub(crate) fn into_warning(self, origin: Origin) -> Warning {
        Warning { key: self.key.0, origin, message: self.message }
    }

    pub(crate) fn into_server_error(self) -> ServerError {
        ServerError(Box::new((self.key, self.message)))
    }
}

/// The most warnings that are kept, so that a file full of mistakes costs no more memory for its
/// warnings than for its text.
const MAX_NOTES: usize = 1_000;

/// The warnings collected while a text is read.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    kept: Vec<Note>,
    /// Whether there were more than are kept.
    more: bool,
    /// What is collected.
    collected: Collected,
}

/// What [`Notes`] collect.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Collected {
    /// Warnings; the reader of a server stops at its first fault.
    #[default]
    Warnings,
    /// The further faults of a server whose first fault its reader returns. No warnings.
    #[cfg(feature = "lint")]
    Faults,
}

impl Notes {
    /// Collects every fault instead of the warnings.
    #[cfg(feature = "lint")]
    pub(crate) fn of_faults() -> Self {
        Self { collected: Collected::Faults, ..Self::default() }
    }

    /// Whether a reader goes on after a fault.
    pub(crate) fn want_every_fault(&self) -> bool {
        self.collected != Collected::Warnings
    }

    /// Adds a fault beside the one that the reader returns.
    pub(crate) fn push_fault(&mut self, fault: Note) {
        if self.want_every_fault() {
            self.keep(fault);
        }
    }

    pub(crate) fn push(&mut self, note: Note) {
        if !self.want_every_fault() {
            self.keep(note);
        }
    }

    /// Adds a fault that costs a warning only, whatever is collected.
    pub(crate) fn push_either(&mut self, fault: Note) {
        self.keep(fault);
    }

    #[cfg(feature = "lint")]
    pub(crate) fn into_kept(self) -> Vec<Note> {
        self.kept
    }

    fn keep(&mut self, note: Note) {
        if self.kept.len() < MAX_NOTES {
            self.kept.push(note);
        } else {
            self.more = true;
        }
    }

    /// How many there are now: the first of those that are added later.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Puts the keys of all notes from the `first` on under `step`.
    pub(crate) fn under(&mut self, first: usize, step: &str) {
        self.kept.iter_mut().skip(first).for_each(|note| note.key.under(step));
    }

    /// Sets the place of all notes from the `first` on.
    pub(crate) fn at(&mut self, first: usize, place: Place) {
        self.kept.iter_mut().skip(first).for_each(|note| note.place = place);
    }

    pub(crate) fn into_warnings(self, origin: impl Fn(Place) -> Origin) -> Vec<Warning> {
        let warning = |note: Note| {
            let origin = origin(note.place);
            note.into_warning(origin)
        };
        // Added last, so that no key and no place is put on it.
        let more = self.more.then(|| Note::new(Place::Memory, "further warnings are left out"));
        self.kept.into_iter().chain(more).map(warning).collect()
    }
}
