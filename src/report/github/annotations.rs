//! Workflow commands: annotations on the run.

use crate::display::{clipped, visible};
use crate::report::data::{Report, RunVerdict};

/// The most annotations; GitHub shows ten per step, the log has the others.
const MOST: usize = 50;

/// The most characters of an annotation.
const MESSAGE: usize = 4_000;

/// Workflow commands, one per line, for a step's standard output.
pub fn annotations(report: &Report) -> String {
    let errors = errors(report);
    let mut out = String::new();
    for (title, message) in errors.iter().take(MOST) {
        out.push_str(&command("error", title, message));
    }
    if errors.len() > MOST {
        let more = format!("{} more, see the summary", errors.len() - MOST);
        out.push_str(&command("error", "mcp-overlay", &more));
    }
    let kind = match report.verdict() {
        RunVerdict::Clean | RunVerdict::NoDisagreement => "notice",
        RunVerdict::Incomplete | RunVerdict::Findings | RunVerdict::NothingChecked => "error",
    };
    let mut verdict = report.headline();
    for (kind, what) in report.missing().lines() {
        verdict.push_str(&format!("\nnot reached: {kind} {what}"));
    }
    out.push_str(&command(kind, "mcp-overlay", &verdict));
    out
}

/// Title and text of every failure that counts.
fn errors(report: &Report) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    let causes = report.causes();
    for cause in causes.findings.iter().filter(|cause| report.counts(cause.first)) {
        let found = cause.first;
        let finding = &found.finding;
        let what = finding.rule_or_verdict();
        let more = match cause.others.len() {
            0 => String::new(),
            others => format!("\n  {others} more of this cause"),
        };
        let again = report.run.replay(&found.id);
        let text = format!("{finding}  finding: {}{more}\n  replay: {again}", found.id);
        errors.push((format!("mcp-overlay: {what}"), text));
    }
    let scenarios = causes.scenarios.iter().map(|cause| cause.first);
    for failed in scenarios.filter(|failed| report.counts_scenario(failed)) {
        let rule = failed.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
        let text = format!("{}{rule}\n{}", failed.name, failed.message);
        errors.push((format!("mcp-overlay: {}", failed.phase.word()), text));
    }
    for entry in report.unmet() {
        let text = format!(
            "{} was expected to {} and did not; drop the entry\nit says: {}",
            entry.what,
            if entry.is_skip { "be skipped" } else { "fail" },
            entry.reason
        );
        errors.push(("mcp-overlay: expected failure not met".to_string(), text));
    }
    errors
}

fn command(kind: &str, title: &str, message: &str) -> String {
    let title = clipped(&visible(title), 200);
    let message = clipped(&visible(message), MESSAGE);
    let (title, message) = (property(&title), data(message.trim_end()));
    format!("::{kind} title={title}::{message}\n")
}

/// Escapes the message of a workflow command as GitHub's toolkit does.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
