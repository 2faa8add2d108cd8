//! What comes of holding an answer against the specification.

use std::fmt;

use mcp_overlay_model::{By, Rule};
use serde_json::Value;

use crate::subject::Failure;

/// What came of one case.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The answer is the specification's.
    Agree,
    /// It is another one; the differences, the first to blame first.
    Disagree(Vec<Difference>),
    /// The subject broke down over the case.
    Failed(Failure),
    /// The subject said that it failed.
    Errored(String),
    /// The subject answered otherwise when it was asked again; how the answers differ.
    Unstable(Vec<Difference>),
    /// The subject does not do this kind of case.
    NotComparable(String),
}

impl Verdict {
    /// Whether the case counts against the subject.
    pub fn is_finding(&self) -> bool {
        match self {
            Verdict::Agree | Verdict::NotComparable(_) => false,
            Verdict::Disagree(_)
            | Verdict::Failed(_)
            | Verdict::Errored(_)
            | Verdict::Unstable(_) => true,
        }
    }

    /// The word used in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Agree => "agree",
            Verdict::Disagree(_) => "disagree",
            Verdict::Failed(failure) => failure.kind.word(),
            Verdict::Errored(_) => "errored",
            Verdict::Unstable(_) => "not deterministic",
            Verdict::NotComparable(_) => "not comparable",
        }
    }

    /// The rule to blame, where there is one.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Verdict::Disagree(differences) => differences.first().map(|d| d.rule),
            Verdict::Unstable(_) => Some(PURE),
            _ => None,
        }
    }
}

/// The rule that a subject breaks whose answers depend on more than the case.
pub(crate) const PURE: Rule = Rule::ResolutionPure;

/// The rule of what the legacy loader does, and where.
pub(crate) const LOADS: Rule = Rule::LegacySynthesizesInEffective;

/// One place where the answer is not the specification's.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where: a name in a view, an owner, or the rejection.
    pub place: Place,
    /// The rule that the answer breaks.
    pub rule: Rule,
    /// Whose word should have decided; `None` for rejections.
    pub by: Option<By>,
    /// What the specification says there; `None` is absent.
    pub expected: Option<Value>,
    /// What the subject says there; `None` is absent.
    pub actual: Option<Value>,
}

/// A place in an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A server of a view.
    Server {
        /// `configured`, `runtime` or `effective`.
        view: &'static str,
        /// The server's name.
        name: String,
    },
    /// A member of `plugin_owners`.
    Owner {
        /// The server's name.
        name: String,
    },
    /// Whether, and where, the case is rejected.
    Rejection,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Server { view, name } => write!(f, "{view}[{name:?}]"),
            Place::Owner { name } => write!(f, "plugin_owners[{name:?}]"),
            Place::Rejection => f.write_str("rejected.path"),
        }
    }
}
