//! Whether what was expected to fail did.

use mcp_overlay_model::Rule;

use super::data::Report;
use super::expectations::{Expectation, Unmet};
use super::expected_failures::UNKNOWN;
use super::phase::Phase;
use crate::finding::expected::Entry;

impl Report {
    /// Counts the matches of each expected failure.
    pub(crate) fn settle_expectations(&mut self) {
        for Expectation { entry, met } in &mut self.expectations {
            let found = self.findings.iter().filter(|found| entry.matches(&found.finding)).count();
            let scenarios = self.scenarios.iter();
            let failed = scenarios.filter(|s| entry.matches_scenario(&s.name, s.rule)).count();
            *met = (found + failed) as u64;
        }
    }

    /// Expected failures and skips that did not occur. In a part of a run, they may occur in
    /// another part.
    pub fn unmet(&self) -> impl Iterator<Item = Unmet<'_>> {
        let whole = self.run.shard.is_whole();
        let unmet = self.expectations.iter().filter(|expectation| expectation.met == 0);
        let unmet = unmet.filter(|expectation| self.was_asked(&expectation.entry));
        let unmet = unmet.map(|Expectation { entry, .. }| Unmet {
            what: entry.what(),
            reason: &entry.reason,
            rule: entry.rule,
            is_skip: false,
        });
        let skips = self.skips.allowed().iter().filter(|skipped| skipped.cases == 0);
        let skips = skips.map(|skipped| Unmet {
            what: &skipped.skipped,
            reason: skipped.allowed.as_deref().unwrap_or_default(),
            rule: None,
            is_skip: true,
        });
        unmet.chain(skips).filter(move |_| whole)
    }

    /// The expected failures and skips whose reason is the one that `--write-expected-failures` puts there.
    pub fn without_reason(&self) -> impl Iterator<Item = &str> {
        let entries = self.expectations.iter().map(|Expectation { entry, .. }| entry);
        let entries = entries.map(|entry| (entry.what(), entry.reason.as_str()));
        let skips = self.skips.allowed().iter();
        let skips = skips.map(|skip| (&*skip.skipped, skip.allowed.as_deref().unwrap_or_default()));
        entries.chain(skips).filter(|(_, reason)| reason.contains(UNKNOWN)).map(|(what, _)| what)
    }

    /// The expected failures that a narrowed run did not ask about, so that nothing is known of them.
    pub fn not_asked(&self) -> impl Iterator<Item = &Entry> {
        let unmet = self.expectations.iter().filter(|expectation| expectation.met == 0);
        unmet.map(|expectation| &expectation.entry).filter(|entry| !self.was_asked(entry))
    }

    /// Whether the run asked what an entry is about. A run that is not narrowed asks everything. Another one
    /// asks the cases of the entries, and the sequences if it plays any; of an entry without one it has asked
    /// if it reached the rule.
    pub fn was_asked(&self, entry: &Entry) -> bool {
        let reached = |rule: Rule| self.rules.count(rule) > 0;
        let plays = self.run.phases.iter().any(|phase| phase.is_of_sequences());
        if !self.run.is_narrowed() {
            return true;
        }
        match (&entry.rule, &entry.finding, &entry.scenario) {
            (Some(rule), ..) => reached(*rule),
            (_, Some(id), _) => entry.case.is_some() || rule_of(id).is_some_and(reached),
            (.., Some(name)) => match name.parse::<Rule>() {
                Ok(rule) => plays && (entry.sequence.is_some() || reached(rule)),
                Err(_) => self.run.phases.contains(&Phase::Endpoint),
            },
            _ => true,
        }
    }
}

/// The rule of the finding with this id; `None` if it breaks none.
fn rule_of(id: &str) -> Option<Rule> {
    id.rsplit_once('-').and_then(|(rule, _)| rule.parse().ok())
}
