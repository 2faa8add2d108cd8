//! The report as JUnit XML, for CI systems: one suite for the subject, one test per rule.

use mcp_overlay_model::Rule;
use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::causes::OneCause;
use super::data::{Report, RuleStatus, RunVerdict};
use crate::display::{clipped, one_line, visible};
use crate::finding::Finding;
use crate::rules;

/// The most characters of a message, which some systems show on one line.
const MESSAGE: usize = 1_000;

/// The most characters of a failure's text.
const TEXT: usize = 50_000;

/// Writes the report.
///
/// # Errors
/// Errors of `out`.
pub fn write(report: &Report, mut out: impl Write) -> io::Result<()> {
    let mut suite = TestSuite::new(one_line(&report.run.subject));
    for (name, value) in properties(report) {
        suite.add_property((name, one_line(&value).as_str()));
    }
    suite.add_test_cases(report.rule_rows().map(|(id, _, _, status)| rule(report, id, status)));
    let causes = report.causes().findings;
    let without_rule = causes.iter().filter(|cause| cause.rule().is_none());
    suite.add_test_cases(without_rule.map(|cause| breakdown(report, cause)));
    suite.add_test_cases(scenarios(report));
    suite.add_test_cases(unmet(report));
    suite.add_test_cases(the_run(report));
    let seconds = report.phases.iter().map(|phase| phase.seconds).sum();
    // A file may contain an invalid time; omit it instead of failing.
    suite.set_time(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let mut file = quick_junit::Report::new("mcp-overlay");
    file.add_test_suite(suite);
    let text = file.to_string().map_err(io::Error::other)?;
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn properties(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let phases: Vec<&str> = run.phases.iter().map(|phase| phase.word()).collect();
    vec![
        ("version", run.version.clone()),
        ("profile", run.profile.clone()),
        ("phases", phases.join(", ")),
        ("seed", run.seed.to_string()),
        ("shard", run.shard.to_string()),
        ("cases", report.compared().to_string()),
        ("verdict", report.verdict().word().into()),
        ("headline", report.headline()),
    ]
}

fn test(report: &Report, name: &str, status: TestCaseStatus) -> TestCase {
    let mut test = TestCase::new(one_line(name), status);
    test.set_classname(one_line(&report.run.profile));
    test
}

fn rule(report: &Report, rule: Rule, status: RuleStatus) -> TestCase {
    let causes = report.causes();
    let broken = causes.findings.iter().filter(|cause| {
        let first = cause.first;
        cause.rule() == Some(rule) && (first.expected.is_some() || report.counts(first))
    });
    let broken = broken.map(|cause| (&cause.first.expected, cause_text(report, cause)));
    let failed = report.scenarios.iter().filter(|failed| {
        failed.rule == Some(rule) && (failed.expected.is_some() || report.counts_scenario(failed))
    });
    let failed =
        failed.map(|failed| (&failed.expected, format!("{}: {}", failed.name, failed.message)));
    let all: Vec<(&Option<String>, String)> = broken.chain(failed).collect();
    let status = match status {
        // JUnit has no status between success and failure.
        RuleStatus::Pass | RuleStatus::Advisory => TestCaseStatus::success(),
        RuleStatus::NotReached => skipped("no case reached it"),
        RuleStatus::NotShown => skipped("this kind of subject does not show it"),
        RuleStatus::Expected => {
            let reasons: Vec<&str> =
                all.iter().filter_map(|(expected, _)| expected.as_deref()).collect();
            skipped(&format!("expected to fail: {}", reasons.join("; ")))
        }
        RuleStatus::Fail => {
            let unexpected = all.iter().filter(|(expected, _)| expected.is_none());
            let texts: Vec<&str> = unexpected.map(|(_, text)| text.as_str()).collect();
            non_success(
                NonSuccessKind::Failure,
                "rule broken",
                rules::sentence(rule),
                &texts.join("\n"),
            )
        }
    };
    test(report, rule.id(), status)
}

/// The smallest finding of a cause, and the ids of the others.
fn cause_text(report: &Report, cause: &OneCause<'_>) -> String {
    let others = cause.others.iter().map(|other| format!("  of this cause: {}\n", other.id));
    let again = report.run.replay(&cause.first.id);
    format!("{}{}  replay: {again}\n", cause.first.finding, others.collect::<String>())
}

/// A cause without a rule: the subject gave no answer.
fn breakdown(report: &Report, cause: &OneCause<'_>) -> TestCase {
    let found = cause.first;
    let Finding { verdict, rule, subject, sentence, .. } = &found.finding;
    let status = match (&found.expected, rule) {
        (Some(reason), _) => skipped(&format!("expected to fail: {reason}")),
        (None, None) => non_success(
            NonSuccessKind::Error,
            verdict.word(),
            &format!("{subject} {verdict}"),
            &cause_text(report, cause),
        ),
        (None, _) => non_success(
            NonSuccessKind::Failure,
            verdict.word(),
            sentence,
            &cause_text(report, cause),
        ),
    };
    test(report, &found.id, status)
}

/// Failed scenarios without a rule that has its own test.
fn scenarios(report: &Report) -> impl Iterator<Item = TestCase> {
    let failed = report.scenarios.iter();
    let without_rule = failed.filter(|failed| failed.rule.is_none());
    without_rule.map(|failed| {
        let status = match &failed.expected {
            Some(reason) => skipped(&format!("expected to fail: {reason}")),
            None if failed.unconfirmed => skipped("unconfirmed: it never failed again"),
            None => non_success(
                NonSuccessKind::Failure,
                "scenario failed",
                &failed.message,
                &failed.message,
            ),
        };
        test(report, &format!("{}: {}", failed.phase.word(), failed.name), status)
    })
}

fn unmet(report: &Report) -> impl Iterator<Item = TestCase> {
    report.unmet().map(|entry| {
        let (kind, words) = match entry.is_skip {
            true => ("skip", "was expected and did not occur"),
            false => ("failure", "was expected to fail and did not"),
        };
        let ty = format!("expected {kind} not met");
        let words = format!("{words}: {}", entry.reason);
        let status = non_success(NonSuccessKind::Failure, &ty, &words, "");
        test(report, &format!("expected {kind}: {}", entry.what), status)
    })
}

/// The run as a whole, if it is not clean for another reason than its findings.
fn the_run(report: &Report) -> Option<TestCase> {
    let words = match (&report.gave_up, report.verdict()) {
        (Some(why), _) => why.clone(),
        (None, RunVerdict::NothingChecked | RunVerdict::Incomplete) => report.headline(),
        (None, RunVerdict::NoDisagreement) => {
            let words = report.headline();
            return Some(test(report, "the run", skipped(&format!("not a complete run: {words}"))));
        }
        (None, RunVerdict::Clean | RunVerdict::Findings) => return None,
    };
    let missing: Vec<String> =
        report.missing().lines().iter().map(|(kind, what)| format!("{kind} {what}")).collect();
    let missing = missing.join("\n");
    let status = non_success(NonSuccessKind::Error, "run incomplete", &words, &missing);
    Some(test(report, "the run", status))
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(clipped(&one_line(message), MESSAGE));
    status
}

fn non_success(kind: NonSuccessKind, ty: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(one_line(ty));
    status.set_message(clipped(&one_line(message), MESSAGE));
    if !text.is_empty() {
        status.set_description(clipped(&visible(text), TEXT));
    }
    status
}
