//! Expected failures and skips: each has a reason and must still occur, or the run fails.

use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::{Case, Rule};
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::saved::Finding;
use crate::judge::verdict::FindingKind;
use crate::subject::Route;

/// A parsed file of expected failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    entries: Vec<Entry>,
    skips: Vec<Skip>,
    /// The comments about entries that a list had, with their reasons.
    remembered: Vec<String>,
}

/// How such a comment begins; the entry and its reason follow.
pub(crate) const NO_LONGER: &str = "# no longer ";

/// The same for an entry of which another one gives the reason.
pub(crate) const ALSO_KNOWN: &str = "# also known: ";

/// One expected failure: a single finding or scenario, or all failures of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// A rule of `docs/semantics.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// A finding's id: its file name without `.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// The name of a scenario of the endpoint phase, or the rule that a sequence breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Why it is expected.
    pub reason: String,
    /// The minimal case of the finding, as JSON: it is asked first, and what it explains is not shrunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// How the host was given the config of that case, if not in its file.
    #[serde(default, skip_serializing_if = "Route::is_file")]
    pub delivery: Route,
    /// The minimal sequence of a scenario, as JSON: it is played first, and what breaks the same rule is
    /// not shrunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
}

/// Cases that the subject may skip.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// How the reason that the subject gives begins.
    pub skipped: String,
    /// Why the subject may skip them.
    pub reason: String,
}

impl Skip {
    /// Whether this entry allows a skip for which the subject gives this reason.
    pub fn allows(&self, given: &str) -> bool {
        given.starts_with(&self.skipped)
    }

    fn problem(&self) -> Option<String> {
        if self.skipped.trim().is_empty() {
            return Some("`skipped` is empty; expected how the subject's reason begins".into());
        }
        self.reason.trim().is_empty().then(|| "the reason is empty; say why it skips".into())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    expected: Vec<Entry>,
    #[serde(default)]
    skip: Vec<Skip>,
}

/// Why a file is not a list of expected failures.
#[derive(Debug, thiserror::Error)]
pub enum BadExpected {
    /// Not TOML, or not of this form.
    #[error(
        "{place}: {problem}\n  expected entries such as:\n    [[expected]]\n    \
         rule = \"gate.open\"\n    reason = \"an issue's address\"\n  or such as:\n    [[skip]]\n    \
         skipped = \"how the subject's reason begins\"\n    reason = \"an issue's address\""
    )]
    Form {
        /// The file.
        place: String,
        /// The parser's message.
        problem: String,
    },
    /// An invalid entry.
    #[error("{place}: {table} {number}: {problem}")]
    Entry {
        /// The file.
        place: String,
        /// `entry`, or `skip`.
        table: &'static str,
        /// The entry's number in its table, from 1.
        number: usize,
        /// The problem.
        problem: String,
    },
}

impl Expected {
    /// Reads TOML; `place` names it in errors.
    ///
    /// # Errors
    /// The first entry that has the wrong form, names an unknown rule or a breakdown, is a
    /// duplicate, or has no reason.
    pub fn parse(text: &str, place: &str) -> Result<Self, BadExpected> {
        let document: Document = toml::from_str(text).map_err(|error| BadExpected::Form {
            place: place.into(),
            problem: error.to_string().trim_end().into(),
        })?;
        let mut seen = BTreeSet::new();
        for (position, entry) in document.expected.iter().enumerate() {
            let twice = !seen.insert((&entry.rule, &entry.finding, &entry.scenario));
            let problem = match entry.problem() {
                None if twice => Some("is there twice; drop one of the two".to_string()),
                problem => problem,
            };
            if let Some(problem) = problem {
                let (place, table, number) = (place.into(), "entry", position + 1);
                return Err(BadExpected::Entry { place, table, number, problem });
            }
        }
        let mut seen = BTreeSet::new();
        for (position, skip) in document.skip.iter().enumerate() {
            let twice = !seen.insert(&skip.skipped);
            let problem = skip.problem();
            let again = || twice.then(|| "is there twice; drop one of the two".to_string());
            if let Some(problem) = problem.or_else(again) {
                let (place, table, number) = (place.into(), "skip", position + 1);
                return Err(BadExpected::Entry { place, table, number, problem });
            }
        }
        let remembered =
            text.lines().filter(|line| line.starts_with(NO_LONGER) || line.starts_with(ALSO_KNOWN));
        let remembered = remembered.map(str::to_string).collect();
        Ok(Expected { entries: document.expected, skips: document.skip, remembered })
    }

    /// Whether no failure is expected.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The skips that are allowed, in the order of the file.
    pub fn skips(&self) -> &[Skip] {
        &self.skips
    }

    /// The comments about entries that are gone.
    pub fn remembered(&self) -> &[String] {
        &self.remembered
    }

    /// The minimal cases of the entries that have one, and how the host is given each.
    pub fn cases(&self) -> impl Iterator<Item = (Case, Route)> {
        self.entries.iter().filter_map(|entry| Some((entry.stored_case()?, entry.delivery)))
    }

    /// The sequences of the entries that have one, with the name of the scenario.
    pub fn sequences(&self) -> impl Iterator<Item = (&str, Sequence)> {
        self.entries.iter().filter_map(|entry| {
            let sequence = serde_json::from_str(entry.sequence.as_ref()?).ok()?;
            Some((entry.scenario.as_deref()?, sequence))
        })
    }

    /// The reason why this finding is expected, if it is. A breakdown is never expected.
    pub fn reason_of(&self, finding: &Finding) -> Option<&str> {
        let mut matching = self.entries.iter().filter(|entry| entry.matches(finding));
        // An entry about this finding says more than one about its rule.
        let named = matching.clone().find(|entry| entry.finding.is_some());
        named.or_else(|| matching.next()).map(|entry| entry.reason.as_str())
    }

    /// Whether an entry names just this finding, and none its rule.
    pub fn names(&self, finding: &Finding) -> bool {
        let mut matching = self.entries.iter().filter(|entry| entry.matches(finding)).peekable();
        matching.peek().is_some() && matching.all(|entry| entry.rule.is_none())
    }

    /// The reason why the failure of a scenario that tests `rule` is expected, if it is.
    pub fn reason_of_scenario(&self, name: &str, rule: Option<Rule>) -> Option<&str> {
        let mut matching = self.entries.iter().filter(|entry| entry.matches_scenario(name, rule));
        let named = matching.clone().find(|entry| entry.scenario.is_some());
        named.or_else(|| matching.next()).map(|entry| entry.reason.as_str())
    }
}

impl Entry {
    fn problem(&self) -> Option<String> {
        match (&self.rule, &self.finding, &self.scenario) {
            (None, Some(id), None) => {
                let is_of = |kind: FindingKind| {
                    id.starts_with(&format!("{}-", kind.word().replace(' ', "-")))
                };
                if FindingKind::ALL.into_iter().any(|kind| kind.is_breakdown() && is_of(kind)) {
                    return Some(format!("{id}: a crash or a hang can never be expected"));
                }
            }
            (Some(_), None, None) | (None, None, Some(_)) => {}
            _ => return Some("expected one of `rule`, `finding` and `scenario`".into()),
        }
        if let Some(case) = &self.case {
            if self.finding.is_none() {
                return Some("`case` is for an entry with `finding`".into());
            }
            if let Err(error) = serde_json::from_str::<Case>(case) {
                return Some(format!("`case` is not a case as JSON: {error}"));
            }
        }
        if let Some(sequence) = &self.sequence {
            if self.scenario.is_none() {
                return Some("`sequence` is for an entry with `scenario`".into());
            }
            if let Err(error) = serde_json::from_str::<Sequence>(sequence) {
                return Some(format!("`sequence` is not a sequence as JSON: {error}"));
            }
        }
        if !self.delivery.is_file() && self.case.is_none() {
            return Some("`delivery` is for an entry with `case`".into());
        }
        self.reason.trim().is_empty().then(|| "the reason is empty; say why it fails".into())
    }

    /// The case of the entry, if it has one.
    pub fn stored_case(&self) -> Option<Case> {
        serde_json::from_str(self.case.as_ref()?).ok()
    }

    /// Whether this entry matches the finding.
    pub fn matches(&self, finding: &Finding) -> bool {
        !finding.is_breakdown()
            && ((self.rule.is_some() && self.rule == finding.rule)
                || self.finding.as_ref().is_some_and(|id| *id == finding.id()))
    }

    /// Whether this entry matches a scenario that tests `rule`.
    pub fn matches_scenario(&self, name: &str, rule: Option<Rule>) -> bool {
        (self.rule.is_some() && self.rule == rule) || self.scenario.as_deref() == Some(name)
    }

    /// The rule, finding or scenario that is expected to fail.
    pub fn what(&self) -> &str {
        let named = self.finding.as_deref().or(self.scenario.as_deref());
        self.rule.map(Rule::id).or(named).unwrap_or_default()
    }
}
