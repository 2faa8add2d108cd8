//! The phase `sequences`: steps on a running host, each sequence on a host of its own.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use mcp_overlay_model::lifecycle::{Sequence, Step};
use mcp_overlay_model::{Level, Rule, RuleSet};

use super::error::Error;
use super::options::Options;
use super::run::{INVESTIGATION_TIME, Run};
use crate::parallel::{Numbers, cores, on_threads};
use crate::report::{Event, Phase, PhaseReport, ScenarioFailure};
use crate::rules::coverage::RuleCounts;
use crate::sequences::generate::{Stage, random_sequence};
use crate::sequences::judge::{Broken, Verdict, judge, reached, reached_by_observations};
use crate::sequences::known::known;
use crate::sequences::narrow::narrow;
use crate::sequences::picture::picture;
use crate::sequences::saved::{FORMAT, SavedSequence};
use crate::sequences::shrink::shrink;
use crate::sequences::story::told;
use crate::subject::{Driver, Failure, FailureKind, SubjectKind, Trace};

/// How often a failing sequence is played again: a finding that needs luck says how often it came.
const REPEATS: u32 = 3;

/// The most plays to make one sequence small.
const MOST_PLAYS: u32 = 400;

/// A phase ends early after this many failing sequences, which describe the subject well enough.
pub(super) const ENOUGH: usize = 10;

/// A failing sequence.
pub(super) struct Failing {
    pub(super) number: u64,
    pub(super) sequence: Sequence,
    pub(super) problem: Problem,
}

impl Failing {
    /// The steps until it fails. The shortest one is the quickest to make small.
    fn length(&self) -> usize {
        match &self.problem {
            Problem::Broken { broken, .. } => broken.step + 1,
            Problem::BrokeDown(_) => self.sequence.steps.len(),
        }
    }
}

/// What was wrong with it.
#[derive(Clone)]
pub(super) enum Problem {
    Broken { broken: Broken, trace: Box<Trace>, advisory: bool },
    BrokeDown(Failure),
}

impl Problem {
    /// What makes two failures one: the rule, or the kind of breakdown.
    fn kind(&self) -> String {
        match self {
            Problem::Broken { broken, .. } => broken.rule.id().into(),
            Problem::BrokeDown(failure) => failure.kind.word().into(),
        }
    }

    fn rule(&self) -> Option<Rule> {
        match self {
            Problem::Broken { broken, .. } => Some(broken.rule),
            Problem::BrokeDown(_) => None,
        }
    }
}

/// Plays a sequence once; what is wrong, if anything is.
fn play(driver: &dyn Driver, sequence: &Sequence) -> Option<Problem> {
    problem_of(sequence, driver.play(sequence)?)
}

/// What is wrong with what a sequence came to, if anything is.
pub(super) fn problem_of(sequence: &Sequence, played: Result<Trace, Failure>) -> Option<Problem> {
    match played {
        Err(failure) => Some(Problem::BrokeDown(failure)),
        Ok(trace) => match judge(sequence, &trace) {
            Verdict::Agree => None,
            Verdict::Advisory(broken) => {
                Some(Problem::Broken { broken, trace: Box::new(trace), advisory: true })
            }
            Verdict::Disagree(broken) => {
                Some(Problem::Broken { broken, trace: Box::new(trace), advisory: false })
            }
        },
    }
}

/// How many sequences are played at once. A running host mostly waits, above all before it tries
/// again to reach a server.
fn threads(stage: Stage) -> usize {
    match stage {
        Stage::Outside => 3 * cores(),
        Stage::InProcess => cores(),
    }
}

/// A running host is first asked what other hosts got wrong: a small sequence each, which a random one
/// may miss. A subject over stdio gets the steps that it declares.
fn chosen(driver: &dyn Driver, options: &Options, number: u64) -> Sequence {
    let stage = Stage::of(driver.kind());
    let known = match stage {
        Stage::Outside => known(options.profile, number),
        Stage::InProcess => None,
    };
    let random = || random_sequence(options.profile, stage, options.seed, number);
    let sequence = known.unwrap_or_else(random);
    match driver.kind() {
        SubjectKind::Stdio => narrow(sequence, &driver.declared()),
        _ => sequence,
    }
}

/// The rules that a sequence on this subject is about.
fn reached_on(driver: &dyn Driver, sequence: &Sequence) -> RuleSet {
    match driver.kind() {
        SubjectKind::Stdio => reached_by_observations(sequence),
        _ => reached(sequence),
    }
}

impl Run<'_> {
    pub(super) fn sequences(&mut self) -> Result<(), Error> {
        let shard = self.options.shard;
        let total = shard.share(self.options.sequences);
        self.reporter.event(&Event::PhaseStarted { phase: Phase::Sequences, total: Some(total) });
        let started = Instant::now();
        let (driver, options) = (self.driver, self.options);
        let stage = Stage::of(driver.kind());
        let sequence = |position| chosen(driver, options, shard.case(position));
        let (numbers, done) = (Numbers::up_to(total), AtomicU64::new(0));
        if !driver.plays() {
            return Err(Error::OneWay(Phase::Sequences.word()));
        }
        let failing: Mutex<Vec<Failing>> = Mutex::default();
        let (late, slow) = (self.restarts.late(), Mutex::new(Vec::new()));
        let paused = |message| slow.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        // The rules that the played sequences are about.
        let played: Mutex<RuleCounts> = Mutex::default();
        let found = || failing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_enough = || {
            let failed = found();
            let wrong = failed.iter().filter(|failing| is_failure(&failing.problem));
            !options.runs_whole() && wrong.count() >= ENOUGH
        };
        on_threads(threads(stage), || {
            while let Some(taken) = numbers.take(1) {
                for number in taken {
                    if is_enough() {
                        return;
                    }
                    let sequence = sequence(number);
                    let trace = late.play(driver, &sequence, paused);
                    let problem = trace.and_then(|trace| problem_of(&sequence, trace));
                    if !matches!(problem, Some(Problem::BrokeDown(_))) {
                        let reached = reached_on(driver, &sequence);
                        played.lock().unwrap_or_else(PoisonError::into_inner).record(reached);
                    }
                    if let Some(problem) = problem {
                        found().push(Failing { number, sequence, problem });
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let slow = slow.into_inner().unwrap_or_else(PoisonError::into_inner);
        slow.iter().for_each(|message| self.reporter.event(&Event::Slow(message)));
        let done = done.into_inner();
        self.report.rules.merge(&played.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut failing = failing.into_inner().unwrap_or_else(PoisonError::into_inner);
        // What happens together depends on timing, so another sequence tells more.
        let is_together = |step: &Step| matches!(step, Step::Together(_));
        failing.sort_by_key(|failing| {
            let is_race = failing.sequence.steps.iter().any(is_together);
            (is_race, failing.length(), failing.number)
        });
        let failures = failures(&failing);
        self.tell_all(Phase::Sequences, failing);
        self.phase_ended(PhaseReport {
            phase: Phase::Sequences,
            cases: done,
            asked_again: 0,
            not_comparable: 0,
            brought_within_reach: None,
            failures,
            cut_short: done < total,
            slow: slow.len() as u64,
            searched: None,
            seconds: started.elapsed().as_secs_f64(),
        });
        Ok(())
    }

    /// Makes the first failing sequence of each kind small, and tells it.
    pub(super) fn tell_all(&mut self, phase: Phase, failing: Vec<Failing>) {
        let until = Instant::now() + INVESTIGATION_TIME;
        let mut told: Vec<String> = Vec::new();
        let kinds: Vec<String> = failing.iter().map(|failing| failing.problem.kind()).collect();
        let different = kinds.iter().collect::<BTreeSet<_>>().len();
        for failing in failing {
            let kind = failing.problem.kind();
            if told.contains(&kind) {
                continue;
            }
            self.reporter.event(&Event::Investigating { failing: 1 });
            let count = kinds.iter().filter(|other| **other == kind).count();
            // A slow host must not spend on one what others need too.
            let left = until.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(different - told.len()).unwrap_or(1);
            self.tell(phase, failing, count, Instant::now() + share);
            told.push(kind);
        }
    }

    fn tell(&mut self, phase: Phase, failing: Failing, count: usize, until: Instant) {
        let Failing { sequence, problem, .. } = failing;
        let kind = problem.kind();
        let driver = self.driver;
        let mut plays = 0;
        let is_same = |sequence: &Sequence| {
            let again = play(driver, sequence);
            again.filter(|again| again.kind() == kind)
        };
        let came = (0..REPEATS).filter(|_| is_same(&sequence).is_some()).count() as u32;
        let (mut smallest, mut last) = (sequence.clone(), problem);
        if came == REPEATS {
            if let Problem::Broken { broken, .. } = last.clone() {
                // What comes after shows nothing.
                let mut first = sequence.clone();
                first.steps.truncate(broken.step + 1);
                if let Some(same) = is_same(&first) {
                    (smallest, last) = (first, same);
                }
            }
            let hangs =
                matches!(&last, Problem::BrokeDown(failure) if failure.kind == FailureKind::Hung);
            driver.hurry(hangs);
            smallest = shrink(&smallest, |smaller| {
                plays += 1;
                if plays > MOST_PLAYS || Instant::now() > until {
                    return false;
                }
                match is_same(smaller) {
                    Some(same) => {
                        last = same;
                        true
                    }
                    None => false,
                }
            });
            driver.hurry(false);
        }
        // It did not come again, and a busy machine is the likelier cause. A leak is one all the same.
        let is_doubtful = came == 0
            && !matches!(&last, Problem::BrokeDown(failure) if failure.kind == FailureKind::Leaked);
        let luck = match came {
            REPEATS => String::new(),
            0 if is_doubtful => {
                format!("  not confirmed: it did not come again in {REPEATS} plays\n")
            }
            came => {
                format!("  failed again in {came} of {REPEATS} plays, so it depends on timing\n")
            }
        };
        let saved = self.save(&smallest, &last);
        let (rule, advisory) = (last.rule(), is_doubtful || !is_failure(&last));
        let message = match &last {
            Problem::Broken { broken, .. } => told(&smallest, broken),
            Problem::BrokeDown(failure) => {
                format!("{}: the subject {}\n", failure.kind.word(), failure.message)
            }
        };
        let picture = match &last {
            Problem::Broken { broken, trace, .. } => Some(picture(&smallest, trace, broken)),
            Problem::BrokeDown(_) => None,
        };
        let times = if count == 1 { String::new() } else { format!(", like {} more", count - 1) };
        let steps = smallest.steps.len();
        let expected = match &last {
            // A breakdown is never expected.
            Problem::BrokeDown(_) => None,
            Problem::Broken { .. } => self.options.expected.reason_of_scenario(&kind, rule),
        };
        let failure = ScenarioFailure {
            phase,
            // What an expected failure names.
            name: kind,
            rule,
            advisory,
            message: format!("a sequence of {steps} steps{times}\n  {message}{luck}{saved}")
                .trim_end()
                .to_string(),
            expected: expected.map(str::to_string),
            picture,
        };
        self.reporter.event(&Event::ScenarioFailed(&failure));
        self.report.scenarios.push(failure);
    }

    fn save(&self, sequence: &Sequence, problem: &Problem) -> String {
        let Some(folder) = &self.options.findings else { return String::new() };
        let saved = SavedSequence {
            format: FORMAT,
            rule: problem.rule(),
            subject: Some(self.driver.name().into()),
            sequence: sequence.clone(),
        };
        match saved.save(folder) {
            Ok(path) => format!("  saved: {}\n", path.display()),
            Err(error) => format!("  not saved: {error}\n"),
        }
    }
}

/// How many count against the subject without `--strict`.
pub(super) fn failures(failing: &[Failing]) -> u64 {
    failing.iter().filter(|failing| is_failure(&failing.problem)).count() as u64
}

/// Whether it counts against the subject without `--strict`.
fn is_failure(problem: &Problem) -> bool {
    match problem {
        Problem::Broken { broken, advisory, .. } => !advisory && broken.rule.level() == Level::Must,
        Problem::BrokeDown(_) => true,
    }
}
