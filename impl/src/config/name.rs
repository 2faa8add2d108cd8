//! Server names in an order that is found without looking into the names themselves.

use std::cmp::Ordering;
use std::sync::Arc;

/// How many bytes of a name are kept beside the pointer to it.
const START: usize = size_of::<u128>();

/// The name of a server. Most names differ in their first bytes, and comparing those needs no look
/// elsewhere in memory, which is what most of a resolution's time would go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    start: u128,
    text: Arc<str>,
}

/// A name to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sought<'a> {
    start: u128,
    text: &'a str,
}

impl Name {
    #[inline]
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The first bytes as a number.
    #[inline]
    pub(crate) fn start(&self) -> u128 {
        self.start
    }

    #[inline]
    pub(crate) fn sought(&self) -> Sought<'_> {
        Sought { start: self.start, text: &self.text }
    }
}

impl<'a> Sought<'a> {
    #[inline]
    pub(crate) fn start(self) -> u128 {
        self.start
    }

    #[inline]
    pub(crate) fn text(self) -> &'a str {
        self.text
    }
}

impl From<Arc<str>> for Name {
    #[inline]
    fn from(text: Arc<str>) -> Self {
        Self { start: start(&text), text }
    }
}

impl<'a> From<&'a str> for Sought<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self { start: start(text), text }
    }
}

/// The first bytes as a number, which is in byte order; a shorter name is filled up with zeros, and
/// so may equal another one's.
#[inline]
fn start(name: &str) -> u128 {
    let mut bytes = [0; START];
    let len = name.len().min(START);
    if let (Some(to), Some(from)) = (bytes.get_mut(..len), name.as_bytes().get(..len)) {
        to.copy_from_slice(from);
    }
    u128::from_be_bytes(bytes)
}

impl Ord for Sought<'_> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.start.cmp(&other.start).then_with(|| self.text.cmp(other.text))
    }
}

impl PartialOrd for Sought<'_> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.sought().cmp(&other.sought())
    }
}

impl PartialOrd for Name {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
