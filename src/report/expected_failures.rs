//! The report as a list of expected failures, for a host that adopts the checker.

use mcp_overlay_model::Rule;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::data::{Expectation, Report, ReportedFinding, ScenarioFailure};
use crate::display::one_line;
use crate::finding::Finding;
use crate::finding::expected::{ALSO_KNOWN, Expected, NO_LONGER};
use crate::rules;

/// The reason of an entry that had none.
pub(super) const UNKNOWN: &str = "known when this file was written; say why";

/// How the entries of a list name the failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// One entry for each finding and each scenario, so that no entry excuses another failure.
    #[default]
    ByFinding,
    /// One entry for each rule, which excuses every failure of the rule.
    ByRule,
}

/// A file that expects the failures and skips of a run. It keeps the reasons of `before`, the list that
/// the run was given. Breakdowns are listed in comments only, because they cannot be expected.
pub fn write(report: &Report, naming: Naming, before: &Expected) -> String {
    let mut text = format!(
        "# Failures that {} is known to have. Each entry must go on failing: one that passes, or\n\
         # that matches nothing, fails the run.\n",
        one_line(&report.run.subject)
    );
    let expectable = |found: &&ReportedFinding| {
        let wanted = report.counts(found) || found.expected.is_some();
        wanted && !found.finding.is_breakdown()
    };
    let mut expectable: Vec<&ReportedFinding> = report.findings.iter().filter(expectable).collect();
    // In an order that does not depend on what was asked first.
    expectable.sort_by_key(|found| &found.id);
    match naming {
        Naming::ByFinding => by_finding(report, &expectable, &mut text),
        Naming::ByRule => by_rule(report, &expectable, &mut text),
    }
    not_asked(report, &mut text);
    skips(report, &mut text);
    for found in report.findings.iter().filter(|found| found.finding.is_breakdown()) {
        comment(&mut text, &format!("{}: a breakdown cannot be expected", found.id));
    }
    // A reason that somebody wrote is not lost.
    let mut gone: BTreeSet<String> = before.remembered().iter().cloned().collect();
    for Expectation { entry, met } in &report.expectations {
        if *met == 0 && !report.was_asked(entry) {
            continue;
        }
        let words = format!("{}: {}", entry.what(), entry.reason);
        match (*met, text.contains(&entry.reason)) {
            (0, _) => drop(gone.insert(one_line(&format!("{NO_LONGER}fails: {words}")))),
            (_, true) => {}
            (_, false) => drop(gone.insert(one_line(&format!("{ALSO_KNOWN}{words}")))),
        }
    }
    for skipped in report.skips.allowed().iter().filter(|skipped| skipped.cases == 0) {
        let reason = skipped.allowed.as_deref().unwrap_or_default();
        gone.insert(one_line(&format!("{NO_LONGER}skipped: {}: {reason}", skipped.skipped)));
    }
    for line in gone {
        let _ = write!(text, "\n{line}\n");
    }
    text
}

/// A breakdown in a sequence is never expected, and an advisory needs no entry.
fn is_expectable(report: &Report, failed: &ScenarioFailure) -> bool {
    let broke_down = failed.phase.is_of_sequences() && failed.rule.is_none();
    !broke_down && !report.is_advisory(failed)
}

/// The scenarios and sequences to expect, one of each name.
fn scenarios(report: &Report) -> impl Iterator<Item = &ScenarioFailure> {
    let failed = report.scenarios.iter().filter(|failed| is_expectable(report, failed));
    failed.map(|failed| (&failed.name, failed)).collect::<BTreeMap<_, _>>().into_values()
}

fn by_finding(report: &Report, expectable: &[&ReportedFinding], text: &mut String) {
    for ReportedFinding { id, expected, finding } in expectable {
        let sentence = match finding.sentence.as_str() {
            "" => finding.verdict.word(),
            sentence => sentence,
        };
        entry(text, &[sentence], ("finding", id), expected.as_deref());
        if let Some(case) = stored(finding) {
            let _ = writeln!(text, "case = {}", toml::Value::from(case));
            if !finding.delivery.is_file() {
                let delivery = serde_json::to_string(&finding.delivery).unwrap_or_default();
                let _ = writeln!(text, "delivery = {delivery}");
            }
        }
    }
    for failed in scenarios(report) {
        let sentence = failed.rule.map_or("a requirement of MCP or of safety", rules::sentence);
        entry(text, &[sentence], ("scenario", &failed.name), failed.expected.as_deref());
        let sequence = failed.sequence.as_ref().filter(|_| failed.rule.is_some());
        let sequence = sequence.and_then(|sequence| serde_json::to_string(sequence).ok());
        if let Some(sequence) = sequence.filter(|sequence| sequence.len() <= STORED) {
            let _ = writeln!(text, "sequence = {}", toml::Value::from(sequence));
        }
    }
}

/// The entries that a narrowed run did not ask about stay as they are.
fn not_asked(report: &Report, text: &mut String) {
    for kept in report.not_asked() {
        let written = toml::to_string(kept).unwrap_or_default();
        let _ = write!(text, "\n# not asked in the run that wrote this\n[[expected]]\n{written}");
    }
}

/// The largest case that a list stores, in bytes of JSON.
const STORED: usize = 4_000;

/// The case of a finding that fails whenever it is asked.
fn stored(finding: &Finding) -> Option<String> {
    let case = serde_json::to_string(&finding.case).ok()?;
    (finding.fails_alone() && case.len() <= STORED).then_some(case)
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
    for failed in scenarios(report) {
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
