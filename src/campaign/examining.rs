//! Examines the failing cases of a run: those that a known failure explains are counted, the others are
//! made small and reported.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use mcp_overlay_model::Case;

use super::run::Run;
use super::sift::Kind;
use crate::finding::Finding;
use crate::finding::investigate::{
    Asked, Failing, MINIMISE_HANGS, as_it_came, examine_besides, is_hang,
};
use crate::finding::known::{Known, besides, explaining};
use crate::judge::ask;
use crate::judge::verdict::{FindingKind, Verdict};
use crate::report::{Event, ReportedFinding, Shrinking};
use crate::subject::{Driver, FailureKind, Route, Visibility};

/// The most known failures that are asked for what they have in common with a case.
const NEAR: usize = 3;

impl Run<'_> {
    /// Asks the cases of the list of expected failures. One that still fails is known, and the cases of
    /// the phases that it explains are not shrunk again. It is blamed anew: if another rule is broken now,
    /// the entry does not excuse that.
    pub(super) fn ask_known(&mut self) {
        let (driver, profile) = (self.driver, self.options.profile);
        let cases = self.options.expected.cases().filter(|(case, _)| case.profile == profile);
        let cases: Vec<(Case, Route)> = cases.collect();
        if !cases.is_empty() {
            let (what, total) = ("known failures", cases.len() as u64);
            self.reporter.event(&Event::Asking { what, total });
        }
        let asked = (1..).zip(cases).filter_map(|(done, (case, route))| {
            self.reporter.event(&Event::Progress { done });
            let driver = route.of(driver)?;
            Some((ask(driver, &case).verdict, case, driver))
        });
        // A breakdown has more patience in the phases.
        let answered =
            |verdict: &Verdict| matches!(verdict, Verdict::Disagree(_) | Verdict::Advisory { .. });
        let mut failing: Vec<(Verdict, Case, &dyn Driver)> =
            asked.filter(|(verdict, ..)| answered(verdict)).collect();
        // Where two mistakes meet, the one that is also seen alone comes first.
        failing.sort_by_key(|(verdict, ..)| differences(verdict));
        for (verdict, case, driver) in failing {
            let known = self.part_known(&case, &verdict);
            let asked = Asked::besides(driver, case.clone(), &known);
            let verdict = asked.verdict().clone();
            if let Some(finding) = asked.describe(driver) {
                self.known.extend(Known::new(&finding, &case, &verdict));
                // The phases count the cases.
                self.found(Finding { count: 0, ..finding });
            }
        }
    }

    /// What known failures explain of what is wrong in a case.
    fn part_known(&self, case: &Case, verdict: &Verdict) -> BTreeSet<String> {
        self.known.iter().flat_map(|known| known.part_of(case, verdict)).collect()
    }

    /// Makes a failing case small: what is wrong besides the known failures in it, if something is. One that
    /// hangs has a time limit of its own, after which it is not even asked again.
    pub(super) fn examine(
        &self,
        driver: &dyn Driver,
        failing: &Failing,
        (deadline, hangs_until): (Instant, Instant),
    ) -> Option<(Finding, BTreeSet<String>)> {
        let hangs = is_hang(&failing.verdict);
        if hangs && Instant::now() >= hangs_until {
            return Some((as_it_came(driver, failing)?, BTreeSet::new()));
        }
        let deadline = if hangs { hangs_until } else { deadline };
        let known = self.part_known(&failing.case, &failing.verdict);
        let finding = examine_besides(driver, failing, deadline, &known)?;
        Some((finding, known))
    }

    pub(super) fn count_explained(&mut self, explained: BTreeMap<String, u64>) {
        for found in &mut self.report.findings {
            found.finding.count += explained.get(&found.id).copied().unwrap_or_default();
        }
    }

    /// Shrinks the first cases of each kind. In a run that goes on whatever fails, a case that a finding
    /// explains is only counted.
    pub(super) fn investigate(&mut self, driver: &dyn Driver, mut kinds: Vec<Kind>) {
        if self.options.runs_whole() {
            // Stable. A case in which two mistakes meet comes after one in which either is alone.
            kinds.sort_by_key(|kind| kind.first.first().map(|first| differences(&first.verdict)));
        }
        let failing = kinds.iter().map(|kind| kind.first.len()).sum();
        self.investigating(failing);
        let started = Instant::now();
        let deadline = started + self.options.shrinking;
        let hangs_until = deadline.min(started + MINIMISE_HANGS);
        for Kind { count, first, more } in kinds {
            let mut others = count - first.len() as u64;
            let mut named = true;
            for failing in first {
                // The cases that are not shrunk most likely have the cause of the first one.
                if self.explain(driver, &failing, others)
                    || (Instant::now() >= deadline && self.looks_told(&failing, others))
                {
                    others = 0;
                } else if let Some((mut finding, known)) =
                    self.examine(driver, &failing, (deadline, hangs_until))
                {
                    if self.is_an_expected_one(driver, &finding, &failing, others)
                        || self.is_told_hang(&finding, others)
                    {
                        others = 0;
                        continue;
                    }
                    finding.count += std::mem::take(&mut others);
                    named = named && self.options.expected.names(&finding);
                    self.learn(&finding, &known);
                    if self.options.expected.reason_of(&finding).is_none() {
                        let (case, verdict) = (&failing.case, &failing.verdict);
                        let is_slow = driver.visibility() == Visibility::Outside;
                        let told = Known::new(&finding, case, verdict).filter(|_| is_slow);
                        self.told.extend(told);
                    }
                    self.found(finding);
                }
            }
            // Expected findings must not excuse another one that looks like them.
            for failing in more {
                if !named || Instant::now() >= deadline {
                    break;
                }
                if self.explained_by(driver, &failing).is_some() {
                    continue;
                }
                let deadlines = (deadline, hangs_until);
                if let Some((finding, known)) = self.examine(driver, &failing, deadlines) {
                    if self.expected_one(driver, &finding, &failing).is_some()
                        || self.is_told_hang(&finding, 0)
                    {
                        continue;
                    }
                    named = self.options.expected.names(&finding);
                    self.learn(&finding, &known);
                    // It is counted among the others already.
                    let is_new = self.report.findings.iter().all(|found| found.id != finding.id());
                    self.found(Finding { count: u64::from(is_new), ..finding });
                }
            }
        }
        self.shrank(failing, started);
    }

    /// Says that failing cases are examined, unless there is none.
    pub(super) fn investigating(&mut self, failing: usize) {
        if failing > 0 {
            let shrinks = !self.options.shrinking.is_zero();
            self.reporter.event(&Event::Investigating { failing, shrinks });
        }
    }

    /// The time since then in seconds, without what making failures small took since `shrunk_before`.
    pub(super) fn seconds_since(&self, then: Instant, shrunk_before: f64) -> f64 {
        (then.elapsed().as_secs_f64() - self.shrunk_seconds() + shrunk_before).max(0.0)
    }

    /// What making failures small took until now, in seconds.
    pub(super) fn shrunk_seconds(&self) -> f64 {
        self.report.shrinking.map_or(0.0, |shrinking| shrinking.seconds)
    }

    /// Counts the time since then as that of making so many failures small.
    pub(super) fn shrank(&mut self, failing: usize, since: Instant) {
        if failing > 0 && !self.options.shrinking.is_zero() {
            let (cases, seconds) = (failing as u64, since.elapsed().as_secs_f64());
            self.report.shrinking.get_or_insert_default().add(Shrinking { cases, seconds });
        }
    }

    /// Counts a case, and as many others, with a known failure that explains it, if there is one.
    pub(super) fn explain(&mut self, driver: &dyn Driver, failing: &Failing, others: u64) -> bool {
        match self.explained_by(driver, failing) {
            Some(id) => self.count_with(&id, 1 + others),
            None => false,
        }
    }

    /// Counts a case that there is no time to make small, and as many others, with a finding that looks
    /// like it, if this run has one that is not expected. The run fails anyway.
    fn looks_told(&mut self, failing: &Failing, others: u64) -> bool {
        let told = self.told.iter().find(|told| told.looks_like(&failing.verdict));
        match told.map(|told| told.id.clone()) {
            Some(id) => self.count_with(&id, 1 + others),
            None => false,
        }
    }

    /// A hang that there is no time for counts with one that was made small.
    fn is_told_hang(&mut self, finding: &Finding, others: u64) -> bool {
        let is_hang = |finding: &Finding| finding.verdict == FindingKind::Failed(FailureKind::Hung);
        if !is_hang(finding) || finding.is_smallest() {
            return false;
        }
        let is_small =
            |found: &&ReportedFinding| is_hang(&found.finding) && found.finding.is_smallest();
        let told = self.report.findings.iter().find(is_small).map(|found| found.id.clone());
        told.is_some_and(|id| self.count_with(&id, 1 + others))
    }

    fn count_with(&mut self, id: &str, cases: u64) -> bool {
        let found = self.report.findings.iter_mut().find(|found| found.id == id);
        found.into_iter().for_each(|found| found.finding.count += cases);
        true
    }

    /// The known failure that explains what is wrong in a case. A running host is too slow to make every
    /// case small, and what it was made to in an earlier run may not be the smallest one. So it is asked
    /// what the two cases have in common.
    fn explained_by(&self, driver: &dyn Driver, failing: &Failing) -> Option<String> {
        if let Some(known) = explaining(&self.known, failing) {
            return Some(known.id.clone());
        }
        let is_slow = driver.visibility() == Visibility::Outside;
        let near = self.known.iter().filter(|_| is_slow);
        let near = near.filter_map(|known| Some((known, known.in_common_with(failing)?)));
        let mut near = near.take(NEAR);
        let fails = |verdict: &Verdict| matches!(verdict, Verdict::Disagree(_));
        let same = near.find(|(known, case)| {
            let verdict = ask(driver, case).verdict;
            fails(&verdict) && known.looks_like(&verdict)
        });
        same.map(|(known, _)| known.id.clone())
    }

    /// The expected failure that a finding cannot be told from, because there was no time to make its case
    /// small: what it comes to then depends on the load of the machine.
    fn expected_one(
        &self,
        driver: &dyn Driver,
        finding: &Finding,
        failing: &Failing,
    ) -> Option<String> {
        if driver.visibility() != Visibility::Outside || finding.is_smallest() {
            return None;
        }
        let is_expected = |id: &str| {
            self.report.findings.iter().any(|found| found.id == id && found.expected.is_some())
        };
        let mut known = self.known.iter().filter(|known| known.resembles(finding, failing));
        known.find(|known| is_expected(&known.id)).map(|known| known.id.clone())
    }

    /// Counts a case, and as many others, with such an expected failure, if there is one.
    fn is_an_expected_one(
        &mut self,
        driver: &dyn Driver,
        finding: &Finding,
        failing: &Failing,
        others: u64,
    ) -> bool {
        match self.expected_one(driver, finding, failing) {
            Some(id) => self.count_with(&id, 1 + others),
            None => false,
        }
    }

    /// From here on the finding explains others. Only in a run that ends with its last case: which cases
    /// another one judges depends on the machine, and the first ones are told by their number. An
    /// advisory is about its rules, so it explains those of every later phase.
    pub(super) fn learn(&mut self, finding: &Finding, known: &BTreeSet<String>) {
        let is_to_learn = finding.is_advisory() || self.options.runs_whole();
        let driver = finding.delivery.of(self.driver).unwrap_or(self.driver);
        if is_to_learn && finding.fails_alone() {
            let verdict = besides(ask(driver, &finding.case).verdict, known);
            self.known.extend(Known::new(finding, &finding.case, &verdict));
        }
    }

    pub(super) fn found(&mut self, finding: Finding) {
        let id = finding.id();
        if let Some(known) = self.report.findings.iter_mut().find(|known| known.id == id) {
            known.finding.count += finding.count;
            return;
        }
        let expected = self.options.expected.reason_of(&finding).map(str::to_string);
        let folder = self.options.findings.as_ref();
        let saved = folder.map(|folder| finding.save(folder));
        self.reporter.event(&Event::Found {
            finding: &finding,
            expected: expected.as_deref(),
            saved: saved.as_ref(),
        });
        self.report.findings.push(ReportedFinding { id, expected, finding });
    }
}

/// The number of places that differ.
fn differences(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Disagree(differences) => differences.len(),
        _ => 0,
    }
}
