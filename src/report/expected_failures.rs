//! The report as a list of expected failures, for a host that adopts the checker.

use mcp_overlay_model::Rule;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::data::{Expectation, Report, ReportedFinding, ScenarioFailure};
use super::phase::Phase;
use crate::display::one_line;
use crate::rules;

/// The reason of an entry that had none.
const UNKNOWN: &str = "known when this file was written; say why";

/// How the entries of a list name the failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// One entry for each finding and each scenario, so that no entry excuses another failure.
    #[default]
    ByFinding,
    /// One entry for each rule, which excuses every failure of the rule.
    ByRule,
}

/// A file that expects the failures and skips of a run. It keeps the reasons of the list that the
/// run was given. Breakdowns are listed in comments only, because they cannot be expected.
pub fn write(report: &Report, naming: Naming) -> String {
    let mut text = format!(
        "# Failures that {} is known to have. Each entry must go on failing: one that passes, or\n\
         # that matches nothing, fails the run.\n",
        one_line(&report.run.subject)
    );
    let expectable = |found: &&ReportedFinding| {
        let wanted = report.counts(found) || found.expected.is_some();
        wanted && !found.finding.is_breakdown()
    };
    let expectable: Vec<&ReportedFinding> = report.findings.iter().filter(expectable).collect();
    match naming {
        Naming::ByFinding => by_finding(report, &expectable, &mut text),
        Naming::ByRule => by_rule(report, &expectable, &mut text),
    }
    skips(report, &mut text);
    for found in report.findings.iter().filter(|found| found.finding.is_breakdown()) {
        comment(&mut text, &format!("{}: a breakdown cannot be expected", found.id));
    }
    // A reason that somebody wrote is not lost.
    for Expectation { entry, .. } in report.expectations.iter().filter(|known| known.met == 0) {
        comment(&mut text, &format!("no longer fails: {}: {}", entry.what(), entry.reason));
    }
    for skipped in report.skips.allowed().iter().filter(|skipped| skipped.cases == 0) {
        let reason = skipped.allowed.as_deref().unwrap_or_default();
        comment(&mut text, &format!("no longer skipped: {}: {reason}", skipped.skipped));
    }
    text
}

/// A breakdown in a sequence is never expected, and an advisory needs no entry.
fn is_expectable(report: &Report, failed: &ScenarioFailure) -> bool {
    let broke_down = failed.phase == Phase::Sequences && failed.rule.is_none();
    !broke_down && (report.run.strict || !failed.advisory)
}

fn by_finding(report: &Report, expectable: &[&ReportedFinding], text: &mut String) {
    for ReportedFinding { id, expected, finding } in expectable {
        let sentence = match finding.sentence.as_str() {
            "" => finding.verdict.word(),
            sentence => sentence,
        };
        entry(text, &[sentence], ("finding", id), expected.as_deref());
    }
    for failed in report.scenarios.iter().filter(|failed| is_expectable(report, failed)) {
        let sentence = failed.rule.map_or("a requirement of MCP or of safety", rules::sentence);
        entry(text, &[sentence], ("scenario", &failed.name), failed.expected.as_deref());
    }
}

fn by_rule(report: &Report, expectable: &[&ReportedFinding], text: &mut String) {
    let mut broken: BTreeMap<Rule, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for ReportedFinding { id, expected, finding } in expectable {
        match finding.rule {
            None => entry(text, &[finding.verdict.word()], ("finding", id), expected.as_deref()),
            Some(rule) => {
                let (reasons, ids) = broken.entry(rule).or_default();
                reasons.extend(expected.as_deref());
                ids.insert(id);
            }
        }
    }
    for failed in report.scenarios.iter().filter(|failed| is_expectable(report, failed)) {
        match failed.rule {
            None => entry(text, &[], ("scenario", &failed.name), failed.expected.as_deref()),
            Some(rule) => broken.entry(rule).or_default().0.extend(failed.expected.as_deref()),
        }
    }
    for (rule, (reasons, ids)) in broken {
        let reasons: Vec<&str> = reasons.into_iter().collect();
        let reasons = (!reasons.is_empty()).then(|| reasons.join("; "));
        let comments: Vec<&str> = std::iter::once(rules::sentence(rule)).chain(ids).collect();
        entry(text, &comments, ("rule", rule.id()), reasons.as_deref());
    }
}

fn skips(report: &Report, text: &mut String) {
    for skipped in report.skips.all().filter(|skipped| skipped.cases > 0) {
        let given = toml::Value::from(skipped.skipped.as_str());
        let reason = toml::Value::from(skipped.allowed.as_deref().unwrap_or(UNKNOWN));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[skip]]\nskipped = {given}\nreason = {reason}\n");
    }
}

fn entry(text: &mut String, comments: &[&str], (key, name): (&str, &str), reason: Option<&str>) {
    let name = toml::Value::from(name);
    let reason = toml::Value::from(reason.unwrap_or(UNKNOWN));
    let comments: String =
        comments.iter().map(|comment| format!("# {}\n", one_line(comment))).collect();
    // Writing to a string cannot fail.
    let _ = write!(text, "\n{comments}[[expected]]\n{key} = {name}\nreason = {reason}\n");
}

fn comment(text: &mut String, words: &str) {
    let _ = write!(text, "\n# {}\n", one_line(words));
}
