//! The phase `sequences`: steps on a running host, each sequence on a host of its own.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use mcp_overlay_model::lifecycle::{Seen, Sequence, Step};
use mcp_overlay_model::{Level, Profile, Rule, RuleSet};

use super::error::Error;
use super::run::{Run, watched};
use crate::parallel::{Numbers, cores, on_threads};
use crate::report::{Event, Phase, PhaseReport, Picture, ScenarioFailure, Turns};
use crate::rules::coverage::RuleCounts;
use crate::sequences::generate::{Stage, random_sequence};
use crate::sequences::judge::{Broken, Verdict, judge, reached, reached_by_observations};
use crate::sequences::known::known;
use crate::sequences::narrow::narrow;
use crate::sequences::picture::picture;
use crate::sequences::saved::SavedSequence;
use crate::sequences::shrink::shrink;
use crate::sequences::story::told;
use crate::subject::{Driver, Failure, FailureKind, Steps, SubjectKind, Trace};

/// How often a failing sequence is played again: a finding that needs luck says how often it came.
const REPEATS: u32 = 3;

/// The most plays to make one sequence small.
const MOST_PLAYS: u32 = 400;

/// A failing sequence.
#[derive(Clone)]
pub(crate) struct Failing {
    pub(crate) number: u64,
    pub(crate) sequence: Sequence,
    pub(crate) problem: Problem,
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
pub(crate) enum Problem {
    Broken { broken: Broken, trace: Box<Trace>, advisory: bool },
    BrokeDown(Failure),
}

impl Problem {
    /// What makes two failures one: the rule, or the kind of breakdown.
    pub(crate) fn kind(&self) -> String {
        match self {
            Problem::Broken { broken, .. } => broken.rule.id().into(),
            Problem::BrokeDown(failure) => failure.kind.word().into(),
        }
    }

    pub(crate) fn rule(&self) -> Option<Rule> {
        match self {
            Problem::Broken { broken, .. } => Some(broken.rule),
            Problem::BrokeDown(_) => None,
        }
    }

    /// Whether it counts against the subject without `--strict`.
    pub(crate) fn is_failure(&self) -> bool {
        match self {
            Problem::Broken { broken, advisory, .. } => {
                !advisory && broken.rule.level() == Level::Must
            }
            Problem::BrokeDown(_) => true,
        }
    }
}

/// Plays a sequence once; what is wrong, if anything is.
pub(crate) fn play(driver: &dyn Driver, sequence: &Sequence) -> Option<Problem> {
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
pub(crate) fn chosen(driver: &dyn Driver, profile: Profile, seed: u64, number: u64) -> Sequence {
    let stage = Stage::of(driver.kind());
    let known = match stage {
        Stage::Outside => known(profile, number),
        Stage::InProcess => None,
    };
    let sequence = known.unwrap_or_else(|| random_sequence(profile, stage, seed, number));
    match driver.kind() {
        SubjectKind::Stdio => narrow(sequence, &driver.declared()),
        SubjectKind::Production => narrow(sequence, &Steps::without_turns()),
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

/// Plays `total` sequences, several at once, unless it is enough before that; how many were played.
/// `play` says what was wrong with one, and `played` receives that, with its number.
pub(crate) fn play_all(
    driver: &dyn Driver,
    total: u64,
    sequence: impl Fn(u64) -> Sequence + Sync,
    play: impl Fn(&Sequence) -> Option<Problem> + Sync,
    is_enough: impl Fn() -> bool + Sync,
    played: impl Fn(u64, Sequence, Option<Problem>) + Sync,
) -> u64 {
    let (numbers, done) = (Numbers::up_to(total), AtomicU64::new(0));
    on_threads(threads(Stage::of(driver.kind())), || {
        for position in std::iter::from_fn(|| numbers.take(1)).flatten() {
            if is_enough() {
                return;
            }
            let sequence = sequence(position);
            let problem = play(&sequence);
            played(position, sequence, problem);
            done.fetch_add(1, Ordering::Relaxed);
        }
    });
    done.into_inner()
}

/// The failing sequences that are quickest to make small come first.
pub(crate) fn easiest_first(failing: &mut [Failing]) {
    // What happens together depends on timing, so another sequence tells more.
    let is_together = |step: &Step| matches!(step, Step::Together(_));
    failing.sort_by_key(|failing| {
        let is_race = failing.sequence.steps.iter().any(is_together);
        (is_race, failing.length(), failing.number)
    });
}

/// A failing sequence, played again and made small.
pub(crate) struct Small {
    pub(crate) sequence: Sequence,
    pub(crate) problem: Problem,
    /// In how many of [`REPEATS`] plays it failed again.
    pub(crate) came: u32,
}

impl Small {
    /// Plays a failing sequence again, and makes it small if it always fails. `until` limits that.
    pub(crate) fn of(driver: &dyn Driver, failing: Failing, until: Instant) -> Self {
        let mut small = Small::again(driver, failing);
        let kind = small.problem.kind();
        let is_same =
            |sequence: &Sequence| play(driver, sequence).filter(|again| again.kind() == kind);
        if small.came < REPEATS {
            return small;
        }
        if let Problem::Broken { broken, .. } = &small.problem {
            // What comes after shows nothing.
            let mut first = small.sequence.clone();
            first.steps.truncate(broken.step + 1);
            if let Some(same) = is_same(&first) {
                (small.sequence, small.problem) = (first, same);
            }
        }
        let hangs = matches!(
            &small.problem,
            Problem::BrokeDown(failure) if failure.kind == FailureKind::Hung
        );
        driver.hurry(hangs);
        let mut plays = 0;
        let smallest = shrink(&small.sequence, |smaller| {
            plays += 1;
            if plays > MOST_PLAYS || Instant::now() > until {
                return false;
            }
            match is_same(smaller) {
                Some(same) => {
                    small.problem = same;
                    true
                }
                None => false,
            }
        });
        driver.hurry(false);
        Small { sequence: smallest, ..small }
    }

    /// A sequence that failed in this way before, if it still does.
    pub(crate) fn stored(driver: &dyn Driver, sequence: Sequence, kind: &str) -> Option<Self> {
        (1..=REPEATS).find_map(|number| {
            let problem = play(driver, &sequence).filter(|problem| problem.kind() == kind)?;
            // One that fails at once is taken to fail always, as it did when it was made small.
            let came = if number == 1 { REPEATS } else { 1 };
            Some(Small { sequence: sequence.clone(), problem, came })
        })
    }

    /// Plays a failing sequence again, and leaves it as it is.
    pub(crate) fn again(driver: &dyn Driver, failing: Failing) -> Self {
        let Failing { sequence, problem, .. } = failing;
        let kind = problem.kind();
        let is_same = |again: &Problem| again.kind() == kind;
        let came = (0..REPEATS).filter(|_| play(driver, &sequence).as_ref().is_some_and(is_same));
        let came = came.count() as u32;
        Small { sequence, problem, came }
    }

    /// Whether it did not come again: a busy machine is the likelier cause. A leak is one all the same.
    pub(crate) fn is_doubtful(&self) -> bool {
        let is_leak = matches!(
            &self.problem,
            Problem::BrokeDown(failure) if failure.kind == FailureKind::Leaked
        );
        self.came == 0 && !is_leak
    }

    /// Whether it is also nothing that a busy machine cannot cause, as a crash is.
    fn is_unconfirmed(&self) -> bool {
        let may_be_a_pause = match &self.problem {
            Problem::BrokeDown(failure) => failure.kind == FailureKind::Hung,
            Problem::Broken { .. } => true,
        };
        self.is_doubtful() && may_be_a_pause
    }

    /// The steps, what was expected of the last one and what happened.
    pub(crate) fn story(&self) -> String {
        match &self.problem {
            Problem::Broken { broken, .. } => told(&self.sequence, broken),
            Problem::BrokeDown(failure) => {
                format!("{}: the subject {}\n", failure.kind.word(), failure.message)
            }
        }
    }

    /// The number of its steps, and the one that failed unless it is the last.
    fn length(&self) -> String {
        let steps = self.sequence.steps.len();
        match &self.problem {
            Problem::Broken { broken, .. } if broken.step + 1 < steps => {
                format!("step {} of a sequence of {steps} steps", broken.step + 1)
            }
            _ => format!("a sequence of {steps} steps"),
        }
    }

    /// That it needs luck, if it does.
    pub(crate) fn luck(&self) -> Option<String> {
        match self.came {
            REPEATS => None,
            0 if self.is_doubtful() => {
                Some(format!("not confirmed: it did not come again in {REPEATS} plays"))
            }
            came => {
                Some(format!("failed again in {came} of {REPEATS} plays, so it depends on timing"))
            }
        }
    }

    pub(crate) fn picture(&self) -> Option<Picture> {
        match &self.problem {
            Problem::Broken { broken, trace, .. } => Some(picture(&self.sequence, trace, broken)),
            Problem::BrokeDown(_) => None,
        }
    }
}

impl Run<'_> {
    pub(super) fn sequences(&mut self) -> Result<(), Error> {
        let shard = self.options.shard;
        let total = shard.share(self.options.sequences);
        self.reporter.event(&Event::PhaseStarted { phase: Phase::Sequences, total: Some(total) });
        let (started, shrunk_before) = (Instant::now(), self.shrunk_seconds());
        let (driver, options) = (self.driver, self.options);
        if !driver.plays() {
            return Err(Error::OneWay(Phase::Sequences.word()));
        }
        let sequence =
            |position| chosen(driver, options.profile, options.seed, shard.case(position));
        let failing: Mutex<Vec<Failing>> = Mutex::default();
        let turns: Mutex<Turns> = Mutex::default();
        let (late, slow) = (self.restarts.late(), Mutex::new(Vec::new()));
        let paused = |message| slow.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        let play = |sequence: &Sequence| {
            let played = late.play(driver, sequence, paused)?;
            if let Ok(trace) = &played {
                let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
                count_turns(&mut turns, sequence, trace);
            }
            problem_of(sequence, played)
        };
        // The rules that the played sequences are about.
        let about: Mutex<RuleCounts> = Mutex::default();
        let found = || failing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_enough = || {
            let failed = found();
            let wrong = failed.iter().filter(|failing| failing.problem.is_failure());
            !options.runs_whole() && wrong.count() >= options.enough_sequences()
        };
        let count = AtomicU64::new(0);
        let played = |number, sequence: Sequence, problem| {
            count.fetch_add(1, Ordering::Relaxed);
            if !matches!(problem, Some(Problem::BrokeDown(_))) {
                let reached = reached_on(driver, &sequence);
                about.lock().unwrap_or_else(PoisonError::into_inner).record(reached);
            }
            if let Some(problem) = problem {
                found().push(Failing { number, sequence, problem });
            }
        };
        let done = watched(self.reporter, &count, || {
            play_all(driver, total, sequence, play, is_enough, played)
        });
        let turns = turns.into_inner().unwrap_or_else(PoisonError::into_inner);
        let slow = slow.into_inner().unwrap_or_else(PoisonError::into_inner);
        slow.iter().for_each(|message| self.reporter.event(&Event::Slow(message)));
        self.report.rules.merge(&about.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut failing = failing.into_inner().unwrap_or_else(PoisonError::into_inner);
        easiest_first(&mut failing);
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
            turns: Some(turns).filter(|turns| turns.asked > 0),
            searched: None,
            seconds: self.seconds_since(started, shrunk_before),
        });
        Ok(())
    }

    /// Makes the first failing sequence of each kind small, and tells it.
    pub(super) fn tell_all(&mut self, phase: Phase, failing: Vec<Failing>) {
        let started = Instant::now();
        let until = started + self.options.shrinking;
        let mut told: Vec<String> = Vec::new();
        let kinds: Vec<String> = failing.iter().map(|failing| failing.problem.kind()).collect();
        let different = kinds.iter().collect::<BTreeSet<_>>().len();
        for failing in failing {
            let kind = failing.problem.kind();
            if told.contains(&kind) {
                continue;
            }
            self.investigating(1);
            let count = kinds.iter().filter(|other| **other == kind).count();
            // A slow host must not spend on one what others need too.
            let left = until.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(different - told.len()).unwrap_or(1);
            self.tell(phase, failing, count, Instant::now() + share);
            told.push(kind);
        }
        self.shrank(told.len(), started);
    }

    fn tell(&mut self, phase: Phase, failing: Failing, count: usize, until: Instant) {
        let (kind, rule) = (failing.problem.kind(), failing.problem.rule());
        let stored = rule.map(|_| self.stored_sequences(&kind)).unwrap_or_default();
        let mut known = stored.into_iter().filter_map(|s| Small::stored(self.driver, s, &kind));
        // An entry names the rule, whatever sequence breaks it: a known failure needs no small one.
        let is_known = self.options.expected.reason_of_scenario(&kind, rule).is_some();
        let small = match known.next() {
            Some(small) => small,
            None if is_known && rule.is_some() => Small::again(self.driver, failing),
            None => Small::of(self.driver, failing, until),
        };
        self.tell_small(phase, &small, count);
    }

    pub(super) fn tell_small(&mut self, phase: Phase, small: &Small, count: usize) {
        let Small { sequence: smallest, problem: last, .. } = small;
        let kind = last.kind();
        let luck = small.luck().map_or_else(String::new, |luck| format!("  {luck}\n"));
        let saved = self.save(smallest, last);
        let rule = last.rule();
        let message = small.story();
        let times = if count == 1 { String::new() } else { format!(", like {} more", count - 1) };
        let steps = small.length();
        let expected = match last {
            // A breakdown is never expected.
            Problem::BrokeDown(_) => None,
            Problem::Broken { .. } => self.options.expected.reason_of_scenario(&kind, rule),
        };
        let failure = ScenarioFailure {
            phase,
            // What an expected failure names.
            name: kind,
            rule,
            advisory: small.is_doubtful() || !last.is_failure(),
            unconfirmed: small.is_unconfirmed(),
            message: format!("{steps}{times}\n  {message}{luck}{saved}").trim_end().to_string(),
            expected: expected.map(str::to_string),
            picture: small.picture(),
            sequence: Some(smallest.clone()),
        };
        self.reporter.event(&Event::ScenarioFailed(&failure));
        self.report.scenarios.push(failure);
    }

    fn save(&self, sequence: &Sequence, problem: &Problem) -> String {
        let Some(folder) = &self.options.findings else { return String::new() };
        let saved = SavedSequence::new(problem.rule(), self.driver.name(), sequence);
        match saved.save(folder) {
            Ok(path) => format!("  saved: {}\n", path.display()),
            Err(error) => format!("  not saved: {error}\n"),
        }
    }
}

fn count_turns(turns: &mut Turns, sequence: &Sequence, trace: &Trace) {
    let steps = sequence.steps.iter().zip(&trace.steps);
    for (_, observed) in steps.filter(|(step, _)| matches!(step, Step::Turn { .. })) {
        turns.asked += 1;
        turns.made += u64::from(observed.seen == Seen::Done);
    }
}

/// How many count against the subject without `--strict`.
pub(super) fn failures(failing: &[Failing]) -> u64 {
    failing.iter().filter(|failing| failing.problem.is_failure()).count() as u64
}
