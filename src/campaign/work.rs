//! The workers of a phase: each takes a few cases at a time and judges them.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Instant;

use mcp_overlay_model::{Case, Rule, resolve};

use super::isolate::ask_isolating;
use super::judging::{Asked, CHUNK, Numbered, Question, judge_batch};
use super::options::{ENOUGH_FAILURES, Options};
use super::sift::Sieve;
use crate::cases::labels::{LabelCounts, labels};
use crate::finding::investigate::Failing;
use crate::judge::Judged;
use crate::judge::verdict::{PURE, Verdict};
use crate::report::Phase;
use crate::rules::coverage::{self, RuleCounts};
use crate::subject::{Failure, Reply, Sight, Subject};

/// One case of so many is looked at for the rules that it reaches; of the vectors all are.
const LOOKED_AT: u64 = 8;

pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Cases taken at a time where time ends the phase: a slow subject takes long for a whole chunk.
const SHORT_CHUNK: u64 = 16;

/// What the workers of a phase share.
pub(super) struct Work<'a> {
    pub(super) subject: &'a dyn Subject,
    pub(super) options: &'a Options,
    pub(super) phase: Phase,
    /// Positions in this shard, not numbers of cases.
    pub(super) total: u64,
    pub(super) deadline: Option<Instant>,
    pub(super) next: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) failures: AtomicU64,
    /// Breakdowns of the whole run.
    pub(super) troubles: &'a AtomicU32,
    pub(super) gave_up: &'a AtomicBool,
}

impl Work<'_> {
    pub(super) fn run(
        &self,
        case_of: &impl Fn(u64) -> Option<Case>,
        troubles: &Sender<Failure>,
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
        let enough =
            !self.options.runs_whole() && self.failures.load(Ordering::Relaxed) >= ENOUGH_FAILURES;
        if expired || enough || self.gave_up.load(Ordering::Relaxed) {
            return None;
        }
        let chunk = if self.deadline.is_some() { SHORT_CHUNK } else { CHUNK };
        let start = self.next.fetch_add(chunk, Ordering::Relaxed);
        (start < self.total).then(|| start..self.total.min(start + chunk))
    }

    fn ask(&self, cases: &[Case], troubles: &Sender<Failure>) -> Vec<Reply> {
        ask_isolating(self.subject, cases, &mut |failure| {
            // The receiver outlives the workers, so this cannot fail.
            let _ = troubles.send(failure.clone());
            let go_on = self.troubles.fetch_add(1, Ordering::Relaxed) < self.options.restarts;
            self.gave_up.fetch_or(!go_on, Ordering::Relaxed);
            go_on
        })
    }

    fn judge(&self, cases: Vec<Numbered>, tally: &mut Tally, troubles: &Sender<Failure>) {
        judge_batch(
            self.subject.sight(),
            cases,
            |index| self.options.asks_twice(self.phase, index),
            &mut |cases| self.ask(cases, troubles),
            &mut |question| self.count(question, tally),
        );
    }

    fn count(&self, question: Question<'_>, tally: &mut Tally) {
        let Question { index, case, after, asked, verdict } = question;
        match asked {
            Asked::First(judged) => {
                self.look_at(index, case, judged, tally);
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            Asked::OtherAuth => tally.asked_again += 1,
            Asked::Again => {
                tally.asked_again += 1;
                tally.rules.record([PURE]);
            }
        }
        if verdict.is_finding() {
            self.failures.fetch_add(1, Ordering::Relaxed);
            tally.failures += 1;
            let (case, after) = (case.clone(), after.cloned());
            tally.sieve.add(Failing { index, case, after, verdict });
        }
    }

    /// What a case is an example of.
    fn look_at(&self, index: u64, case: &Case, judged: &Judged, tally: &mut Tally) {
        tally.cases += 1;
        let not_comparable = matches!(judged.verdict, Verdict::NotComparable(_));
        tally.not_comparable += u64::from(not_comparable);
        if not_comparable {
            return;
        }
        let outside = self.subject.sight() == Sight::Outside;
        // What is seen from outside is a part of the outcome; a case is about all of it.
        let whole = outside.then(|| resolve(case));
        let outcome = whole.as_ref().unwrap_or(&judged.expected);
        if self.phase == Phase::Random {
            tally.labels.record(labels(case, outcome));
        }
        if outside {
            tally.rules.record(coverage::reached_outside(case, outcome));
            let told_otherwise = matches!(self.phase, Phase::Arguments | Phase::Split);
            tally.rules.record(told_otherwise.then_some(Rule::DeliveryAnyWay));
        } else if index.is_multiple_of(LOOKED_AT) || self.phase == Phase::Vectors {
            tally.rules.record(coverage::reached(case, outcome));
        }
    }
}

/// What one worker counted.
pub(super) struct Tally {
    pub(super) cases: u64,
    pub(super) asked_again: u64,
    pub(super) not_comparable: u64,
    pub(super) failures: u64,
    pub(super) labels: LabelCounts,
    pub(super) rules: RuleCounts,
    pub(super) sieve: Sieve,
}

impl Tally {
    pub(super) fn new(options: &Options) -> Self {
        Tally {
            cases: 0,
            asked_again: 0,
            not_comparable: 0,
            failures: 0,
            labels: LabelCounts::default(),
            rules: RuleCounts::default(),
            sieve: Sieve::new(options.runs_whole()),
        }
    }

    pub(super) fn merge(&mut self, other: Tally) {
        self.cases += other.cases;
        self.asked_again += other.asked_again;
        self.not_comparable += other.not_comparable;
        self.failures += other.failures;
        self.labels.merge(&other.labels);
        self.rules.merge(&other.rules);
        self.sieve.merge(other.sieve);
    }
}
