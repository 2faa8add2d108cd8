//! Groups the failures of a run by cause, so that one mistake is one entry of a report.

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::Rule;

use super::data::{Report, ReportedFinding, ScenarioFailure};
use crate::finding::cause::Cause;

/// The failures that one mistake explains: the smallest stands for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Causes<'a> {
    /// The causes of the findings, in the order in which they were found.
    pub findings: Vec<OneCause<'a>>,
    /// The causes of the failed scenarios and sequences.
    pub scenarios: Vec<ScenarioCause<'a>>,
}

/// The findings of one cause.
#[derive(Clone, Debug, PartialEq)]
pub struct OneCause<'a> {
    /// The one with the smallest case.
    pub first: &'a ReportedFinding,
    /// The others.
    pub others: Vec<&'a ReportedFinding>,
}

/// The failed sequences of one rule, or a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioCause<'a> {
    /// The first one.
    pub first: &'a ScenarioFailure,
    /// The same failure in other phases.
    pub others: Vec<&'a ScenarioFailure>,
}

impl OneCause<'_> {
    /// The number of failing cases.
    pub fn count(&self) -> u64 {
        self.first.finding.count + self.others.iter().map(|other| other.finding.count).sum::<u64>()
    }

    /// All findings.
    pub fn all(&self) -> impl Iterator<Item = &ReportedFinding> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The rule that is broken.
    pub fn rule(&self) -> Option<Rule> {
        self.first.finding.rule
    }
}

/// What decides besides the cause: an expected failure must not stand for another one.
type Key = (bool, bool, Cause);

impl Report {
    /// The failures by cause.
    pub fn causes(&self) -> Causes<'_> {
        Causes { findings: self.finding_causes(), scenarios: self.scenario_causes() }
    }

    /// The number of causes, without the advisories that do not count.
    pub fn cause_count(&self) -> usize {
        let causes = self.causes();
        let is_advisory = |cause: &&OneCause<'_>| cause.first.finding.is_advisory();
        let findings =
            causes.findings.iter().filter(|cause| self.run.strict || !is_advisory(cause));
        let scenarios = causes.scenarios.iter();
        let scenarios = scenarios.filter(|cause| !self.is_advisory(cause.first));
        findings.count() + scenarios.count()
    }

    fn finding_causes(&self) -> Vec<OneCause<'_>> {
        let key = |found: &ReportedFinding, cause| -> Key {
            (found.expected.is_some(), self.counts(found), cause)
        };
        let keys: Vec<Key> =
            self.findings.iter().map(|found| key(found, Cause::of(&found.finding))).collect();
        let known: BTreeSet<Key> = keys.iter().cloned().collect();
        // What was not made small belongs to the one cause that it looks like, if there is just one.
        let mut looks: BTreeMap<Key, BTreeSet<&Key>> = BTreeMap::new();
        let look = |found: &ReportedFinding| key(found, Cause::without_values(&found.finding));
        let small = self.findings.iter().zip(&keys);
        for (found, own) in small.filter(|(found, _)| found.finding.is_smallest()) {
            looks.entry(look(found)).or_default().insert(own);
        }
        let mut positions: BTreeMap<Key, usize> = BTreeMap::new();
        let mut groups: Vec<Vec<&ReportedFinding>> = Vec::new();
        for (found, own) in self.findings.iter().zip(&keys) {
            let in_a_config = Cause::in_a_config(&found.finding).map(|cause| key(found, cause));
            let key = match found.finding.is_smallest() {
                true => {
                    in_a_config.filter(|key| known.contains(key)).unwrap_or_else(|| own.clone())
                }
                false => match looks.get(&look(found)) {
                    Some(small) if small.len() == 1 => {
                        small.first().map_or_else(|| look(found), |key| (*key).clone())
                    }
                    _ => look(found),
                },
            };
            let position = *positions.entry(key).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups.get_mut(position).into_iter().for_each(|group| group.push(found));
        }
        groups.into_iter().filter_map(smallest_first).collect()
    }

    fn scenario_causes(&self) -> Vec<ScenarioCause<'_>> {
        let mut causes: Vec<ScenarioCause<'_>> = Vec::new();
        for failed in &self.scenarios {
            let is_same = |cause: &&mut ScenarioCause<'_>| {
                let first = cause.first;
                failed.phase.is_of_sequences()
                    && first.phase.is_of_sequences()
                    && (&first.name, first.expected.is_some())
                        == (&failed.name, failed.expected.is_some())
                    && (first.advisory, first.unconfirmed) == (failed.advisory, failed.unconfirmed)
            };
            match causes.iter_mut().find(is_same) {
                Some(cause) => cause.others.push(failed),
                None => causes.push(ScenarioCause { first: failed, others: Vec::new() }),
            }
        }
        causes
    }
}

fn smallest_first(mut group: Vec<&ReportedFinding>) -> Option<OneCause<'_>> {
    let size = |found: &&ReportedFinding| {
        serde_json::to_string(&found.finding.case).map_or(usize::MAX, |case| case.len())
    };
    // Stable, so that of equal sizes the one that was found first stands for all.
    group.sort_by_cached_key(size);
    let mut group = group.into_iter();
    let first = group.next()?;
    Some(OneCause { first, others: group.collect() })
}
