//! What a run came to, as data: the last event of a run, what `merge` joins, and what every file is a
//! rendering of.

use mcp_overlay_model::{Profile, Rule, RuleSet};
use serde::{Deserialize, Serialize};

use crate::cases::labels::LabelCounts;
use crate::display::grouped;
use crate::finding::Finding;
use crate::finding::expected::{Entry, Expected};
use crate::rules;
use crate::rules::coverage::RuleCounts;

use super::phase::Phase;
use super::shard::Shard;

/// The outcome of a run, or of several that were merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was run.
    pub run: RunOptions,
    /// Phase by phase.
    pub phases: Vec<PhaseReport>,
    /// How often each rule was reached.
    pub rules: RuleCounts,
    /// Distinct minimal failures.
    pub findings: Vec<ReportedFinding>,
    /// Scenarios of the endpoint phase that failed.
    pub scenarios: Vec<ScenarioFailure>,
    /// The situations that the random cases were in.
    pub labels: LabelCounts,
    /// Each expected failure, with how often it was met.
    pub expectations: Vec<Expectation>,
    /// Why the run ended before its end.
    pub gave_up: Option<String>,
}

/// What was run: two reports with the same of these but for the shard are parts of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Version of this tool.
    pub version: String,
    /// The subject's name.
    pub subject: String,
    /// The rules that count.
    pub profile: String,
    /// The phases.
    pub phases: Vec<Phase>,
    /// Names the stream of random cases.
    pub seed: u64,
    /// Random cases; nothing is "until the time is up".
    pub cases: Option<u64>,
    /// The longest time of the random phase, in seconds.
    pub time: Option<u64>,
    /// The share of cases asked again, in percent.
    pub twice: f64,
    /// Which part of the run this is.
    pub shard: Shard,
    /// Whether an advisory counts like a failure.
    #[serde(default)]
    pub strict: bool,
}

/// The outcome of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// Which.
    pub phase: Phase,
    /// Cases judged.
    pub cases: u64,
    /// Answers more, to cases asked again.
    pub asked_again: u64,
    /// Of the cases, those that the subject does not do.
    pub not_comparable: u64,
    /// Of the cases of a running host, those that had to be changed to be within its reach; nothing
    /// for a subject that says its views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought_within_reach: Option<u64>,
    /// Failures, expected ones too.
    pub failures: u64,
    /// Whether it ended before its last case, because enough had failed.
    pub cut_short: bool,
    /// How long it took.
    pub seconds: f64,
}

/// A finding of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedFinding {
    /// [`Finding::id`].
    pub id: String,
    /// Why it was to be expected, if it was.
    pub expected: Option<String>,
    /// What was found.
    pub finding: Finding,
}

/// A scenario that did not go as the specification says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioFailure {
    /// The scenario.
    pub name: String,
    /// The rule that it stands for; none for what MCP or the host's own safety asks.
    pub rule: Option<Rule>,
    /// What was expected and what happened.
    pub message: String,
    /// Why it was to be expected, if it was.
    pub expected: Option<String>,
}

/// An expected failure and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// As it was written.
    pub entry: Entry,
    /// Findings and scenarios that it matched.
    pub met: u64,
}

/// What a run says in the end; the exit status says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// Everything was checked, and nothing failed that was not expected to.
    Clean,
    /// Something failed, or an expected failure did not.
    Findings,
    /// Nothing failed, but a phase compared no case: that is never a pass.
    NothingChecked,
}

/// What a run says about one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleStatus {
    /// Reached, and never broken.
    Pass,
    /// Broken as expected.
    Expected,
    /// A SHOULD rule that the subject does not follow.
    Advisory,
    /// Broken.
    Fail,
    /// No case that was looked at came near it.
    NotReached,
}

impl Report {
    /// The report of a run that has not begun.
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
            gave_up: None,
        }
    }

    /// Counts what each expected failure matched.
    pub(crate) fn settle_expectations(&mut self) {
        for Expectation { entry, met } in &mut self.expectations {
            let found = self.findings.iter().filter(|found| entry.matches(&found.finding)).count();
            let scenarios = self.scenarios.iter();
            let failed = scenarios.filter(|s| s.rule.is_some() && s.rule == entry.rule).count();
            *met = (found + failed) as u64;
        }
    }

    /// Whether the least shares of the labels are about this run's random cases: they are held for
    /// cases as they are drawn, not narrowed to what a running host can be asked.
    pub fn has_least_shares(&self) -> bool {
        self.phases.iter().all(|phase| phase.brought_within_reach.is_none())
    }

    /// The rules of the run's profile.
    pub fn rules(&self) -> RuleSet {
        Profile::try_from(self.run.profile.clone()).unwrap_or_default().rules()
    }

    /// Cases that were compared, in all phases.
    pub fn compared(&self) -> u64 {
        self.phases.iter().map(|phase| phase.cases - phase.not_comparable).sum()
    }

    /// Failures in all phases, expected ones too.
    pub fn failures(&self) -> u64 {
        self.phases.iter().map(|phase| phase.failures).sum()
    }

    /// Expected failures that were not met. In a part of a run they may be in another part.
    pub fn unmet(&self) -> impl Iterator<Item = &Entry> {
        let whole = self.run.shard.is_whole();
        let unmet = self.expectations.iter().filter(move |e| whole && e.met == 0);
        unmet.map(|expectation| &expectation.entry)
    }

    /// Whether a finding fails the run: it was not expected, and it is no advisory unless those count
    /// too.
    pub fn counts(&self, found: &ReportedFinding) -> bool {
        found.expected.is_none() && (self.run.strict || !found.finding.is_advisory())
    }

    /// The findings that only say which SHOULD rules are not followed, and do not fail the run.
    pub fn advisories(&self) -> impl Iterator<Item = &ReportedFinding> {
        let is_advisory = |found: &&ReportedFinding| found.finding.is_advisory();
        self.findings.iter().filter(|_| !self.run.strict).filter(is_advisory)
    }

    /// What the run says in the end.
    pub fn verdict(&self) -> RunVerdict {
        let unexpected = self.findings.iter().any(|found| self.counts(found))
            || self.scenarios.iter().any(|scenario| scenario.expected.is_none());
        // A phase may have fewer cases than the run has parts.
        let checked = |phase: &PhaseReport| {
            phase.cases > phase.not_comparable || (phase.cases == 0 && !self.run.shard.is_whole())
        };
        let all_checked = self.run.phases.len() == self.phases.len()
            && self.phases.iter().all(checked)
            && self.compared() > 0;
        if unexpected || self.gave_up.is_some() || self.unmet().next().is_some() {
            RunVerdict::Findings
        } else if all_checked {
            RunVerdict::Clean
        } else {
            RunVerdict::NothingChecked
        }
    }

    /// Whether everything was checked and nothing failed that was not expected to.
    pub fn is_clean(&self) -> bool {
        self.verdict() == RunVerdict::Clean
    }

    /// What the run says about a rule.
    pub fn status(&self, rule: Rule) -> RuleStatus {
        let findings = self.findings.iter().filter(|found| found.finding.rule == Some(rule));
        let scenarios = self.scenarios.iter().filter(|scenario| scenario.rule == Some(rule));
        let fails = findings.clone().any(|found| self.counts(found))
            || scenarios.clone().any(|scenario| scenario.expected.is_none());
        let is_expected = findings.clone().any(|found| found.expected.is_some())
            || scenarios.clone().any(|scenario| scenario.expected.is_some());
        match (findings.count(), self.rules.count(rule)) {
            _ if fails => RuleStatus::Fail,
            _ if is_expected => RuleStatus::Expected,
            (1.., _) => RuleStatus::Advisory,
            (0, 1..) => RuleStatus::Pass,
            (0, 0) => RuleStatus::NotReached,
        }
    }

    /// Every rule of the run's profile with its sentence, how often it was reached and its status.
    pub fn rule_rows(&self) -> impl Iterator<Item = (Rule, &'static str, u64, RuleStatus)> {
        let row = |rule| (rule, rules::sentence(rule), self.rules.count(rule), self.status(rule));
        self.rules().iter().map(row)
    }

    /// Ends a test: nothing if the run is clean.
    ///
    /// # Panics
    /// With the findings in words if it is not.
    #[expect(clippy::panic, reason = "this is how a test fails")]
    #[track_caller]
    pub fn assert_clean(&self) {
        if !self.is_clean() {
            panic!("{}", self.in_words());
        }
    }

    /// The verdict and every unexpected finding, as text without colour.
    pub fn in_words(&self) -> String {
        let mut words = format!("{}\n", self.headline());
        for found in self.findings.iter().filter(|found| self.counts(found)) {
            words.push_str(&format!("\n{}  cases: {}\n", found.finding, found.finding.count));
        }
        for failed in self.scenarios.iter().filter(|failed| failed.expected.is_none()) {
            words.push_str(&format!("\nendpoint: {}\n  {}\n", failed.name, failed.message));
        }
        words
    }

    /// The verdict in one line, such as `clean: 1,945,612 cases, no disagreement`.
    pub fn headline(&self) -> String {
        let compared = grouped(self.compared());
        let skipped = match self.phases.iter().map(|phase| phase.not_comparable).sum() {
            0 => String::new(),
            skipped => format!("; {} skipped", grouped(skipped)),
        };
        let advisories = match self.advisories().count() {
            0 => String::new(),
            1 => "; 1 advisory".to_string(),
            many => format!("; {many} advisories"),
        };
        let expected = self.findings.iter().filter(|found| found.expected.is_some()).count()
            + self.scenarios.iter().filter(|failed| failed.expected.is_some()).count();
        match self.verdict() {
            RunVerdict::Clean if expected > 0 => {
                format!(
                    "clean: {compared} cases, {expected} expected failures and no other\
                     {advisories}{skipped}"
                )
            }
            RunVerdict::Clean => {
                format!("clean: {compared} cases, no disagreement{advisories}{skipped}")
            }
            RunVerdict::NothingChecked => {
                "nothing was checked: a phase compared no case, which is never a pass".into()
            }
            RunVerdict::Findings => {
                let found = self.findings.len() - self.advisories().count() + self.scenarios.len();
                let unmet = self.unmet().count();
                let mut words = format!(
                    "findings: {} failures in {compared} cases, {} distinct after minimising",
                    grouped(self.failures()),
                    found
                );
                if expected > 0 {
                    words.push_str(&format!(", {expected} of them expected"));
                }
                words.push_str(&advisories);
                words.push_str(&skipped);
                if unmet > 0 {
                    words.push_str(&format!("; {unmet} expected failures were not met"));
                }
                if let Some(why) = &self.gave_up {
                    words.push_str(&format!("; {why}"));
                }
                words
            }
        }
    }
}
