//! The verdict in one line.

use super::data::{Report, RunVerdict, ScenarioFailure};
use crate::display::grouped;

impl Report {
    /// The verdict in one line, such as `clean: 1,945,612 cases, no disagreement`.
    pub fn headline(&self) -> String {
        let compared = grouped(self.compared());
        let expected = match self.expected_count() {
            0 => "no disagreement".to_string(),
            expected => format!("{expected} expected failures and no other"),
        };
        let remarks = self.remarks();
        match self.verdict() {
            RunVerdict::Clean => format!("clean: {compared} cases, {expected}{remarks}"),
            RunVerdict::NoDisagreement if self.expected_count() == 0 => {
                format!("no disagreement in {compared} cases{remarks}{}", self.narrowed())
            }
            RunVerdict::NoDisagreement => {
                format!("{expected} in {compared} cases{remarks}{}", self.narrowed())
            }
            RunVerdict::Incomplete => {
                let missing = self.missing().summary();
                format!("incomplete: {missing}; {expected} in {compared} cases{remarks}")
            }
            RunVerdict::NothingChecked => {
                "nothing was checked: a phase compared no case, which is never a pass".into()
            }
            RunVerdict::Findings => self.findings_headline(),
        }
    }

    fn findings_headline(&self) -> String {
        let unmet = self.unmet().count();
        let mut words = format!("findings: {}", counted(self.cause_count() as u64, "cause"));
        match self.expected_causes() {
            0 => {}
            expected => words.push_str(&format!(", {expected} of them expected")),
        }
        words.push_str(&format!(
            "; {} in {} cases",
            counted(self.failures(), "failure"),
            grouped(self.compared())
        ));
        if self.run.strict && self.advisory_count() > 0 {
            // The phases count broken MUST rules only.
            let advisories = advisories(self.advisory_count());
            words.push_str(&format!(", and {advisories}; --strict counts them"));
        }
        words.push_str(&self.remarks());
        if unmet > 0 {
            words.push_str(&format!("; {} not met", counted(unmet as u64, "expected failure")));
        }
        if let Some(why) = &self.gave_up {
            words.push_str(&format!("; {why}"));
        }
        words
    }

    /// Says that the run was narrowed.
    fn narrowed(&self) -> &'static str {
        if self.run.shard.is_whole() { "; a narrowed run" } else { "; a part of a run" }
    }

    /// The numbers of advisories, skipped cases and slow answers, if there are any.
    fn remarks(&self) -> String {
        let advisories = match self.advisory_count() {
            many if many > 0 && !self.run.strict => format!("; {}", advisories(many)),
            _ => String::new(),
        };
        let unconfirmed = match self.scenarios.iter().filter(|failed| failed.unconfirmed).count() {
            0 => String::new(),
            many => format!("; {many} unconfirmed"),
        };
        let skipped = match self.phases.iter().map(|phase| phase.not_comparable).sum() {
            0 => String::new(),
            skipped => format!("; {} skipped", grouped(skipped)),
        };
        let slow = match self.phases.iter().map(|phase| phase.slow).sum() {
            0 => String::new(),
            1 => "; 1 slow answer".to_string(),
            slow => format!("; {} slow answers", grouped(slow)),
        };
        let unexplained = match (self.without_reason().count(), self.run.strict) {
            (0, _) => String::new(),
            (many, strict) => {
                let entries: String =
                    if many == 1 { "1 entry".into() } else { format!("{many} entries") };
                let fails = if strict { ", which --strict demands" } else { "" };
                format!("; {entries} of the expected failures without a reason{fails}")
            }
        };
        advisories + &unconfirmed + &skipped + &slow + &unexplained
    }

    /// The number of findings about SHOULD rules, those over time included.
    fn advisory_count(&self) -> usize {
        let found = self.findings.iter().filter(|found| found.finding.is_advisory());
        let is_advisory = |failed: &&ScenarioFailure| failed.advisory && !failed.unconfirmed;
        found.count() + self.scenarios.iter().filter(is_advisory).count()
    }

    /// The number of causes of expected failures that occurred.
    fn expected_causes(&self) -> usize {
        let causes = self.causes();
        let findings = causes.findings.iter().filter(|cause| cause.first.expected.is_some());
        let scenarios = causes.scenarios.iter().filter(|cause| cause.first.expected.is_some());
        findings.count() + scenarios.count()
    }

    /// The number of expected failures that occurred.
    fn expected_count(&self) -> usize {
        self.findings.iter().filter(|found| found.expected.is_some()).count()
            + self.scenarios.iter().filter(|failed| failed.expected.is_some()).count()
    }
}

fn advisories(number: usize) -> String {
    if number == 1 { "1 advisory".into() } else { format!("{number} advisories") }
}

/// A number of things: `1 cause`, `2 causes`.
fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}
