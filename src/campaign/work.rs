//! The workers of a phase: each takes a few cases at a time and judges them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Instant;

use mcp_overlay_model::{Case, Rule};

use super::isolate::{Restarts, ask_isolating};
use super::judging::{
    CHUNK, First, Numbered, Second, judge_again, judge_first, questions, unnumbered,
};
use super::late::Trouble;
use super::options::{ENOUGH_FAILURES, Options};
use super::sift::Sieve;
use crate::cases::edges;
use crate::cases::labels::{LabelCounts, labels};
use crate::finding::investigate::Failing;
use crate::finding::known::{Known, explaining};
use crate::judge::verdict::{PURE, Verdict};
use crate::parallel::Numbers;
use crate::report::{Phase, Skips};
use crate::rules::coverage::{self, RuleCounts};
use crate::subject::{Driver, Reply, Visibility};

/// Sampling stride: the rules that a case reaches are counted for one case in this many, and for
/// all vectors and wide edges.
const COVERAGE_STRIDE: u64 = 8;

/// Cases per chunk when a time limit ends the phase: a slow subject takes long for a whole chunk.
const SHORT_CHUNK: u64 = 16;

/// State shared by the workers of a phase.
pub(super) struct Work<'a> {
    pub(super) driver: &'a dyn Driver,
    pub(super) options: &'a Options,
    pub(super) phase: Phase,
    /// Positions in this shard, not numbers of cases.
    pub(super) positions: Numbers,
    pub(super) deadline: Option<Instant>,
    pub(super) done: AtomicU64,
    pub(super) failures: AtomicU64,
    /// Of the whole run.
    pub(super) restarts: &'a Restarts,
    /// Failures that need no shrinking.
    pub(super) known: &'a [Known],
}

impl Work<'_> {
    pub(super) fn run(
        &self,
        case_of: &impl Fn(u64) -> Option<Case>,
        troubles: &Sender<Trouble>,
    ) -> Tally {
        let mut tally = Tally::new(self.options);
        while let Some(chunk) = self.take_chunk() {
            let indices = chunk.map(|position| self.options.shard.case(position));
            let cases = indices.filter_map(|index| Some(Numbered { index, case: case_of(index)? }));
            self.judge(cases.collect(), &mut tally, troubles);
        }
        tally
    }

    fn take_chunk(&self) -> Option<Range<u64>> {
        let expired = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let enough = !self.options.runs_whole()
            && self.failures.load(Ordering::Relaxed) >= self.options.enough_failures();
        if expired || enough || self.restarts.gave_up() {
            return None;
        }
        self.positions.take(match (self.driver.visibility(), self.deadline) {
            // A running host takes part of a second for a case.
            (Visibility::Outside, _) => 1,
            (Visibility::Views, Some(_)) => SHORT_CHUNK,
            (Visibility::Views, None) => CHUNK,
        })
    }

    fn ask(&self, cases: &[Case], troubles: &Sender<Trouble>) -> Vec<Reply> {
        ask_isolating(self.driver, cases, self.restarts, troubles)
    }

    fn judge(&self, numbered: Vec<Numbered>, tally: &mut Tally, troubles: &Sender<Trouble>) {
        let visibility = self.driver.visibility();
        let (indices, cases) = unnumbered(numbered);
        let replies = self.ask(&cases, troubles);
        let mut again = Vec::new();
        for first in judge_first(visibility, (indices, cases), replies) {
            self.count_first(&first, tally);
            if self.options.asks_twice(self.phase, first.index) {
                again.extend(first.again());
            }
        }
        if !again.is_empty() {
            let replies = self.ask(&questions(&again), troubles);
            for second in judge_again(visibility, &again, replies) {
                self.count_second(second, tally);
            }
        }
    }

    fn count_first(&self, first: &First, tally: &mut Tally) {
        self.record_coverage(first, tally);
        self.done.fetch_add(1, Ordering::Relaxed);
        if first.judged.verdict.is_finding() {
            let (case, verdict) = (first.case.clone(), first.judged.verdict.clone());
            let failing = Failing { index: first.index, case, after: None, verdict };
            match failing.verdict.is_failure() {
                true => self.count_failure(failing, tally),
                false => self.count(failing, tally, |tally| &mut tally.advisories),
            }
        }
    }

    fn count_second(&self, second: Second<'_>, tally: &mut Tally) {
        let Second { index, case, after, is_same, verdict } = second;
        tally.asked_again += 1;
        // A running host is given its sign-in when it starts, so no process sees two of them.
        if is_same && self.driver.visibility() == Visibility::Views {
            tally.rules.record([PURE]);
        }
        // An advisory is counted only for the first answer to its case.
        if verdict.is_failure() {
            let (case, after) = (case.clone(), Some(after.clone()));
            self.count_failure(Failing { index, case, after, verdict }, tally);
        }
    }

    fn count_failure(&self, failing: Failing, tally: &mut Tally) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        tally.failures += 1;
        self.count(failing, tally, |tally| &mut tally.sieve);
    }

    fn count(&self, failing: Failing, tally: &mut Tally, to: impl Fn(&mut Tally) -> &mut Sieve) {
        match explaining(self.known, &failing) {
            Some(known) => *tally.explained.entry(known.id.clone()).or_default() += 1,
            None => to(tally).add(failing),
        }
    }

    /// Counts the labels of a case and the rules that it reaches.
    fn record_coverage(&self, first: &First, tally: &mut Tally) {
        let First { index, case, judged } = first;
        tally.cases += 1;
        if let Verdict::NotComparable(reason) = &judged.verdict {
            tally.skips.record(reason);
            return;
        }
        // Labels describe the whole outcome, not only the part that is observed from outside.
        let outcome = &judged.outcome;
        if self.phase == Phase::Random {
            tally.labels.record(labels(case, outcome));
        }
        if self.driver.visibility() == Visibility::Outside {
            tally.rules.record(coverage::reached_outside(case, outcome));
            let other_route = matches!(self.phase, Phase::Arguments | Phase::Split);
            tally.rules.record(other_route.then_some(Rule::DeliveryAnyWay));
        } else if index.is_multiple_of(COVERAGE_STRIDE)
            || self.phase == Phase::Vectors
            || (self.phase == Phase::Edges && *index >= edges::count())
        {
            tally.rules.record(coverage::reached(case, outcome));
        }
    }
}

/// The counts of one worker.
pub(super) struct Tally {
    pub(super) cases: u64,
    pub(super) asked_again: u64,
    pub(super) skips: Skips,
    pub(super) failures: u64,
    pub(super) labels: LabelCounts,
    pub(super) rules: RuleCounts,
    pub(super) sieve: Sieve,
    /// How many failures each known one explains, by its id.
    pub(super) explained: BTreeMap<String, u64>,
    /// Cases on which the subject does not follow a SHOULD rule.
    pub(super) advisories: Sieve,
}

impl Tally {
    pub(super) fn new(options: &Options) -> Self {
        Tally {
            cases: 0,
            asked_again: 0,
            skips: Skips::new(&options.expected),
            failures: 0,
            labels: LabelCounts::default(),
            rules: RuleCounts::default(),
            sieve: Sieve::new(options.runs_whole(), options.enough_failures()),
            explained: BTreeMap::new(),
            advisories: Sieve::new(true, ENOUGH_FAILURES),
        }
    }

    pub(super) fn merge(&mut self, other: Tally) {
        self.cases += other.cases;
        self.asked_again += other.asked_again;
        self.skips.merge(&other.skips);
        self.failures += other.failures;
        self.labels.merge(&other.labels);
        self.rules.merge(&other.rules);
        self.sieve.merge(other.sieve);
        for (id, count) in other.explained {
            *self.explained.entry(id).or_default() += count;
        }
        self.advisories.merge(other.advisories);
    }
}
