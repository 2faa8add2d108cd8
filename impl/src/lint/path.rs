//! The path of a key.

use std::fmt;

use super::finding::Fix;
use crate::config::quoted;
use crate::printable::one_line;

/// How much of a step is shown.
pub(super) const MAX_SHOWN: usize = 60;

/// The longest step that is kept whole. Every finding has its path, so that a long name must not cost
/// its length for each of them.
const MAX_STEP: usize = 200;

/// The steps to a key, one for each table.
#[derive(Debug, Clone, Default)]
pub(super) struct Path {
    steps: Vec<String>,
    /// Whether a step was cut.
    is_cut: bool,
}

impl Path {
    /// The path of a key in this table.
    pub(super) fn with(&self, step: &str) -> Self {
        let mut path = self.clone();
        path.is_cut |= step.len() > MAX_STEP;
        path.steps.push(if step.len() > MAX_STEP {
            one_line(step, MAX_SHOWN)
        } else {
            step.into()
        });
        path
    }

    /// The repair that renames this key.
    pub(super) fn rename(&self, to: &str) -> Option<Fix> {
        let path = self.steps.clone();
        (!self.is_cut).then(|| Fix::Rename { path, to: to.to_owned() })
    }

    /// The repair that removes this key.
    pub(super) fn remove(&self) -> Option<Fix> {
        (!self.is_cut).then(|| Fix::Remove { path: self.steps.clone() })
    }

    /// The path of its first steps.
    pub(super) fn first(&self, steps: usize) -> Self {
        let steps = self.steps.iter().take(steps).cloned().collect();
        Self { steps, is_cut: self.is_cut }
    }

    /// The last step for a message.
    pub(super) fn last_shown(&self) -> String {
        shown(self.steps.last().map_or("", String::as_str))
    }
}

/// A name for a message: marked as code, on one line, cut if it is long.
pub(super) fn shown(name: &str) -> String {
    format!("`{}`", one_line(name, MAX_SHOWN))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self.steps.iter().map(|step| quoted(step)).collect();
        f.write_str(&steps.join("."))
    }
}
