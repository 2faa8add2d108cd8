//! The workers of a phase: each takes a few cases at a time and judges them.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Instant;

use mcp_overlay_model::{Answer, Case};

use super::isolate::ask_isolating;
use super::sift::Sieve;
use super::{ENOUGH_FAILURES, Options, Phase};
use crate::compare::{PURE, Verdict, between};
use crate::coverage::{self, RuleCounts};
use crate::investigate::{Failing, with_other_auth};
use crate::labels::{LabelCounts, labels};
use crate::oracle::{Judged, judge_reply};
use crate::subject::{Failure, Reply, Subject};

/// Cases that a worker takes, and asks, at a time.
const CHUNK: u64 = 256;

/// One case of so many is looked at for the rules that it reaches; of the vectors all are.
const LOOKED_AT: u64 = 8;

pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

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
            let (indices, cases): (Vec<u64>, Vec<Case>) =
                indices.filter_map(|index| Some((index, case_of(index)?))).unzip();
            self.judge(&indices, cases, &mut tally, troubles);
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
        let start = self.next.fetch_add(CHUNK, Ordering::Relaxed);
        (start < self.total).then(|| start..self.total.min(start + CHUNK))
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

    fn judge(
        &self,
        indices: &[u64],
        cases: Vec<Case>,
        tally: &mut Tally,
        troubles: &Sender<Failure>,
    ) {
        let replies = self.ask(&cases, troubles);
        let mut again = Vec::new();
        for ((index, case), reply) in indices.iter().zip(cases).zip(replies) {
            if reply == Reply::NotAsked {
                continue;
            }
            let judged = judge_reply(&case, reply);
            self.look_at(*index, &case, &judged, tally);
            self.count(*index, &case, None, judged.verdict, tally);
            if let Some(answer) = judged.answer
                && self.options.asks_twice(self.phase, *index)
            {
                again.push(Again { index: *index, case, answer });
            }
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        self.ask_again(again, tally, troubles);
    }

    /// What a case is an example of.
    fn look_at(&self, index: u64, case: &Case, judged: &Judged, tally: &mut Tally) {
        tally.cases += 1;
        let not_comparable = matches!(judged.verdict, Verdict::NotComparable(_));
        tally.not_comparable += u64::from(not_comparable);
        if self.phase == Phase::Random {
            tally.labels.record(labels(case, &judged.expected));
        }
        if !not_comparable && (index.is_multiple_of(LOOKED_AT) || self.phase == Phase::Vectors) {
            tally.rules.record(&coverage::reached(case, &judged.expected));
        }
    }

    fn count(
        &self,
        index: u64,
        case: &Case,
        after: Option<&Case>,
        verdict: Verdict,
        tally: &mut Tally,
    ) {
        if verdict.is_finding() {
            self.failures.fetch_add(1, Ordering::Relaxed);
            tally.failures += 1;
            let (case, after) = (case.clone(), after.cloned());
            tally.sieve.add(Failing { index, case, after, verdict });
        }
    }

    /// Asks the same with another auth, and then the same again: answers must not depend on what
    /// was asked before.
    fn ask_again(&self, again: Vec<Again>, tally: &mut Tally, troubles: &Sender<Failure>) {
        if again.is_empty() {
            return;
        }
        let pair = |again: &Again| [with_other_auth(&again.case), again.case.clone()];
        let cases: Vec<Case> = again.iter().flat_map(pair).collect();
        let mut replies = self.ask(&cases, troubles).into_iter();
        for Again { index, case, answer } in again {
            let (Some(other), Some(same)) = (replies.next(), replies.next()) else {
                return;
            };
            if other != Reply::NotAsked {
                tally.asked_again += 1;
                let other_case = with_other_auth(&case);
                let verdict = judge_reply(&other_case, other).verdict;
                self.count(index, &other_case, Some(&case), verdict, tally);
            }
            let verdict = match same {
                Reply::NotAsked => continue,
                Reply::Answered(same) => match between(&answer, &same) {
                    none if none.is_empty() => Verdict::Agree,
                    differences => Verdict::Unstable(differences),
                },
                Reply::Failed(failure) => Verdict::Failed(failure),
            };
            tally.asked_again += 1;
            tally.rules.record(&[PURE]);
            self.count(index, &case, None, verdict, tally);
        }
    }
}

/// A case to be asked again, and what was answered the first time.
struct Again {
    index: u64,
    case: Case,
    answer: Answer,
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
