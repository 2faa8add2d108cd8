//! The run itself: it runs the phases in order, investigates their failures and builds the report.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use mcp_overlay_model::Case;

use super::error::Error;
use super::isolate::Restarts;
use super::late::Trouble;
use super::options::Options;
use super::work::{Tally, Work};
use crate::cases::{edges, exhaustive, generate, vectors};
use crate::finding::known::Known;
use crate::finding::of_vector::against_model;
use crate::parallel::Numbers;
use crate::report::{Event, Phase, PhaseReport, Report, Reporter};
use crate::subject::{Driver, Route, Visibility, threads_for};

/// Interval between progress events.
const TICK: Duration = Duration::from_millis(100);

/// One in this many random cases is also sent by each other route, because each takes a new
/// process.
const OTHER_ROUTES: u64 = 10;

/// Runs the phases against a subject.
///
/// # Errors
/// A failure of the checker itself. A failing subject is not an error.
pub fn run(
    driver: &dyn Driver,
    options: &Options,
    reporter: &mut dyn Reporter,
) -> Result<Report, Error> {
    let report = Report::new(options.run_options(driver), &options.expected);
    reporter.event(&Event::Started(&report.run));
    let restarts = Restarts::new(options.restarts);
    let (known, told) = (Vec::new(), Vec::new());
    let mut run = Run { driver, options, reporter, report, restarts, known, told };
    run.ask_known();
    for phase in &options.phases {
        run.phase(*phase)?;
        if run.restarts.gave_up() {
            let restarts = options.restarts;
            run.report.gave_up = Some(format!(
                "gave up: the subject broke down more than {restarts} times; what was not asked is \
                 not checked"
            ));
            break;
        }
        if options.fail_fast && run.report.has_unexpected() {
            run.report.gave_up =
                Some("ended at the first failure; what was not asked is not checked".into());
            break;
        }
    }
    let removed = run.ask_earlier_findings() + run.play_earlier_sequences();
    if removed > 0 {
        run.reporter.event(&Event::Removed { findings: removed });
    }
    run.report.settle_expectations();
    run.save_counts();
    let report = run.report;
    reporter.event(&Event::Ended(&report));
    Ok(report)
}

pub(super) struct Run<'a> {
    pub(super) driver: &'a dyn Driver,
    pub(super) options: &'a Options,
    pub(super) reporter: &'a mut dyn Reporter,
    pub(super) report: Report,
    pub(super) restarts: Restarts,
    /// Failures whose minimal case is known.
    pub(super) known: Vec<Known>,
    /// What was found in a running host and is not expected.
    pub(super) told: Vec<Known>,
}

impl Run<'_> {
    fn phase(&mut self, phase: Phase) -> Result<(), Error> {
        match phase {
            Phase::Vectors => self.vectors(),
            Phase::Edges => {
                let profile = self.options.profile;
                let total = Some(edges::count_in(profile));
                self.cases(self.driver, phase, total, None, 0, |at| edges::case_in(profile, at))
            }
            Phase::Exhaustive => {
                // To a subject that knows no wide cases these would be the same ones again.
                let profile = self.options.profile;
                let total = match self.driver.knows_wide_cases() {
                    true => exhaustive::count_in(profile),
                    false => exhaustive::COUNT,
                };
                self.cases(self.driver, phase, Some(total), None, 0, |at| {
                    exhaustive::case_in(profile, at)
                })
            }
            Phase::Random => {
                let Options { cases, time, seed, profile, .. } = *self.options;
                let draw = match self.driver.knows_wide_cases() {
                    true => generate::random_of(profile),
                    false => generate::random_case,
                };
                self.cases(self.driver, phase, cases, time, 0, |index| Some(draw(seed, index)))
            }
            Phase::Wire => self.wire(),
            Phase::Endpoint => self.endpoint(),
            Phase::Arguments => self.by_route(phase, Route::Arguments),
            Phase::Split => self.by_route(phase, Route::Split),
            Phase::Sequences => self.sequences(),
            Phase::SequencesExhaustive => self.search(),
        }
    }

    fn vectors(&mut self) -> Result<(), Error> {
        let vectors = vectors::of(self.options.profile)?;
        // A run of few cases is to be short.
        let total = (vectors.len() as u64).min(self.options.cases.unwrap_or(u64::MAX));
        // Vectors come from the seed's own code, so they also check the specification.
        let mut wrong = 0;
        let shard = self.options.shard;
        // Under another profile a vector is an ordinary case, without an expected answer.
        let profile = self.options.profile;
        let mine = (0..).zip(&vectors).filter(|(index, _)| shard.has(*index));
        let mine = mine.filter(|(_, vector)| vector.case.profile == profile);
        for finding in mine.filter_map(|(_, vector)| against_model(vector)) {
            wrong += 1;
            self.found(finding);
        }
        self.cases(self.driver, Phase::Vectors, Some(total), None, wrong, |index| {
            vectors.get(index as usize).map(|vector| vector.case.clone())
        })
    }

    /// Runs the first random cases, with the config given by another route.
    fn by_route(&mut self, phase: Phase, route: Route) -> Result<(), Error> {
        let Options { cases, seed, .. } = *self.options;
        let Some(driver) = self.driver.by_route(route) else {
            return Err(Error::OneWay(phase.word()));
        };
        let random = |index| Some(generate::random_case(seed, index));
        let some = cases.unwrap_or(OTHER_ROUTES).div_ceil(OTHER_ROUTES);
        self.cases(driver, phase, Some(some), None, 0, random)
    }

    /// Judges this shard's cases, on all cores, until `total` or until `time` is up.
    fn cases(
        &mut self,
        driver: &dyn Driver,
        phase: Phase,
        total: Option<u64>,
        time: Option<Duration>,
        failed_before: u64,
        case_of: impl Fn(u64) -> Option<Case> + Sync,
    ) -> Result<(), Error> {
        let total = total.map(|total| self.options.shard.share(total));
        self.reporter.event(&Event::PhaseStarted { phase, total });
        let started = Instant::now();
        let slow_before = self.restarts.late().slow();
        let narrowed_cases = AtomicU64::new(0);
        let outside = driver.visibility() == Visibility::Outside;
        let profile = self.options.profile;
        let narrowed = |index| {
            let case = Case { profile, ..case_of(index)? };
            if !outside {
                return Some(driver.narrow(case));
            }
            let near = driver.narrow(case.clone());
            narrowed_cases.fetch_add(u64::from(near != case), Ordering::Relaxed);
            Some(near)
        };
        let tally = self.tally(driver, phase, total, time, None, narrowed)?;
        let seconds = started.elapsed().as_secs_f64();
        let whole = total.is_none_or(|total| total == tally.cases);
        let enough = !self.options.runs_whole() && tally.failures >= self.options.enough_failures();
        let gave_up = self.restarts.gave_up();
        if !whole && !enough && !gave_up && time.is_none() {
            return Err(Error::Incomplete(phase.word()));
        }
        self.report.labels.merge(&tally.labels);
        self.report.rules.merge(&tally.rules);
        self.report.skips.merge(&tally.skips);
        self.count_explained(tally.explained);
        self.investigate(driver, tally.sieve.into_kinds());
        self.investigate(driver, tally.advisories.into_kinds());
        self.phase_ended(PhaseReport {
            phase,
            cases: tally.cases,
            asked_again: tally.asked_again,
            not_comparable: tally.skips.count(),
            brought_within_reach: outside.then(|| narrowed_cases.into_inner()),
            failures: tally.failures + failed_before,
            cut_short: !whole && (enough || gave_up),
            slow: self.restarts.late().slow() - slow_before,
            turns: None,
            searched: None,
            seconds,
        });
        Ok(())
    }

    pub(super) fn tally(
        &mut self,
        driver: &dyn Driver,
        phase: Phase,
        total: Option<u64>,
        time: Option<Duration>,
        own_restarts: Option<&Restarts>,
        case_of: impl Fn(u64) -> Option<Case> + Sync,
    ) -> Result<Tally, Error> {
        let work = Work {
            driver,
            options: self.options,
            phase,
            positions: Numbers::up_to(total.unwrap_or(u64::MAX)),
            deadline: time.and_then(|time| Instant::now().checked_add(time)),
            done: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            restarts: own_restarts.unwrap_or(&self.restarts),
            known: &self.known,
        };
        let (trouble, troubles) = channel();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads_for(driver))
                .map(|_| {
                    let (work, case_of, trouble) = (&work, &case_of, trouble.clone());
                    scope.spawn(move || work.run(case_of, &trouble))
                })
                .collect();
            drop(trouble);
            tell(self.reporter, &troubles, &work.done);
            // Join all workers, even if the first one panicked.
            let tallies: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
            let mut tally = Tally::new(self.options);
            for worker in tallies {
                tally.merge(worker.map_err(|_| Error::Worker(phase.word()))?);
            }
            Ok(tally)
        })
    }

    /// Saves the final counts: each finding was saved with its count at that time.
    fn save_counts(&self) {
        let repeated = self.report.findings.iter().filter(|found| found.finding.count != 1);
        for (folder, found) in
            self.options.findings.iter().flat_map(|f| repeated.clone().map(move |r| (f, r)))
        {
            // The first attempt has already reported an error.
            let _ = found.finding.save(folder);
        }
    }

    #[cfg(not(feature = "endpoint"))]
    fn play_earlier_sequences(&mut self) -> u64 {
        0
    }

    #[cfg(not(feature = "endpoint"))]
    fn search(&mut self) -> Result<(), Error> {
        Err(Error::NoEndpoint)
    }

    #[cfg(not(feature = "endpoint"))]
    fn sequences(&mut self) -> Result<(), Error> {
        Err(Error::NoEndpoint)
    }

    #[cfg(not(feature = "endpoint"))]
    fn endpoint(&mut self) -> Result<(), Error> {
        Err(Error::NoEndpoint)
    }

    pub(super) fn phase_ended(&mut self, phase: PhaseReport) {
        self.reporter.event(&Event::PhaseEnded(&phase));
        self.report.phases.push(phase);
    }
}

/// Does the work on another thread, and reports progress until it is over.
#[cfg(feature = "endpoint")]
pub(super) fn watched<R: Send>(
    reporter: &mut dyn Reporter,
    done: &AtomicU64,
    work: impl FnOnce() -> R + Send,
) -> R {
    thread::scope(|scope| {
        let (over, is_over) = channel::<()>();
        let worker = scope.spawn(move || {
            let _over = over;
            work()
        });
        while is_over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            reporter.event(&Event::Progress { done: done.load(Ordering::Relaxed) });
        }
        match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Reports the workers' failures and progress until all workers have ended.
fn tell(reporter: &mut dyn Reporter, troubles: &Receiver<Trouble>, done: &AtomicU64) {
    loop {
        match troubles.recv_timeout(TICK) {
            Ok(Trouble::BrokeDown(failure)) => reporter.event(&Event::Trouble(&failure)),
            Ok(Trouble::Slow(message)) => reporter.event(&Event::Slow(&message)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        reporter.event(&Event::Progress { done: done.load(Ordering::Relaxed) });
    }
}
