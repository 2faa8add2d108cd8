//! A finding: one place of a file, what is wrong there, what it means and what to do.

use std::ops::Range;

use super::rule::{Rule, Severity};

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks.
    pub rule: Rule,
    /// The key, as a user writes it: `mcp_servers.docs.enabeld`. Empty for the file as a whole.
    pub key: String,
    /// The bytes of the text that it is about; `None` for the file as a whole.
    pub span: Option<Range<usize>>,
    /// What is wrong. Never a value that could be a secret, and neither are the next two.
    pub message: String,
    /// What it means, short enough to stand beside the place. May be empty.
    pub meaning: String,
    /// What to do about it. May be empty.
    pub help: String,
    /// The repair, if there is a safe one.
    pub fix: Option<Fix>,
}

/// A repair of a file. A path has one step for each table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// Gives the key at this path another name.
    Rename {
        /// The key.
        path: Vec<String>,
        /// The new name of its last step.
        to: String,
    },
    /// Removes the key at this path with its value.
    Remove {
        /// The key.
        path: Vec<String>,
    },
}

impl Finding {
    /// A finding at a place.
    pub(super) fn new(rule: Rule, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            rule,
            key: String::new(),
            span: Some(span),
            message: message.into(),
            meaning: String::new(),
            help: String::new(),
            fix: None,
        }
    }

    /// With the key that it is about.
    pub(super) fn at(self, key: String) -> Self {
        Self { key, ..self }
    }

    /// With what it means.
    pub(super) fn meaning(self, meaning: impl Into<String>) -> Self {
        Self { meaning: meaning.into(), ..self }
    }

    /// With what to do.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// With a repair, if there is one.
    pub(super) fn fix(self, fix: Option<Fix>) -> Self {
        Self { fix, ..self }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }
}

/// The most findings of a file.
pub const MAX_FINDINGS: usize = 1_000;

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    /// Whether there were more than are kept.
    pub(super) more: bool,
}

impl Found {
    pub(super) fn push(&mut self, finding: Finding) {
        if self.is_full() {
            self.more = true;
        } else {
            self.findings.push(finding);
        }
    }

    /// Whether no further finding is kept.
    pub(super) fn is_full(&self) -> bool {
        self.findings.len() >= MAX_FINDINGS
    }
}
