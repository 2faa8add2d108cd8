//! The report as data. It is the last event of a run and the input of `merge`, and every report
//! file renders it.

use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::{Profile, Rule, RuleSet};
use serde::{Deserialize, Serialize};

use crate::cases::labels::{LabelCounts, LabelRow, NOT_OUTSIDE};
use crate::finding::Finding;
use crate::finding::expected::{Entry, Expected};
use crate::rules;
use crate::rules::coverage::{RuleCounts, WIDE, can_show};
use crate::rules::over_time::is_shown_by;
use crate::sequences::drawing::Picture;
use crate::subject::{Steps, SubjectKind, Visibility};

pub use super::expectations::{Expectation, Unmet};
use super::extent::Extent;
use super::invocation::Invocation;
use super::phase::Phase;
use super::shard::Shard;
use super::skips::Skips;

/// The outcome of a run, or of several that were merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The options of the run.
    pub run: RunOptions,
    /// The phases, in order.
    pub phases: Vec<PhaseReport>,
    /// How many cases reached each rule.
    pub rules: RuleCounts,
    /// The distinct minimal failures.
    pub findings: Vec<ReportedFinding>,
    /// Scenarios of the endpoint phase, and sequences, that failed.
    pub scenarios: Vec<ScenarioFailure>,
    /// The situations of the random cases.
    pub labels: LabelCounts,
    /// The expected failures, with the number of matches.
    pub expectations: Vec<Expectation>,
    /// The cases that the subject skipped.
    pub skips: Skips,
    /// What it took to make failures small; `None` if there was nothing to make small.
    pub shrinking: Option<Shrinking>,
    /// Why the run ended early.
    pub gave_up: Option<String>,
}

/// What it took to make failures small; the times of the phases do not include it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shrinking {
    /// Number of failing cases and sequences that were made small.
    pub cases: u64,
    /// The duration.
    pub seconds: f64,
}

impl Shrinking {
    /// Adds what more of it took.
    pub fn add(&mut self, more: Shrinking) {
        self.cases += more.cases;
        self.seconds += more.seconds;
    }
}

fn yes() -> bool {
    true
}

fn is_yes(yes: &bool) -> bool {
    *yes
}

/// The options of a run. Reports that differ only in the shard are parts of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Version of this tool.
    pub version: String,
    /// The subject's name.
    pub subject: String,
    /// The kind of subject.
    pub kind: SubjectKind,
    /// Whether the subject says what it warned about.
    #[serde(default)]
    pub warns: bool,
    /// Whether the subject is asked wide cases.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub knows_wide_cases: bool,
    /// Whether the subject is asked whole numbers such as `1000.0`.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub tells_numbers_apart: bool,
    /// The steps of sequences that a subject over stdio declares.
    #[serde(default, skip_serializing_if = "Steps::is_empty")]
    pub steps: Steps,
    /// The profile that was checked.
    pub profile: String,
    /// The phases.
    pub phases: Vec<Phase>,
    /// Random seed.
    pub seed: u64,
    /// Number of random cases; `None` means until the time is up.
    pub cases: Option<u64>,
    /// Number of sequences.
    #[serde(default)]
    pub sequences: u64,
    /// The most steps of the exhaustive search of sequences.
    #[serde(default, skip_serializing_if = "is_none")]
    pub length: u32,
    /// Time limit of the random phase, in seconds.
    pub time: Option<u64>,
    /// The percentage of cases asked again.
    pub twice: f64,
    /// The part of the run.
    pub shard: Shard,
    /// Whether an advisory counts like a failure.
    #[serde(default)]
    pub strict: bool,
    /// What a complete run of this kind covers.
    pub complete: Extent,
    /// How the run was started, if by the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<Invocation>,
}

/// The results of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// The phase.
    pub phase: Phase,
    /// Number of cases judged.
    pub cases: u64,
    /// Number of additional answers, from asking again.
    pub asked_again: u64,
    /// Number of these cases that the subject skipped.
    pub not_comparable: u64,
    /// Number of these cases that had to be narrowed for a running host; `None` for a subject that
    /// returns its views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought_within_reach: Option<u64>,
    /// Number of failures, expected ones included.
    pub failures: u64,
    /// Whether the phase ended early because enough cases had failed.
    pub cut_short: bool,
    /// Number of answers that were late once, and in time when asked for again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub slow: u64,
    /// Of sequences: how many turns the host was asked for, and made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<Turns>,
    /// The extent of an exhaustive search of sequences, whose cases are transitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<Searched>,
    /// The duration.
    pub seconds: f64,
}

/// The turns of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turns {
    /// How many the host was asked for.
    pub asked: u64,
    /// How many it made.
    pub made: u64,
}

/// The extent of an exhaustive search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// Number of states.
    pub states: u64,
    /// Number of sequences that were played.
    pub plays: u64,
    /// The number of steps of the longest one.
    pub longest: u64,
}

fn endpoint() -> Phase {
    Phase::Endpoint
}

fn is_none(length: &u32) -> bool {
    *length == 0
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A finding of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedFinding {
    /// [`Finding::id`].
    pub id: String,
    /// The reason why it is expected, if it is.
    pub expected: Option<String>,
    /// The finding.
    pub finding: Finding,
}

/// A scenario that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioFailure {
    /// The phase: `endpoint`, or `sequences`.
    #[serde(default = "endpoint")]
    pub phase: Phase,
    /// Whether only a SHOULD rule is not followed, or it is unconfirmed.
    #[serde(default)]
    pub advisory: bool,
    /// Whether a sequence that failed never failed again: a busy machine is the likelier cause.
    #[serde(default)]
    pub unconfirmed: bool,
    /// The scenario's name.
    pub name: String,
    /// The rule that it tests; `None` for a requirement of MCP or of the host's own safety.
    pub rule: Option<Rule>,
    /// What was expected and what happened.
    pub message: String,
    /// The reason why it is expected, if it is.
    pub expected: Option<String>,
    /// Of a sequence: who sent what to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// The sequence itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
}

/// The verdict on a run, which determines the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// There was no unexpected failure in a complete run, which reached every rule that the subject
    /// can show and every situation often enough, and in which nothing was skipped but what the
    /// list of expected failures allows.
    Clean,
    /// There was no unexpected failure in a run that its options narrowed.
    NoDisagreement,
    /// There was no unexpected failure, but the run did not reach what a clean one must.
    Incomplete,
    /// There was an unexpected failure, or an expected failure did not occur.
    Findings,
    /// There was no failure, but a phase compared no case, which is never a pass.
    NothingChecked,
}

impl RunVerdict {
    /// The name used in reports.
    pub fn word(self) -> &'static str {
        match self {
            RunVerdict::Clean => "clean",
            RunVerdict::NoDisagreement => "no disagreement",
            RunVerdict::Incomplete => "incomplete",
            RunVerdict::Findings => "findings",
            RunVerdict::NothingChecked => "nothing was checked",
        }
    }
}

/// The result of a run for one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleStatus {
    /// Reached, and not broken.
    Pass,
    /// Broken as expected.
    Expected,
    /// A SHOULD rule that the subject does not follow.
    Advisory,
    /// Broken.
    Fail,
    /// No sampled case reached it.
    NotReached,
    /// No sampled case reached it, because this kind of subject cannot show it.
    NotShown,
}

impl Report {
    /// An empty report for a run that is about to start.
    pub fn new(run: RunOptions, expected: &Expected) -> Self {
        let met = |entry: &Entry| Expectation { entry: entry.clone(), met: 0 };
        Report {
            run,
            phases: Vec::new(),
            rules: RuleCounts::default(),
            findings: Vec::new(),
            scenarios: Vec::new(),
            labels: LabelCounts::default(),
            expectations: expected.entries().iter().map(met).collect(),
            skips: Skips::new(expected),
            shrinking: None,
            gave_up: None,
        }
    }

    /// Whether the least shares of the labels apply to this run: they apply to random cases as
    /// generated, not to cases narrowed for a running host.
    pub fn has_least_shares(&self) -> bool {
        self.phases.iter().all(|phase| phase.brought_within_reach.is_none())
    }

    /// The rules of the run's profile.
    pub fn rules(&self) -> RuleSet {
        Profile::try_from(self.run.profile.clone()).unwrap_or_default().rules()
    }

    /// The situations that the subject's random cases can be in, and that it can show.
    pub fn situations(&self) -> impl Iterator<Item = LabelRow> + '_ {
        let is_asked = |rule: &Rule| self.run.knows_wide_cases || !WIDE.contains(rule);
        let rows = self.labels.rows(self.rules().iter().filter(is_asked).collect());
        let is_outside = self.run.kind.visibility() == Visibility::Outside;
        rows.filter(move |row| {
            let shows = row.rule.is_none_or(|rule| self.can_show(rule));
            !is_outside || (shows && !NOT_OUTSIDE.contains(&row.label))
        })
    }

    /// Number of cases compared, in all phases.
    pub fn compared(&self) -> u64 {
        self.phases.iter().map(|phase| phase.cases - phase.not_comparable).sum()
    }

    /// Number of failures in all phases, expected ones included.
    pub fn failures(&self) -> u64 {
        self.phases.iter().map(|phase| phase.failures).sum()
    }

    /// Whether a finding fails the run: it is unexpected, and it is not an advisory unless
    /// advisories count too.
    pub fn counts(&self, found: &ReportedFinding) -> bool {
        found.expected.is_none() && (self.run.strict || !found.finding.is_advisory())
    }

    /// Whether a failed scenario fails the run, as [`counts`](Report::counts) says of a finding.
    pub fn counts_scenario(&self, failed: &ScenarioFailure) -> bool {
        failed.expected.is_none() && !self.is_advisory(failed)
    }

    /// Whether a failed scenario fails no run like this one.
    pub(super) fn is_advisory(&self, failed: &ScenarioFailure) -> bool {
        failed.unconfirmed || (failed.advisory && !self.run.strict)
    }

    /// The advisories: findings about SHOULD rules, which do not fail the run.
    pub fn advisories(&self) -> impl Iterator<Item = &ReportedFinding> {
        let is_advisory = |found: &&ReportedFinding| found.finding.is_advisory();
        self.findings.iter().filter(|_| !self.run.strict).filter(is_advisory)
    }

    /// Whether something failed that fails the run.
    pub fn has_unexpected(&self) -> bool {
        self.findings.iter().any(|found| self.counts(found))
            || self.scenarios.iter().any(|failed| self.counts_scenario(failed))
    }

    /// The verdict on the run.
    pub fn verdict(&self) -> RunVerdict {
        // In one part of a run, a phase may have no case.
        let checked = |phase: &PhaseReport| {
            phase.cases > phase.not_comparable || (phase.cases == 0 && !self.run.shard.is_whole())
        };
        let all_checked = self.run.phases.len() == self.phases.len()
            && self.phases.iter().all(checked)
            && self.compared() > 0;
        let lacks_reasons = self.run.strict && self.without_reason().next().is_some();
        let fails = self.has_unexpected() || self.gave_up.is_some() || lacks_reasons;
        if fails || self.unmet().next().is_some() {
            RunVerdict::Findings
        } else if !all_checked {
            RunVerdict::NothingChecked
        } else if self.run.is_narrowed() {
            RunVerdict::NoDisagreement
        } else if self.missing().is_empty() {
            RunVerdict::Clean
        } else {
            RunVerdict::Incomplete
        }
    }

    /// Whether the run was complete and without an unexpected failure.
    pub fn is_clean(&self) -> bool {
        self.verdict() == RunVerdict::Clean
    }

    /// Whether the run is clean, or was narrowed and has no unexpected failure.
    pub fn has_no_disagreement(&self) -> bool {
        matches!(self.verdict(), RunVerdict::Clean | RunVerdict::NoDisagreement)
    }

    /// Whether the subject can show that it keeps or breaks a rule.
    pub fn can_show(&self, rule: Rule) -> bool {
        let is_asked = self.run.knows_wide_cases || !WIDE.contains(&rule);
        (can_show(self.run.kind, self.rules(), rule) && is_asked)
            || is_shown_by(&self.run.steps, rule)
    }

    /// The result for a rule.
    pub fn status(&self, rule: Rule) -> RuleStatus {
        let findings = self.findings.iter().filter(|found| found.finding.rule == Some(rule));
        let scenarios = self.scenarios.iter().filter(|scenario| scenario.rule == Some(rule));
        let fails = findings.clone().any(|found| self.counts(found))
            || scenarios.clone().any(|failed| self.counts_scenario(failed));
        let is_expected = findings.clone().any(|found| found.expected.is_some())
            || scenarios.clone().any(|scenario| scenario.expected.is_some());
        match (findings.count() + scenarios.count(), self.rules.count(rule)) {
            _ if fails => RuleStatus::Fail,
            _ if is_expected => RuleStatus::Expected,
            (1.., _) => RuleStatus::Advisory,
            (0, 1..) => RuleStatus::Pass,
            (0, 0) if self.can_show(rule) => RuleStatus::NotReached,
            (0, 0) => RuleStatus::NotShown,
        }
    }

    /// Every rule of the run's profile with its sentence, the number of cases that reached it, and
    /// its status.
    pub fn rule_rows(&self) -> impl Iterator<Item = (Rule, &'static str, u64, RuleStatus)> {
        let row = |rule| (rule, rules::sentence(rule), self.rules.count(rule), self.status(rule));
        self.rules().iter().map(row)
    }

    /// Asserts in a test that the run is clean: without an unexpected failure, and complete. A run
    /// that covers less than [`Options::default`](crate::Options) is never clean; see
    /// [`assert_no_disagreement`](Report::assert_no_disagreement).
    ///
    /// # Panics
    /// If the run is not clean; the message lists the findings, or what is missing.
    #[expect(clippy::panic, reason = "this is how a test fails")]
    #[track_caller]
    pub fn assert_clean(&self) {
        if !self.is_clean() {
            panic!("{}", self.to_text());
        }
    }

    /// Asserts in a test that the run has no unexpected failure; a narrowed run may have missed
    /// rules and situations.
    ///
    /// # Panics
    /// If the run has an unexpected failure, or if it is not narrowed and not clean.
    #[expect(clippy::panic, reason = "this is how a test fails")]
    #[track_caller]
    pub fn assert_no_disagreement(&self) {
        if !self.has_no_disagreement() {
            panic!("{}", self.to_text());
        }
    }

    /// The verdict, what is missing and all unexpected findings, as text without colour.
    pub fn to_text(&self) -> String {
        let mut words = format!("{}\n", self.headline());
        for (kind, what) in self.missing().lines() {
            words.push_str(&format!("  not reached: {kind} {what}\n"));
        }
        let causes = self.causes();
        for cause in causes.findings.iter().filter(|cause| self.counts(cause.first)) {
            words.push_str(&format!("\n{}  cases: {}\n", cause.first.finding, cause.count()));
            let others =
                cause.others.iter().map(|other| format!("  of this cause: {}\n", other.id));
            words.extend(others);
        }
        let scenarios = causes.scenarios.iter().map(|cause| cause.first);
        for failed in scenarios.filter(|failed| self.counts_scenario(failed)) {
            let (phase, name) = (failed.phase.word(), &failed.name);
            words.push_str(&format!("\n{phase}: {name}\n  {}\n", failed.message));
        }
        words
    }
}
