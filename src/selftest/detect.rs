//! The first case of a phase that finds a fault, judged as a campaign judges.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use mcp_overlay_model::{Answer, Case, Profile};

use super::faults::Fault;
use crate::campaign::{self, CHUNK, Numbered, Phase, cores, judge_batch};
use crate::cases::exhaustive;
use crate::finding::investigate::with_other_auth;
use crate::subject::{ProductionSubject, Subject};

/// The number of the first case, from 0, that finds something wrong with a subject.
pub(super) fn first_case(
    subject: &dyn Subject,
    phase: Phase,
    total: u64,
    case_of: impl Fn(u64) -> Option<Case>,
) -> Option<u64> {
    subject.restart();
    (0..total.div_ceil(CHUNK)).find_map(|chunk| {
        let start = chunk * CHUNK;
        let indices = start..total.min(start + CHUNK);
        let numbered = |index| Some(Numbered { index, case: case_of(index)? });
        failing(subject, phase, indices.filter_map(numbered).collect()).into_iter().min()
    })
}

/// The numbers of the cases that find something wrong, a number for each finding.
pub(super) fn failing(subject: &dyn Subject, phase: Phase, cases: Vec<Numbered>) -> Vec<u64> {
    let options = campaign::Options::default();
    let mut failing = Vec::new();
    judge_batch(
        subject.sight(),
        cases,
        |index| options.asks_twice(phase, index),
        &mut |cases| subject.ask(cases),
        &mut |question| {
            failing.extend(question.verdict.is_finding().then_some(question.index));
        },
    );
    failing
}

/// The first case of the small scope for each of several faults of a profile that keep no state.
/// Each case is made once and offered to every fault that is not found yet.
pub(super) fn first_of_small_scope(
    faults: &[&'static Fault],
    profile: Profile,
    progress: &(dyn Fn(u64) + Sync),
) -> Vec<Option<u64>> {
    let sought: Vec<Sought> = faults.iter().map(|fault| Sought::new(fault)).collect();
    let next = AtomicU64::new(0);
    let offered = |index| Offered::new(index, profile);
    let work = || {
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            let open: Vec<&Sought> = sought.iter().filter(|sought| sought.is_open(start)).collect();
            if start >= exhaustive::COUNT || open.is_empty() {
                return;
            }
            let cases: Vec<Offered> = (start..start + CHUNK).filter_map(offered).collect();
            open.into_iter().for_each(|sought| sought.seek(&cases));
            progress(CHUNK);
        }
    };
    thread::scope(|scope| {
        (0..cores()).for_each(|_| drop(scope.spawn(work)));
    });
    sought.into_iter().map(Sought::found).collect()
}

/// A case of the small scope with what the sound implementation answers.
struct Offered {
    numbered: Numbered,
    sound: Answer,
    /// The same with another auth, if a campaign asks that too.
    other: Option<(Case, Answer)>,
}

impl Offered {
    fn new(index: u64, profile: Profile) -> Option<Self> {
        let case = Case { profile, ..exhaustive::case(index)? };
        let twice = campaign::Options::default().asks_twice(Phase::Exhaustive, index);
        let other = twice.then(|| with_other_auth(&case));
        let other = other.map(|other| {
            let sound = ProductionSubject.resolve(&other);
            (other, sound)
        });
        let sound = ProductionSubject.resolve(&case);
        Some(Offered { numbered: Numbered { index, case }, sound, other })
    }
}

/// A fault, and the lowest number of a case that found it.
struct Sought {
    fault: &'static Fault,
    subject: Box<dyn Subject>,
    found: AtomicU64,
}

impl Sought {
    fn new(fault: &'static Fault) -> Self {
        Sought { fault, subject: fault.subject(), found: AtomicU64::new(u64::MAX) }
    }

    /// Whether a case from here on may be the first.
    fn is_open(&self, start: u64) -> bool {
        self.found.load(Ordering::Relaxed) > start
    }

    fn seek(&self, cases: &[Offered]) {
        let may_show = |offered: &&Offered| {
            let other = offered.other.as_ref();
            self.fault.may_show(&offered.numbered.case, &offered.sound)
                || other.is_some_and(|(other, sound)| self.fault.may_show(other, sound))
        };
        let suspects: Vec<Numbered> =
            cases.iter().filter(may_show).map(|offered| offered.numbered.clone()).collect();
        if !suspects.is_empty() {
            let found = failing(&*self.subject, Phase::Exhaustive, suspects);
            self.found.fetch_min(found.into_iter().min().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn found(self) -> Option<u64> {
        Some(self.found.into_inner()).filter(|found| *found < u64::MAX)
    }
}
