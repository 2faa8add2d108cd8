//! The run itself: phases in order, their failures investigated, the report put together.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use mcp_overlay_model::Case;

use super::error::Error;
use super::options::{ENOUGH_FAILURES, Options};
use super::sift::Kind;
use super::work::{Tally, Work, cores};
use crate::cases::{exhaustive, generate, vectors};
use crate::finding::Finding;
use crate::finding::investigate::examine;
use crate::finding::of_vector::against_model;
use crate::report::{Event, Phase, PhaseReport, Report, ReportedFinding, Reporter};
use crate::subject::{Failure, Sight, Subject, Way};

/// How often a waiting campaign tells its progress.
const TICK: Duration = Duration::from_millis(100);

/// Of so many random cases one is told to a running host in each other way: that takes a process
/// for each.
const OTHER_WAYS: u64 = 10;

/// How long the failing cases of a phase may be made smaller. In process it takes a second; a
/// subject that is slow, or wrong in many ways, has the rest of its cases reported as they are.
const INVESTIGATION_TIME: Duration = Duration::from_secs(120);

/// Runs the phases against a subject.
///
/// # Errors
/// What keeps the tool itself from working; a failing subject is no error.
pub fn run(
    subject: &dyn Subject,
    options: &Options,
    reporter: &mut dyn Reporter,
) -> Result<Report, Error> {
    let report = Report::new(options.of_run(subject.name()), &options.expected);
    reporter.event(&Event::Started(&report.run));
    let mut run = Run {
        subject,
        options,
        reporter,
        report,
        troubles: AtomicU32::new(0),
        gave_up: AtomicBool::new(false),
    };
    for phase in &options.phases {
        run.phase(*phase)?;
        if run.gave_up.load(Ordering::Relaxed) {
            let restarts = options.restarts;
            run.report.gave_up = Some(format!(
                "gave up: the subject broke down more than {restarts} times; what was not asked is \
                 not checked"
            ));
            break;
        }
    }
    run.report.settle_expectations();
    run.save_counts();
    let report = run.report;
    reporter.event(&Event::Ended(&report));
    Ok(report)
}

struct Run<'a> {
    subject: &'a dyn Subject,
    options: &'a Options,
    reporter: &'a mut dyn Reporter,
    report: Report,
    troubles: AtomicU32,
    gave_up: AtomicBool,
}

impl Run<'_> {
    fn phase(&mut self, phase: Phase) -> Result<(), Error> {
        match phase {
            Phase::Vectors => self.vectors(),
            Phase::Exhaustive => {
                self.cases(phase, Some(exhaustive::COUNT), None, 0, exhaustive::case)
            }
            Phase::Random => {
                let Options { cases, time, seed, .. } = *self.options;
                let random = |index| Some(generate::random_case(seed, index));
                self.cases(phase, cases, time, 0, random)
            }
            Phase::Endpoint => self.endpoint(),
            Phase::Arguments => self.told(phase, Way::Arguments),
            Phase::Split => self.told(phase, Way::Split),
        }
    }

    fn vectors(&mut self) -> Result<(), Error> {
        let vectors =
            vectors::parse(vectors::COMMITTED, "tests/vectors/codex-pr-27191.jsonl".as_ref())?;
        let total = vectors.len() as u64;
        // A vector is somebody else's word about the model: the one check of the specification.
        let mut wrong = 0;
        let shard = self.options.shard;
        // Under another profile a vector is a case like any other, whose answer nobody wrote down.
        let profile = self.options.profile;
        let mine = (0..).zip(&vectors).filter(|(index, _)| shard.has(*index));
        let mine = mine.filter(|(_, vector)| vector.case.profile == profile);
        for finding in mine.filter_map(|(_, vector)| against_model(vector)) {
            wrong += 1;
            self.found(finding);
        }
        self.cases(Phase::Vectors, Some(total), None, wrong, |index| {
            vectors.get(index as usize).map(|vector| vector.case.clone())
        })
    }

    /// The first of the random cases, told in another way.
    fn told(&mut self, phase: Phase, way: Way) -> Result<(), Error> {
        let Options { cases, seed, .. } = *self.options;
        let whole = self.subject;
        let Some(subject) = whole.told(way) else {
            return Err(Error::OneWay(phase.word()));
        };
        let random = |index| Some(generate::random_case(seed, index));
        let some = cases.unwrap_or(OTHER_WAYS).div_ceil(OTHER_WAYS);
        self.subject = subject;
        let told = self.cases(phase, Some(some), None, 0, random);
        self.subject = whole;
        told
    }

    /// Judges this shard's cases, on all cores, until `total` or until `time` is up.
    fn cases(
        &mut self,
        phase: Phase,
        total: Option<u64>,
        time: Option<Duration>,
        failed_before: u64,
        case_of: impl Fn(u64) -> Option<Case> + Sync,
    ) -> Result<(), Error> {
        let total = total.map(|total| self.options.shard.share(total));
        self.reporter.event(&Event::PhaseStarted { phase, total });
        let started = Instant::now();
        let (subject, brought) = (self.subject, AtomicU64::new(0));
        let outside = subject.sight() == Sight::Outside;
        let profile = self.options.profile;
        let within_reach = |index| {
            let case = Case { profile, ..case_of(index)? };
            if !outside {
                return Some(case);
            }
            let near = subject.within_reach(case.clone());
            brought.fetch_add(u64::from(near != case), Ordering::Relaxed);
            Some(near)
        };
        let tally = self.tally(phase, total, time, within_reach)?;
        let seconds = started.elapsed().as_secs_f64();
        let whole = total.is_none_or(|total| total == tally.cases);
        let enough = !self.options.runs_whole() && tally.failures >= ENOUGH_FAILURES;
        let gave_up = self.gave_up.load(Ordering::Relaxed);
        if !whole && !enough && !gave_up && time.is_none() {
            return Err(Error::Incomplete(phase.word()));
        }
        self.report.labels.merge(&tally.labels);
        self.report.rules.merge(&tally.rules);
        self.investigate(tally.sieve.into_kinds());
        self.phase_ended(PhaseReport {
            phase,
            cases: tally.cases,
            asked_again: tally.asked_again,
            not_comparable: tally.not_comparable,
            brought_within_reach: outside.then(|| brought.into_inner()),
            failures: tally.failures + failed_before,
            cut_short: !whole && (enough || gave_up),
            seconds,
        });
        Ok(())
    }

    fn tally(
        &mut self,
        phase: Phase,
        total: Option<u64>,
        time: Option<Duration>,
        case_of: impl Fn(u64) -> Option<Case> + Sync,
    ) -> Result<Tally, Error> {
        let work = Work {
            subject: self.subject,
            options: self.options,
            phase,
            total: total.unwrap_or(u64::MAX),
            deadline: time.and_then(|time| Instant::now().checked_add(time)),
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            troubles: &self.troubles,
            gave_up: &self.gave_up,
        };
        let (trouble, troubles) = channel();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..cores())
                .map(|_| {
                    let (work, case_of, trouble) = (&work, &case_of, trouble.clone());
                    scope.spawn(move || work.run(case_of, &trouble))
                })
                .collect();
            drop(trouble);
            tell(self.reporter, &troubles, &work.done);
            // All are waited for, whatever became of the first.
            let tallies: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
            let mut tally = Tally::new(self.options);
            for worker in tallies {
                tally.merge(worker.map_err(|_| Error::Worker(phase.word()))?);
            }
            Ok(tally)
        })
    }

    fn investigate(&mut self, kinds: Vec<Kind>) {
        let failing = kinds.iter().map(|kind| kind.first.len()).sum();
        if failing > 0 {
            self.reporter.event(&Event::Investigating { failing });
        }
        let deadline = Instant::now() + INVESTIGATION_TIME;
        for Kind { count, first } in kinds {
            let mut alike = count - first.len() as u64;
            for failing in first {
                if let Some(mut finding) = examine(self.subject, &failing, deadline) {
                    // Those that were not made small are most likely like the first that was.
                    finding.count += std::mem::take(&mut alike);
                    self.found(finding);
                }
            }
        }
    }

    fn found(&mut self, finding: Finding) {
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

    /// Saved findings were saved when they were first met.
    fn save_counts(&self) {
        let repeated = self.report.findings.iter().filter(|found| found.finding.count > 1);
        for (folder, found) in
            self.options.findings.iter().flat_map(|f| repeated.clone().map(move |r| (f, r)))
        {
            // That it could not be saved was said when it was found.
            let _ = found.finding.save(folder);
        }
    }

    #[cfg(feature = "endpoint")]
    fn endpoint(&mut self) -> Result<(), Error> {
        use crate::apps_connection;
        use crate::subject::watched::Watched;
        let scenarios = apps_connection::SCENARIOS;
        let shard = self.options.shard;
        let total = shard.share(scenarios.len() as u64);
        self.reporter.event(&Event::PhaseStarted { phase: Phase::Endpoint, total: Some(total) });
        let started = Instant::now();
        let mut failures = 0;
        let mut done = 0;
        for position in 0..total {
            if self.gave_up.load(Ordering::Relaxed) {
                break;
            }
            done = position + 1;
            if let Some(scenario) = scenarios.get(shard.case(position) as usize) {
                let watched = Watched::new(self.subject);
                let outcome = apps_connection::run(scenario, &watched).map_err(Error::Endpoint)?;
                let broke_down = watched.broke_down();
                if broke_down {
                    let troubles = self.troubles.fetch_add(1, Ordering::Relaxed);
                    self.gave_up.fetch_or(troubles >= self.options.restarts, Ordering::Relaxed);
                }
                if let Err(mut failure) = outcome {
                    failures += 1;
                    // Nothing excuses a breakdown.
                    let rule = failure.rule.filter(|_| !broke_down);
                    let expected = &self.options.expected;
                    failure.expected =
                        rule.and_then(|rule| expected.reason_of_rule(rule)).map(str::to_string);
                    self.reporter.event(&Event::ScenarioFailed(&failure));
                    self.report.scenarios.push(failure);
                }
                self.report.rules.record(scenario.rule);
            }
            self.reporter.event(&Event::Progress { done });
        }
        self.phase_ended(PhaseReport {
            phase: Phase::Endpoint,
            cases: done,
            asked_again: 0,
            not_comparable: 0,
            brought_within_reach: None,
            failures,
            cut_short: done < total,
            seconds: started.elapsed().as_secs_f64(),
        });
        Ok(())
    }

    #[cfg(not(feature = "endpoint"))]
    fn endpoint(&mut self) -> Result<(), Error> {
        Err(Error::NoEndpoint)
    }

    fn phase_ended(&mut self, phase: PhaseReport) {
        self.reporter.event(&Event::PhaseEnded(&phase));
        self.report.phases.push(phase);
    }
}

/// Passes on what the workers tell, until they are gone.
fn tell(reporter: &mut dyn Reporter, troubles: &Receiver<Failure>, done: &AtomicU64) {
    loop {
        match troubles.recv_timeout(TICK) {
            Ok(failure) => reporter.event(&Event::Trouble(&failure)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        reporter.event(&Event::Progress { done: done.load(Ordering::Relaxed) });
    }
}
