//! The moment at which a host is killed, and the record of what it did until then.

use std::fmt;
use std::str::FromStr;

/// Before an operation takes effect, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// It does not take effect.
    Before,
    /// It has taken effect, and the host does nothing after it.
    After,
}

impl When {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            When::Before => "before",
            When::After => "after",
        }
    }
}

/// A moment of a run: `before:3`, `after:3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The number of the file operation, from 1.
    pub operation: usize,
    /// Before or after it.
    pub when: When,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.when.word(), self.operation)
    }
}

/// The text is no point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `before:N` or `after:N`, with the number of an operation from 1")]
pub struct NoPoint;

impl FromStr for Point {
    type Err = NoPoint;

    fn from_str(text: &str) -> Result<Self, NoPoint> {
        let (when, number) = text.split_once(':').ok_or(NoPoint)?;
        let when = match when {
            "before" => When::Before,
            "after" => When::After,
            _ => return Err(NoPoint),
        };
        let operation = number.parse().ok().filter(|number| *number > 0).ok_or(NoPoint)?;
        Ok(Point { operation, when })
    }
}

/// The last line of the record of a host that was killed.
pub(super) const KILLED: &str = "killed";

/// What a traced host did: one operation a line, and at the end whether it was killed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The operations, such as `rename .tmpX auth.json`.
    pub operations: Vec<String>,
    /// Whether it was killed at the point.
    pub was_killed: bool,
}

impl Record {
    /// Reads the text of a record.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut operations: Vec<String> = text.lines().map(str::to_string).collect();
        let was_killed = operations.pop_if(|last| last == KILLED).is_some();
        Record { operations, was_killed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_reads_what_it_writes() {
        for text in ["before:1", "after:20"] {
            assert_eq!(text.parse::<Point>().unwrap().to_string(), text);
        }
        for text in ["", "before", "before:0", "after:-1", "at:1", "before:x"] {
            assert_eq!(text.parse::<Point>(), Err(NoPoint), "{text}");
        }
    }

    #[test]
    fn a_record_tells_the_kill_from_the_operations() {
        let record = Record::read("open a\nwrite a\nkilled\n");
        assert_eq!(record.operations, ["open a", "write a"]);
        assert!(record.was_killed);
        assert!(!Record::read("open killed\n").was_killed);
    }
}
