//! The file, line and column of a [`Place`].

use std::sync::Arc;

use super::error::Origin;
use super::overrides::Override;
use super::place::Place;

/// A text that is read, and the overrides that are applied to it.
pub(crate) struct Source<'a> {
    file: Arc<str>,
    text: &'a str,
    line_starts: Vec<usize>,
    overrides: &'a [Override],
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &str, text: &'a str, overrides: &'a [Override]) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after).collect();
        Self { file: Arc::from(file), text, line_starts, overrides }
    }

    /// The same text under another name.
    pub(crate) fn named(&self, file: &str) -> Self {
        Self::new(file, self.text, self.overrides)
    }

    pub(crate) fn origin(&self, place: Place) -> Origin {
        match place {
            Place::Memory => Origin::File(Arc::clone(&self.file)),
            Place::Override(index) => {
                let key = self.overrides.get(index).map(Override::key);
                Origin::Override(key.unwrap_or_default().into())
            }
            Place::Offset(offset) => self.position(offset),
        }
    }

    fn position(&self, offset: usize) -> Origin {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.line_starts.get(index));
        let before = self.text.get(start.copied().unwrap_or(0)..offset).unwrap_or("");
        // Editors do not count a byte order mark as a column.
        let columns = before.trim_start_matches('\u{feff}').chars().count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Origin::Position {
            file: Arc::clone(&self.file),
            line: number(line),
            column: number(columns + 1),
        }
    }
}
