//! The first case of a phase that finds a fault, judged as a campaign judges.

use std::sync::atomic::{AtomicU64, Ordering};

use mcp_overlay_model::{Answer, Case, Profile};

use super::faults::Fault;
use crate::campaign::{
    self, CHUNK, Numbered, Phase, judge_again, judge_first, questions, unnumbered,
};
use crate::cases::{edges, exhaustive, generate};
use crate::finding::investigate::with_other_auth;
use crate::parallel::{Numbers, on_all_cores};
use crate::subject::{Driver, ProductionSubject, Subject};

/// The number of the first case, from 0, that finds something wrong with a subject.
pub(super) fn first_case(
    driver: &dyn Driver,
    phase: Phase,
    total: u64,
    case_of: impl Fn(u64) -> Option<Case>,
) -> Option<u64> {
    driver.restart();
    (0..total.div_ceil(CHUNK)).find_map(|chunk| {
        let start = chunk * CHUNK;
        let indices = start..total.min(start + CHUNK);
        let numbered = |index| Some(Numbered { index, case: case_of(index)? });
        failing(driver, phase, indices.filter_map(numbered).collect()).into_iter().min()
    })
}

/// The numbers of the cases that find something wrong, a number for each finding.
pub(super) fn failing(driver: &dyn Driver, phase: Phase, cases: Vec<Numbered>) -> Vec<u64> {
    let options = campaign::Options::default();
    let visibility = driver.visibility();
    let (indices, cases) = unnumbered(cases);
    let replies = driver.ask(&cases);
    let (mut failing, mut again) = (Vec::new(), Vec::new());
    for first in judge_first(visibility, (indices, cases), replies) {
        failing.extend(first.judged.verdict.is_finding().then_some(first.index));
        if options.asks_twice(phase, first.index) {
            again.extend(first.again());
        }
    }
    if !again.is_empty() {
        let second = judge_again(visibility, &again, driver.ask(&questions(&again)));
        let wrong = second.iter().filter(|second| second.verdict.is_finding());
        failing.extend(wrong.map(|second| second.index));
    }
    failing
}

/// The cases of a phase, by number.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) phase: Phase,
    pub(super) count: u64,
    /// The seed of random cases; the others need none.
    pub(super) seed: u64,
}

/// Cases of the small scope in which a fault must show. A fault that it can show shows early.
const MOST_EXHAUSTIVE: u64 = 100_000;

impl Source {
    pub(super) const EXHAUSTIVE: Source =
        Source { phase: Phase::Exhaustive, count: MOST_EXHAUSTIVE, seed: 0 };

    /// The edges of any profile.
    pub(super) fn edges() -> Source {
        Source { phase: Phase::Edges, count: edges::count_in(Profile::CodexPr31481), seed: 0 }
    }

    pub(super) fn random(seed: u64, count: u64) -> Source {
        Source { phase: Phase::Random, count, seed }
    }

    /// The case of this number, by the rules of a profile.
    pub(super) fn case(self, profile: Profile, index: u64) -> Option<Case> {
        let case = match self.phase {
            Phase::Exhaustive => exhaustive::case(index)?,
            Phase::Edges => edges::case_in(profile, index)?,
            _ => generate::random_of(profile)(self.seed, index),
        };
        Some(Case { profile, ..case })
    }
}

/// The first case for each of several faults of a profile that keep no state. Each case is made
/// once and offered to every fault that is not found yet.
pub(super) fn first_together(
    faults: &[&'static Fault],
    profile: Profile,
    source: Source,
    progress: &(dyn Fn(u64) + Sync),
) -> Vec<Option<u64>> {
    let sought: Vec<Sought> = faults.iter().map(|fault| Sought::new(fault, source.phase)).collect();
    let numbers = Numbers::up_to(source.count);
    let offered = |index| Offered::new(index, profile, source);
    let work = || {
        while let Some(indices) = numbers.take(CHUNK) {
            let (start, units) = (indices.start, indices.end - indices.start);
            let open: Vec<&Sought> = sought.iter().filter(|sought| sought.is_open(start)).collect();
            if open.is_empty() {
                return;
            }
            let cases: Vec<Offered> = indices.filter_map(offered).collect();
            open.into_iter().for_each(|sought| sought.seek(&cases));
            progress(units);
        }
    };
    on_all_cores(work);
    sought.into_iter().map(Sought::found).collect()
}

/// A case with what the sound implementation answers.
struct Offered {
    numbered: Numbered,
    sound: Answer,
    /// The same with another auth, if a campaign asks that too.
    other: Option<(Case, Answer)>,
}

impl Offered {
    fn new(index: u64, profile: Profile, source: Source) -> Option<Self> {
        let case = source.case(profile, index)?;
        let twice = campaign::Options::default().asks_twice(source.phase, index);
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
    phase: Phase,
    driver: Box<dyn Driver>,
    found: AtomicU64,
}

impl Sought {
    fn new(fault: &'static Fault, phase: Phase) -> Self {
        Sought { fault, phase, driver: fault.driver(), found: AtomicU64::new(u64::MAX) }
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
            let found = failing(&*self.driver, self.phase, suspects);
            self.found.fetch_min(found.into_iter().min().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn found(self) -> Option<u64> {
        Some(self.found.into_inner()).filter(|found| *found < u64::MAX)
    }
}
