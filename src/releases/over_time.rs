//! What the sequences of one release came to.

use std::collections::BTreeMap;

use mcp_overlay_model::{Profile, Rule};
use serde::{Deserialize, Serialize};

use crate::report::Picture;
use crate::sequences::saved::SavedSequence;

/// A release that has played the sequences, in the profile that it follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverTime {
    /// The profile.
    pub profile: Profile,
    /// Number of sequences that were played.
    pub played: u64,
    /// Rules that were observed to be kept, with the number of sequences.
    pub kept: BTreeMap<Rule, u64>,
    /// Broken rules and kinds of breakdown, each with its smallest sequence.
    pub broken: BTreeMap<String, FailedSequence>,
    /// The results of the sequences of `tests/sequences/`, in their order.
    pub known: Vec<KnownResult>,
}

/// The smallest sequence that breaks a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedSequence {
    /// The steps, as `replay` reads them.
    pub saved: SavedSequence,
    /// Whether it breaks what a rule only asks for.
    pub advisory: bool,
    /// The steps as sentences, what was expected and what happened.
    pub story: String,
    /// That it does not always fail.
    pub luck: Option<String>,
    /// The same as a drawing.
    pub picture: Option<Picture>,
}

/// How a release does in one sequence of `tests/sequences/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownResult {
    /// It keeps the rule that the sequence is about.
    Passes,
    /// It breaks that rule, or another one that says MUST.
    Fails {
        /// The rule or the kind of breakdown, if it is not that of the sequence.
        other: Option<String>,
        /// Whether it breaks what a rule only asks for.
        advisory: bool,
        /// Whether it failed each time.
        always: bool,
    },
    /// The sequence does not show its rule: the profile does not have it, or the host does not notice
    /// a step.
    NotSeen,
}

/// The result of a release for one rule or kind of breakdown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State<'a> {
    /// The profile of the release does not have the rule, or the release has played no sequences.
    NoRule,
    /// No sequence shows it.
    NotSeen,
    /// The rule was observed to be kept, and never broken.
    Kept,
    /// It was broken.
    Broken(&'a FailedSequence),
}

impl OverTime {
    /// The result for a rule, or for a kind of breakdown.
    pub fn state(&self, row: &str) -> State<'_> {
        if let Some(failed) = self.broken.get(row) {
            return State::Broken(failed);
        }
        match Rule::ALL.iter().find(|rule| rule.id() == row) {
            Some(rule) if !self.profile.has(*rule) => State::NoRule,
            Some(rule) if self.kept.contains_key(rule) => State::Kept,
            _ => State::NotSeen,
        }
    }
}

impl State<'_> {
    /// Two releases of one kind do not differ in the rule; `None` if nothing is known.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            State::NoRule | State::NotSeen => None,
            State::Kept => Some("kept"),
            State::Broken(failed) if failed.advisory => Some("advisory"),
            State::Broken(_) => Some("broken"),
        }
    }
}
