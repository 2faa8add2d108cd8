//! A line diff of two texts.

use similar::{ChangeTag, TextDiff};

/// The most lines of each text to compare; the rest is cut off.
const MOST_LINES: usize = 500;

/// Lines that both texts share, or lines of the left and the lines of the right that replace them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hunk {
    pub(crate) same: bool,
    pub(crate) left: Vec<String>,
    pub(crate) right: Vec<String>,
}

/// The diff of two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diff {
    pub(crate) hunks: Vec<Hunk>,
    /// Number of lines that were cut off, in both texts.
    pub(crate) cut: usize,
}

/// Compares two texts.
pub(crate) fn diff(left: &str, right: &str) -> Diff {
    let cut = |text: &str| text.lines().count().saturating_sub(MOST_LINES);
    let lines = |text| -> Vec<&str> { str::lines(text).take(MOST_LINES).collect() };
    let (cut, left, right) = (cut(left) + cut(right), lines(left), lines(right));
    let mut hunks: Vec<Hunk> = Vec::new();
    for change in TextDiff::from_slices(&left, &right).iter_all_changes() {
        let same = change.tag() == ChangeTag::Equal;
        if hunks.last().is_none_or(|last| last.same != same) {
            hunks.push(Hunk { same, ..Hunk::default() });
        }
        let Some(hunk) = hunks.last_mut() else { continue };
        if change.tag() != ChangeTag::Insert {
            hunk.left.push(change.value().to_string());
        }
        if change.tag() != ChangeTag::Delete {
            hunk.right.push(change.value().to_string());
        }
    }
    Diff { hunks, cut }
}

/// A unified diff: `-` marks the left text, `+` the right one.
pub(crate) fn unified(diff: &Diff) -> String {
    let mut out = String::new();
    for Hunk { same, left, right } in &diff.hunks {
        if *same {
            out.extend(left.iter().map(|line| format!("  {line}\n")));
        } else {
            out.extend(left.iter().map(|line| format!("- {line}\n")));
            out.extend(right.iter().map(|line| format!("+ {line}\n")));
        }
    }
    if diff.cut > 0 {
        out.push_str(&format!("… ({} lines more)\n", diff.cut));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_are_paired() {
        let diff = diff("a\nb\nc\nd", "a\nB\nd\ne");
        let hunk = |same, left: &[&str], right: &[&str]| Hunk {
            same,
            left: left.iter().map(|line| line.to_string()).collect(),
            right: right.iter().map(|line| line.to_string()).collect(),
        };
        let expected = [
            hunk(true, &["a"], &["a"]),
            hunk(false, &["b", "c"], &["B"]),
            hunk(true, &["d"], &["d"]),
            hunk(false, &[], &["e"]),
        ];
        assert_eq!(diff.hunks, expected);
        assert_eq!(unified(&diff), "  a\n- b\n- c\n+ B\n  d\n+ e\n");
    }

    #[test]
    fn a_long_text_is_truncated() {
        let long = diff(&"x\n".repeat(MOST_LINES + 7), "x");
        assert_eq!(long.cut, 7);
        assert_eq!(long.hunks.iter().map(|hunk| hunk.left.len()).sum::<usize>(), MOST_LINES);
        assert!(unified(&long).ends_with("… (7 lines more)\n"));
    }
}
