//! What comes of holding an answer against the specification.

use std::fmt;

use mcp_overlay_model::{By, Rule};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::subject::{Failure, FailureKind};

/// What came of one case.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The answer is the specification's.
    Agree,
    /// It is another one; the differences, the first to blame first.
    Disagree(Vec<Difference>),
    /// It is the specification's without these SHOULD rules.
    Advisory {
        /// The rules that the subject does not follow.
        rules: Vec<Rule>,
        /// How the answer differs from the whole specification.
        differences: Vec<Difference>,
    },
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
    /// The way to fail; `None` if there is nothing to report.
    pub fn kind(&self) -> Option<FindingKind> {
        match self {
            Verdict::Agree | Verdict::NotComparable(_) => None,
            Verdict::Disagree(_) => Some(FindingKind::Disagree),
            Verdict::Advisory { .. } => Some(FindingKind::Advisory),
            Verdict::Failed(failure) => Some(FindingKind::Failed(failure.kind)),
            Verdict::Errored(_) => Some(FindingKind::Errored),
            Verdict::Unstable(_) => Some(FindingKind::Unstable),
        }
    }

    /// Whether the case counts against the subject. An advisory does not.
    pub fn is_failure(&self) -> bool {
        self.kind().is_some_and(|kind| kind != FindingKind::Advisory)
    }

    /// Whether the answer is the specification's, SHOULD rules aside.
    pub fn is_right(&self) -> bool {
        matches!(self, Verdict::Agree | Verdict::Advisory { .. })
    }

    /// Whether there is something to report.
    pub fn is_finding(&self) -> bool {
        self.kind().is_some()
    }

    /// The word used in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Agree => "agree",
            Verdict::NotComparable(_) => "not comparable",
            verdict => verdict.kind().map_or("", FindingKind::word),
        }
    }

    /// The rule to blame, where there is one.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Verdict::Disagree(differences) => differences.first().map(|d| d.rule),
            Verdict::Advisory { rules, .. } => rules.first().copied(),
            Verdict::Unstable(_) => Some(PURE),
            _ => None,
        }
    }
}

/// The kind of a [`Verdict`] that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum FindingKind {
    /// The answer is not the specification's.
    Disagree,
    /// The answer is right without a SHOULD rule. It is shown and counted, and fails a run only if
    /// that is asked for.
    Advisory,
    /// The subject said that it failed.
    Errored,
    /// The subject answered otherwise when it was asked again.
    Unstable,
    /// The subject did not answer at all. Nothing excuses that.
    Failed(FailureKind),
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [FindingKind; 8] = [
        FindingKind::Disagree,
        FindingKind::Advisory,
        FindingKind::Errored,
        FindingKind::Unstable,
        FindingKind::Failed(FailureKind::Crashed),
        FindingKind::Failed(FailureKind::Hung),
        FindingKind::Failed(FailureKind::Protocol),
        FindingKind::Failed(FailureKind::Leaked),
    ];

    /// The word used in reports and files.
    pub fn word(self) -> &'static str {
        match self {
            FindingKind::Disagree => "disagree",
            FindingKind::Advisory => "advisory",
            FindingKind::Errored => "errored",
            FindingKind::Unstable => "not deterministic",
            FindingKind::Failed(kind) => kind.word(),
        }
    }

    /// Whether the subject did not answer at all.
    pub fn is_breakdown(self) -> bool {
        matches!(self, FindingKind::Failed(_))
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl From<FindingKind> for &'static str {
    fn from(kind: FindingKind) -> Self {
        kind.word()
    }
}

impl TryFrom<String> for FindingKind {
    type Error = UnknownKind;

    fn try_from(word: String) -> Result<Self, UnknownKind> {
        let known = FindingKind::ALL.into_iter().find(|kind| kind.word() == word);
        known.ok_or(UnknownKind(word))
    }
}

/// A word that names no way to fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown verdict {0:?}; expected one of: {words}", words = FindingKind::ALL.map(FindingKind::word).join(", "))]
pub struct UnknownKind(String);

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
