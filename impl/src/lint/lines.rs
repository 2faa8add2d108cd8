//! Lines and columns of a text.

use std::ops::Range;

/// A place of a text, as editors count: both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A text and where its lines begin.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// The byte order mark, which editors do not count as a column.
const BOM: &str = "\u{feff}";

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let first = if text.starts_with(BOM) { BOM.len() } else { 0 };
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(first).chain(after).collect() }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The place of this byte.
    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.number(offset);
        let before = self.text.get(self.range(line).start..offset).unwrap_or_default();
        Position { line, column: before.chars().count() + 1 }
    }

    /// The number of the line with this byte.
    pub(super) fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    /// The bytes of the line with this number, without its line end.
    pub(super) fn range(&self, line: usize) -> Range<usize> {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let text = self.text.get(start..end).unwrap_or_default();
        start..start + text.trim_end_matches('\r').len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_an_editor() {
        let lines = Lines::of("\u{feff}a\r\nö名b\n");
        assert_eq!(lines.position(3), Position { line: 1, column: 1 });
        assert_eq!(lines.range(1), 3..4);
        assert_eq!(lines.position(11), Position { line: 2, column: 3 });
        assert_eq!(lines.position(13), Position { line: 3, column: 1 });
        assert_eq!(lines.range(3), 13..13);
        assert_eq!(Lines::of("").position(0), Position { line: 1, column: 1 });
    }
}
