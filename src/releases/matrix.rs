//! The result of each rule in each release.

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::{Profile, Rule};
use serde::{Deserialize, Serialize};

use super::over_time::OverTime;
use crate::finding::Finding;

/// The cases and sequences for the releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Number of random cases.
    pub cases: u64,
    /// Number of sequences, the known ones first.
    pub sequences: u64,
    /// Random seed.
    pub seed: u64,
}

/// The results of all releases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// The cases that were asked.
    pub plan: Plan,
    /// One column per release, in the order given.
    pub releases: Vec<Column>,
}

/// The results of one release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The name, as given.
    pub name: String,
    /// The name that the program reports.
    pub program: String,
    /// The results by profile.
    pub profiles: Vec<(Profile, Held)>,
    /// The results of the sequences, if any were played.
    pub over_time: Option<OverTime>,
}

/// A release compared with one profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Number of cases on which the release agrees with the profile.
    pub agreeing: u64,
    /// Number of cases on which it differs.
    pub differing: u64,
    /// Rules that were observed to be kept, with the number of cases.
    pub kept: BTreeMap<Rule, u64>,
    /// Broken rules and kinds of breakdown, each with its smallest case.
    pub broken: BTreeMap<String, Finding>,
}

/// The result of a release for one rule or kind of breakdown, in the profile that it follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// The profile does not have the rule.
    NoRule,
    /// No case shows the rule.
    NotSeen,
    /// The rule was observed to be kept, in this number of cases.
    Kept(u64),
    /// The rule is broken.
    Broken(&'a Finding),
}

impl Cell<'_> {
    /// Two releases of one kind do not differ in the rule; `None` if nothing is known.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Cell::NoRule | Cell::NotSeen => None,
            Cell::Kept(_) => Some("kept"),
            Cell::Broken(finding) if finding.is_advisory() => Some("advisory"),
            Cell::Broken(_) => Some("broken"),
        }
    }
}

impl Column {
    /// The profile that the release follows: the one with the most agreeing cases, the earliest on
    /// a tie.
    pub fn follows(&self) -> Option<Profile> {
        let most = self.profiles.iter().map(|(_, held)| held.agreeing).max()?;
        self.profiles.iter().find(|(_, held)| held.agreeing == most).map(|(profile, _)| *profile)
    }

    /// The comparison with a profile.
    pub fn held(&self, profile: Profile) -> Option<&Held> {
        self.profiles.iter().find(|(of, _)| *of == profile).map(|(_, held)| held)
    }

    /// The result for a rule or a kind of breakdown.
    pub fn cell(&self, row: &str) -> Cell<'_> {
        let Some(profile) = self.follows() else { return Cell::NoRule };
        let Some(held) = self.held(profile) else { return Cell::NoRule };
        if let Some(finding) = held.broken.get(row) {
            return Cell::Broken(finding);
        }
        match Rule::ALL.iter().find(|rule| rule.id() == row) {
            Some(rule) if !profile.has(*rule) => Cell::NoRule,
            Some(rule) => held.kept.get(rule).map_or(Cell::NotSeen, |count| Cell::Kept(*count)),
            None => Cell::NotSeen,
        }
    }
}

impl Matrix {
    /// The rules that some release shows, in the order of the specification, and the kinds of
    /// breakdown.
    pub fn rows(&self) -> Vec<&str> {
        let shown =
            |rule: &&str| self.releases.iter().any(|column| column.cell(rule).kind().is_some());
        let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        let held = self.releases.iter().filter_map(|column| column.held(column.follows()?));
        let broken = held.flat_map(|held| held.broken.keys()).map(String::as_str);
        let others: BTreeSet<&str> = broken.filter(|row| !rules.contains(row)).collect();
        rules.iter().copied().filter(shown).chain(others).collect()
    }

    /// Those of [`rows`](Self::rows) that some release breaks.
    pub fn deviations(&self) -> Vec<&str> {
        let breaks = |row: &&str| {
            let mut cells = self.releases.iter().map(|column| column.cell(row));
            cells.any(|cell| matches!(cell, Cell::Broken(_)))
        };
        self.rows().into_iter().filter(breaks).collect()
    }
}
