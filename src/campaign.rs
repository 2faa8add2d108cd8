//! A run of `check`: phase by phase, each case judged, each failure made small.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use mcp_overlay_model::{Case, Profile};

use crate::compare::Verdict;
use crate::endpoint::{self, ScenarioFailure};
use crate::finding::Finding;
use crate::labels::{LabelCounts, labels};
use crate::oracle::{investigate, judge};
use crate::subject::Subject;
use crate::vectors::{self, Vector};
use crate::{exhaustive, generate};

/// Cases that a worker takes at a time.
const CHUNK: u64 = 512;

/// A phase ends early after this many failing cases: a subject that fails so often is described
/// well enough, and minimising takes time.
pub const ENOUGH_FAILURES: u64 = 20;

/// How often a waiting campaign tells its progress.
const TICK: Duration = Duration::from_millis(100);

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The rules that count.
    pub profile: Profile,
    /// Random cases; `None` is "until `time` is up".
    pub cases: Option<u64>,
    /// Names the stream of random cases.
    pub seed: u64,
    /// The random phase ends after this time, whatever is left of `cases`.
    pub time: Option<Duration>,
    /// Where findings are saved.
    pub findings: PathBuf,
    /// The phases to run; they run in the order of [`Phase::ALL`].
    pub phases: BTreeSet<Phase>,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The committed vectors.
    Vectors,
    /// Every case of the small scope.
    Exhaustive,
    /// Random cases.
    Random,
    /// Real connections of the production implementation to a hosted Apps endpoint.
    Endpoint,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 4] = [Phase::Vectors, Phase::Exhaustive, Phase::Random, Phase::Endpoint];

    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Vectors => "vectors",
            Phase::Exhaustive => "exhaustive",
            Phase::Random => "random",
            Phase::Endpoint => "endpoint",
        }
    }
}

/// What happens during a run, in order. Every report is a renderer of these.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins.
    Started {
        /// The subject's name.
        subject: &'a str,
        /// What is run.
        options: &'a Options,
    },
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
        /// How many cases it will have, where that is known.
        total: Option<u64>,
    },
    /// A phase goes on; sent a few times a second.
    Progress {
        /// Cases done.
        done: u64,
    },
    /// A case failed and was made small; sent once for each minimal case.
    Found {
        /// What was found.
        finding: &'a Finding,
        /// Where it was saved.
        saved: &'a std::io::Result<PathBuf>,
    },
    /// A scenario of the endpoint phase failed.
    ScenarioFailed(&'a ScenarioFailure),
    /// A phase is over.
    PhaseEnded(&'a PhaseSummary),
    /// The run is over.
    Ended(&'a Summary),
}

/// Receives the events of a run.
pub trait Reporter {
    /// One event; called on the thread that runs the campaign.
    fn event(&mut self, event: &Event<'_>);
}

/// The outcome of a phase.
#[derive(Clone, Debug)]
pub struct PhaseSummary {
    /// Which.
    pub phase: Phase,
    /// Cases judged.
    pub cases: u64,
    /// Of these, cases that the subject does not do.
    pub not_comparable: u64,
    /// Of these, cases that failed.
    pub failures: u64,
    /// Whether it ended before its last case, because enough had failed.
    pub cut_short: bool,
    /// How long it took.
    pub time: Duration,
}

/// The outcome of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Phase by phase.
    pub phases: Vec<PhaseSummary>,
    /// The situations that the random cases were in.
    pub labels: LabelCounts,
    /// Distinct minimal failures.
    pub findings: usize,
}

impl Summary {
    /// Cases that were compared, in all phases.
    pub fn compared(&self) -> u64 {
        self.phases.iter().map(|phase| phase.cases - phase.not_comparable).sum()
    }

    /// Whether nothing failed and every phase compared something: zero checks is never a pass.
    pub fn is_clean(&self) -> bool {
        let checked = |phase: &PhaseSummary| phase.cases > phase.not_comparable;
        !self.has_failures() && !self.phases.is_empty() && self.phases.iter().all(checked)
    }

    /// Whether anything failed.
    pub fn has_failures(&self) -> bool {
        self.findings > 0 || self.phases.iter().any(|phase| phase.failures > 0)
    }
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The vectors built into this binary do not parse.
    #[error(transparent)]
    Vectors(#[from] vectors::BadVector),
    /// A worker of this phase died, and what it had counted with it.
    #[error("a fault of mcp-overlay itself ended the phase `{0}`; please report it")]
    Worker(&'static str),
    /// A phase ended before its last case and nobody knows why.
    #[error("the phase `{0}` did not run all of its cases; please report it")]
    Incomplete(&'static str),
    /// The endpoint phase could not be set up.
    #[error("cannot run the endpoint scenarios: {0}")]
    Endpoint(#[from] std::io::Error),
}

/// Runs the phases against a subject.
///
/// # Errors
/// What keeps the tool itself from working; a failing subject is no error.
pub fn run(
    subject: &dyn Subject,
    options: &Options,
    reporter: &mut dyn Reporter,
) -> Result<Summary, Error> {
    reporter.event(&Event::Started { subject: subject.name(), options });
    let mut run =
        Run { subject, options, reporter, seen: BTreeSet::new(), summary: Summary::default() };
    for phase in &options.phases {
        match phase {
            Phase::Vectors => run.vectors()?,
            Phase::Exhaustive => {
                run.cases(*phase, Some(exhaustive::COUNT), None, 0, exhaustive::case)?;
            }
            Phase::Random => run.cases(*phase, options.cases, options.time, 0, |index| {
                Some(generate::random_case(options.seed, index))
            })?,
            Phase::Endpoint => run.endpoint()?,
        }
    }
    let summary = run.summary;
    reporter.event(&Event::Ended(&summary));
    Ok(summary)
}

struct Run<'a> {
    subject: &'a dyn Subject,
    options: &'a Options,
    reporter: &'a mut dyn Reporter,
    seen: BTreeSet<String>,
    summary: Summary,
}

impl Run<'_> {
    fn vectors(&mut self) -> Result<(), Error> {
        let vectors =
            vectors::parse(vectors::COMMITTED, "tests/vectors/codex-pr-27191.jsonl".as_ref())?;
        let total = vectors.len() as u64;
        // A vector is somebody else's word about the model: the one check of the specification.
        let mut against_model = 0;
        for finding in vectors.iter().filter_map(Vector::against_model) {
            against_model += 1;
            self.found(Some(finding));
        }
        self.cases(Phase::Vectors, Some(total), None, against_model, |index| {
            vectors.get(index as usize).map(|vector| vector.case.clone())
        })
    }

    /// Judges the cases from 0 on, on all cores, until `total` or until `time` is up.
    fn cases(
        &mut self,
        phase: Phase,
        total: Option<u64>,
        time: Option<Duration>,
        failed_before: u64,
        case_of: impl Fn(u64) -> Option<Case> + Sync,
    ) -> Result<(), Error> {
        self.reporter.event(&Event::PhaseStarted { phase, total });
        let started = Instant::now();
        let work = Work {
            subject: self.subject,
            total: total.unwrap_or(u64::MAX),
            deadline: time.and_then(|time| started.checked_add(time)),
            with_labels: phase == Phase::Random,
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        };
        let (failed, failures) = channel();
        let tally = thread::scope(|scope| {
            let workers: Vec<_> = (0..cores())
                .map(|_| {
                    let (work, case_of, failed) = (&work, &case_of, failed.clone());
                    scope.spawn(move || work.run(case_of, &failed))
                })
                .collect();
            drop(failed);
            self.receive(&failures, &work.done);
            // All are waited for, whatever became of the first.
            let tallies: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
            let mut tally = Tally::default();
            for worker in tallies {
                tally.merge(&worker.map_err(|_| Error::Worker(phase.word()))?);
            }
            Ok::<_, Error>(tally)
        })?;
        let cut_short = tally.failures >= ENOUGH_FAILURES && Some(tally.cases) != total;
        if time.is_none() && !cut_short && total.is_some_and(|total| total != tally.cases) {
            return Err(Error::Incomplete(phase.word()));
        }
        self.summary.labels.merge(&tally.labels);
        self.phase_ended(PhaseSummary {
            phase,
            cases: tally.cases,
            not_comparable: tally.not_comparable,
            failures: tally.failures + failed_before,
            cut_short,
            time: started.elapsed(),
        });
        Ok(())
    }

    /// Takes failing cases as they come, until the workers are gone; they go on meanwhile.
    fn receive(&mut self, failures: &Receiver<Case>, done: &AtomicU64) {
        use std::sync::mpsc::RecvTimeoutError;
        loop {
            match failures.recv_timeout(TICK) {
                Ok(case) => {
                    let finding = investigate(self.subject, &case);
                    self.found(finding);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.reporter.event(&Event::Progress { done: done.load(Ordering::Relaxed) });
        }
    }

    fn found(&mut self, finding: Option<Finding>) {
        if let Some(finding) = finding
            && self.seen.insert(finding.file_name())
        {
            self.summary.findings += 1;
            let saved = finding.save(&self.options.findings);
            self.reporter.event(&Event::Found { finding: &finding, saved: &saved });
        }
    }

    fn endpoint(&mut self) -> Result<(), Error> {
        let scenarios = endpoint::SCENARIOS;
        let total = scenarios.len() as u64;
        self.reporter.event(&Event::PhaseStarted { phase: Phase::Endpoint, total: Some(total) });
        let started = Instant::now();
        let mut failures = 0;
        for (done, scenario) in scenarios.iter().enumerate() {
            if let Err(failure) = endpoint::run(scenario)? {
                failures += 1;
                self.reporter.event(&Event::ScenarioFailed(&failure));
            }
            self.reporter.event(&Event::Progress { done: done as u64 + 1 });
        }
        self.phase_ended(PhaseSummary {
            phase: Phase::Endpoint,
            cases: total,
            not_comparable: 0,
            failures,
            cut_short: false,
            time: started.elapsed(),
        });
        Ok(())
    }

    fn phase_ended(&mut self, summary: PhaseSummary) {
        self.reporter.event(&Event::PhaseEnded(&summary));
        self.summary.phases.push(summary);
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// What the workers of a phase share.
struct Work<'a> {
    subject: &'a dyn Subject,
    total: u64,
    deadline: Option<Instant>,
    with_labels: bool,
    next: AtomicU64,
    done: AtomicU64,
    failures: AtomicU64,
}

impl Work<'_> {
    fn run(&self, case_of: &impl Fn(u64) -> Option<Case>, failed: &Sender<Case>) -> Tally {
        let mut tally = Tally::default();
        while let Some(chunk) = self.take_chunk() {
            for case in chunk.filter_map(case_of) {
                if let Some(case) = self.judge(case, &mut tally)
                    && self.failures.fetch_add(1, Ordering::Relaxed) < ENOUGH_FAILURES
                {
                    // The receiver outlives the workers, so this cannot fail.
                    let _ = failed.send(case);
                }
                self.done.fetch_add(1, Ordering::Relaxed);
            }
        }
        tally
    }

    fn take_chunk(&self) -> Option<Range<u64>> {
        let expired = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if expired || self.failures.load(Ordering::Relaxed) >= ENOUGH_FAILURES {
            return None;
        }
        let start = self.next.fetch_add(CHUNK, Ordering::Relaxed);
        (start < self.total).then(|| start..self.total.min(start + CHUNK))
    }

    /// Judges a case and hands it back if it failed.
    fn judge(&self, case: Case, tally: &mut Tally) -> Option<Case> {
        let (expected, verdict) = judge(self.subject, &case);
        tally.cases += 1;
        tally.not_comparable += u64::from(matches!(verdict, Verdict::NotComparable(_)));
        tally.failures += u64::from(verdict.is_finding());
        if self.with_labels {
            tally.labels.record(labels(&case, &expected));
        }
        verdict.is_finding().then_some(case)
    }
}

#[derive(Default)]
struct Tally {
    cases: u64,
    not_comparable: u64,
    failures: u64,
    labels: LabelCounts,
}

impl Tally {
    fn merge(&mut self, other: &Tally) {
        self.cases += other.cases;
        self.not_comparable += other.not_comparable;
        self.failures += other.failures;
        self.labels.merge(&other.labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::ProductionSubject;

    struct Quiet;

    impl Reporter for Quiet {
        fn event(&mut self, _: &Event<'_>) {}
    }

    fn run_cases(case_of: impl Fn(u64) -> Option<Case> + Sync) -> Result<(), Error> {
        let options = Options {
            profile: Profile::default(),
            cases: None,
            seed: 0,
            time: None,
            findings: PathBuf::new(),
            phases: BTreeSet::new(),
        };
        let mut run = Run {
            subject: &ProductionSubject,
            options: &options,
            reporter: &mut Quiet,
            seen: BTreeSet::new(),
            summary: Summary::default(),
        };
        run.cases(Phase::Random, Some(2_000), None, 0, case_of)
    }

    #[test]
    fn a_phase_that_runs_all_its_cases_is_fine() {
        assert!(run_cases(|index| Some(generate::random_case(0, index))).is_ok());
    }

    /// Half of the cases checked and the other half lost must not look like a clean run.
    #[test]
    fn a_worker_that_dies_is_an_error() {
        let dies = |index| {
            assert!(index < 1_000, "a fault of the tool itself");
            Some(generate::random_case(0, index))
        };
        assert!(matches!(run_cases(dies), Err(Error::Worker("random"))));
    }

    #[test]
    fn cases_that_go_missing_are_an_error() {
        let gaps = |index| (index % 2 == 0).then(|| generate::random_case(0, index));
        assert!(matches!(run_cases(gaps), Err(Error::Incomplete("random"))));
    }
}
