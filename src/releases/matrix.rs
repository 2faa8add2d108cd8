//! The result of each rule in each release.

use std::collections::BTreeMap;

use mcp_overlay_model::{Profile, Rule};

use super::over_time::OverTime;
use crate::finding::Finding;

/// The cases and sequences for the releases.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Number of random cases.
    pub cases: u64,
    /// Number of sequences, the known ones first.
    pub sequences: u64,
    /// Random seed.
    pub seed: u64,
}

/// The results of all releases.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The cases that were asked.
    pub plan: Plan,
    /// One column per release, in the order given.
    pub releases: Vec<Column>,
}

/// The results of one release.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug, Default)]
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

/// The result of a release for one rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// The rule was observed to be kept, in the best-fitting profile that has the rule.
    Kept(u64),
    /// The rule is broken.
    Broken(&'a Finding),
    /// No case shows the rule.
    NotSeen,
}

impl Column {
    /// The profile that the release follows: the one with the most agreeing cases, the earliest on
    /// a tie.
    pub fn follows(&self) -> Option<Profile> {
        let most = self.profiles.iter().map(|(_, held)| held.agreeing).max()?;
        self.profiles.iter().find(|(_, held)| held.agreeing == most).map(|(profile, _)| *profile)
    }

    /// The result for a rule, in the best-fitting profile that has it.
    pub fn cell(&self, rule: Rule) -> Cell<'_> {
        let having = self.profiles.iter().filter(|(profile, _)| profile.has(rule));
        let Some((_, held)) = having.max_by_key(|(_, held)| held.agreeing) else {
            return Cell::NotSeen;
        };
        match (held.broken.get(rule.id()), held.kept.get(&rule)) {
            (Some(finding), _) => Cell::Broken(finding),
            (None, Some(count)) => Cell::Kept(*count),
            (None, None) => Cell::NotSeen,
        }
    }
}

impl Matrix {
    /// The rules that some release shows, in the order of the specification.
    pub fn rules(&self) -> Vec<Rule> {
        let seen =
            |rule: &Rule| self.releases.iter().any(|column| column.cell(*rule) != Cell::NotSeen);
        Rule::ALL.iter().copied().filter(seen).collect()
    }

    /// The rules that a release breaks although the profile that it follows has them: no known
    /// change explains these.
    pub fn unexplained(&self) -> BTreeMap<&str, Vec<(&str, &Finding)>> {
        let mut unexplained: BTreeMap<&str, Vec<(&str, &Finding)>> = BTreeMap::new();
        for column in &self.releases {
            let follows = column.follows();
            let held = column.profiles.iter().find(|(profile, _)| Some(*profile) == follows);
            for (rule, finding) in held.into_iter().flat_map(|(_, held)| &held.broken) {
                unexplained.entry(rule).or_default().push((&column.name, finding));
            }
        }
        unexplained
    }
}
