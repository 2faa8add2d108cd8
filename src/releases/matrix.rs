//! What became of each rule in each release.

use std::collections::BTreeMap;

use mcp_overlay_model::{Profile, Rule};

use crate::finding::Finding;

/// What the releases are asked.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many random cases.
    pub cases: u64,
    /// Names the stream of random cases.
    pub seed: u64,
}

/// What came of all releases.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// What was asked.
    pub plan: Plan,
    /// A column each, in the order in which they were given.
    pub releases: Vec<Column>,
}

/// One release.
#[derive(Clone, Debug)]
pub struct Column {
    /// As it was given.
    pub name: String,
    /// What the program calls itself.
    pub program: String,
    /// By profile.
    pub profiles: Vec<(Profile, Held)>,
}

/// A release held against one profile.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Cases that are seen as the profile says.
    pub agreeing: u64,
    /// Cases that are not.
    pub differing: u64,
    /// Rules that were seen to be kept, with the number of cases.
    pub kept: BTreeMap<Rule, u64>,
    /// Rules that are broken, or the way to break down, each with its smallest case.
    pub broken: BTreeMap<String, Finding>,
}

/// What a release makes of a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// It was seen to be kept, in the profile that fits best of those that have the rule.
    Kept(u64),
    /// It is broken.
    Broken(&'a Finding),
    /// No case of the plan showed it.
    NotSeen,
}

impl Column {
    /// The profile that the release follows: that of the most agreeing cases, the earliest of
    /// several.
    pub fn follows(&self) -> Option<Profile> {
        let most = self.profiles.iter().map(|(_, held)| held.agreeing).max()?;
        self.profiles.iter().find(|(_, held)| held.agreeing == most).map(|(profile, _)| *profile)
    }

    /// What became of a rule, in the profile that fits best of those that have it.
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
    /// The rules that some release showed, in the order of the specification.
    pub fn rules(&self) -> Vec<Rule> {
        let seen =
            |rule: &Rule| self.releases.iter().any(|column| column.cell(*rule) != Cell::NotSeen);
        Rule::ALL.iter().copied().filter(seen).collect()
    }

    /// The rules that a release's own profile has and it breaks all the same: what no rule explains.
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
