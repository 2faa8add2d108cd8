//! The verdict of comparing an answer with the specification.

use std::fmt;

use mcp_overlay_model::{By, Rule};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::subject::{Failure, FailureKind};

/// The verdict on one case.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The answer agrees with the specification.
    Agree,
    /// The answer differs from the specification; the difference to blame comes first.
    Disagree(Vec<Difference>),
    /// The answer agrees with the specification without these SHOULD rules.
    Advisory {
        /// The rules that the subject does not follow.
        rules: Vec<Rule>,
        /// The differences from the whole specification.
        differences: Vec<Difference>,
    },
    /// The subject broke down on the case.
    Failed(Failure),
    /// The subject reported an error.
    Errored(String),
    /// The subject gave another answer when asked again; the differences between the answers.
    Unstable(Vec<Difference>),
    /// The subject skipped the case.
    NotComparable(String),
}

impl Verdict {
    /// The kind of finding; `None` if there is nothing to report.
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

    /// Whether the answer agrees with the specification, apart from SHOULD rules.
    pub fn is_right(&self) -> bool {
        matches!(self, Verdict::Agree | Verdict::Advisory { .. })
    }

    /// Whether there is something to report.
    pub fn is_finding(&self) -> bool {
        self.kind().is_some()
    }

    /// The name used in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Agree => "agree",
            Verdict::NotComparable(_) => "not comparable",
            verdict => verdict.kind().map_or("", FindingKind::word),
        }
    }

    /// The rule to blame, if there is one.
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
    /// The answer differs from the specification.
    Disagree,
    /// The answer is correct without a SHOULD rule. It is shown and counted, and fails only a
    /// strict run.
    Advisory,
    /// The subject reported an error.
    Errored,
    /// The subject gave another answer when asked again.
    Unstable,
    /// The subject broke down. A breakdown is never expected.
    Failed(FailureKind),
}

impl FindingKind {
    /// All kinds.
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

    /// The name used in reports and files.
    pub fn word(self) -> &'static str {
        match self {
            FindingKind::Disagree => "disagree",
            FindingKind::Advisory => "advisory",
            FindingKind::Errored => "errored",
            FindingKind::Unstable => "not deterministic",
            FindingKind::Failed(kind) => kind.word(),
        }
    }

    /// Whether the subject broke down.
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

/// An unknown name of a kind of finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown verdict {0:?}; expected one of: {words}", words = FindingKind::ALL.map(FindingKind::word).join(", "))]
pub struct UnknownKind(String);

/// The rule that a subject breaks if its answers depend on more than the case.
pub(crate) const PURE: Rule = Rule::ResolutionPure;

/// The rule about what the legacy loader does, and where.
pub(crate) const LOADS: Rule = Rule::LegacySynthesizesInEffective;

/// One place where the answer differs from the specification.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The place: a name in a view, an owner, a warning, or the rejection.
    pub place: Place,
    /// The rule that the answer breaks.
    pub rule: Rule,
    /// The input that should have decided; `None` for rejections.
    pub by: Option<By>,
    /// The specification's value there; `None` means absent.
    pub expected: Option<Value>,
    /// The subject's value there; `None` means absent.
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
    /// A warning about a key or a server.
    Warning {
        /// The path of what is ignored or dropped.
        path: String,
    },
    /// The rejection, or its place.
    Rejection,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Server { view, name } => write!(f, "{view}[{name:?}]"),
            Place::Owner { name } => write!(f, "plugin_owners[{name:?}]"),
            Place::Warning { path } => write!(f, "warnings[{path:?}]"),
            Place::Rejection => f.write_str("rejected.path"),
        }
    }
}
