//! The page for `$GITHUB_STEP_SUMMARY`: Markdown with HTML.

use std::fmt::Write;

use crate::display::grouped;
use crate::display::{clipped, one_line, pretty, visible};
use crate::finding::{Finding, FoundDifference};
use crate::report::causes::OneCause;
use crate::report::data::{Report, RuleStatus, RunVerdict, Shrinking};
use crate::report::diff::{diff, unified};

/// GitHub rejects a summary of more than 1 MiB; the rest is left for other steps.
const MOST_BYTES: usize = 900 * 1024;

/// Bytes reserved for the note about omitted parts.
const OMISSION_NOTE: usize = 1024;

/// The most characters of a finding's case, and of each of its differences.
const PART: usize = 8_000;

/// The most differences of a finding to show.
const DIFFERENCES: usize = 10;

/// The most other findings of a cause to name.
const OTHERS: usize = 20;

/// Markdown for `$GITHUB_STEP_SUMMARY`, of less than 900 KiB.
pub fn summary(report: &Report) -> String {
    let mut page = Page { text: String::new(), left_out: Vec::new() };
    let mark = match report.verdict() {
        RunVerdict::Clean => "✅",
        RunVerdict::NoDisagreement => "☑️",
        RunVerdict::Incomplete | RunVerdict::Findings | RunVerdict::NothingChecked => "❌",
    };
    let run = &report.run;
    let whole = run.shard.is_whole();
    let part = if whole { String::new() } else { format!(", part {}", run.shard) };
    page.push(&format!(
        "## {mark} mcp-overlay: {}\n\n{}\n\n",
        code(&run.subject),
        escaped(&report.headline())
    ));
    page.push(&format!(
        "{} against {}, seed {}{part}\n\n",
        code(&format!("mcp-overlay {}", run.version)),
        code(&run.profile),
        run.seed,
    ));
    page.push(&phases(report));
    let notices = report.notices();
    let notices = notices.iter().map(|notice| format!("- {}\n", escaped(notice)));
    if !report.notices().is_empty() {
        page.all("lines of what is not shown", "### Not shown\n\n", notices);
    }
    page.all("lines of what was not reached", "### Not reached\n\n", missing(report));
    page.all("broken rules", "### Broken rules\n\n", broken_rules(report));
    let causes = report.causes();
    page.all(
        "findings",
        "### Findings\n\n",
        causes.findings.iter().map(|cause| finding(cause, report)),
    );
    page.all("scenarios", "### Scenarios that failed\n\n", scenarios(report));
    page.all("expected failures", "### Expected failures that were not met\n\n", unmet(report));
    page.ended()
}

/// A page with a size limit, which lists the parts that it omits.
struct Page {
    text: String,
    left_out: Vec<String>,
}

impl Page {
    fn has_room(&self, more: usize) -> bool {
        self.text.len() + more + OMISSION_NOTE < MOST_BYTES
    }

    fn push(&mut self, text: &str) {
        if self.has_room(text.len()) {
            self.text.push_str(text);
        }
    }

    /// Adds as many of the parts as fit, below a heading if there are any.
    fn all(&mut self, what: &str, heading: &str, parts: impl Iterator<Item = String>) {
        let mut left_out = 0;
        for (position, part) in parts.enumerate() {
            let heading = if position == 0 { heading } else { "" };
            if left_out == 0 && self.has_room(heading.len() + part.len()) {
                self.text.push_str(heading);
                self.text.push_str(&part);
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            self.left_out.push(format!("{left_out} {what}"));
        }
        self.push("\n");
    }

    fn ended(mut self) -> String {
        if !self.left_out.is_empty() {
            let left_out = self.left_out.join(", ");
            self.text.push_str(&format!(
                "\nNot shown here, for want of room: {left_out}. The JSON report has everything.\n"
            ));
        }
        format!("{}\n", self.text.trim_end())
    }
}

fn phases(report: &Report) -> String {
    let mut table =
        String::from("| phase | cases | asked again | not comparable | failing | time |\n");
    table.push_str("|:--|--:|--:|--:|--:|--:|\n");
    for phase in &report.phases {
        let early = if phase.cut_short { " (ended early)" } else { "" };
        let slow = match phase.slow {
            0 => String::new(),
            slow => format!(" ({} slow)", grouped(slow)),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {}{early}{slow} | {} | {} | {} | {} | {:.1} s |",
            phase.phase.word(),
            grouped(phase.cases),
            grouped(phase.asked_again),
            grouped(phase.not_comparable),
            grouped(phase.failures),
            phase.seconds
        );
    }
    if let Some(Shrinking { cases, seconds }) = report.shrinking {
        let _ = writeln!(table, "| shrinking | {} | - | - | - | {seconds:.1} s |", grouped(cases));
    }
    table.push('\n');
    table
}

fn missing(report: &Report) -> impl Iterator<Item = String> {
    let lines = report.missing().lines().into_iter();
    lines.map(|(kind, what)| format!("- {kind} {}\n", escaped(&what)))
}

fn broken_rules(report: &Report) -> impl Iterator<Item = String> {
    report.rule_rows().filter_map(|(id, sentence, _, status)| match status {
        RuleStatus::Fail => Some(format!("- {}: {}\n", code(id.id()), self::sentence(sentence))),
        RuleStatus::Expected => {
            Some(format!("- {}, as expected: {}\n", code(id.id()), self::sentence(sentence)))
        }
        RuleStatus::Advisory => {
            Some(format!("- {}, an advisory: {}\n", code(id.id()), self::sentence(sentence)))
        }
        RuleStatus::Pass | RuleStatus::NotReached | RuleStatus::NotShown => None,
    })
}

fn finding(cause: &OneCause<'_>, report: &Report) -> String {
    let (found, count) = (cause.first, cause.count());
    let Finding { subject, verdict, rule, sentence, note, .. } = &found.finding;
    let headline = match rule {
        None => format!("{} {}", code(subject), escaped(verdict.word())),
        Some(rule) => format!("{} ({})", code(rule.id()), escaped(verdict.word())),
    };
    let mut text = format!("<details><summary>{headline}, cases: {}</summary>\n\n", grouped(count));
    let mut say = |words: String| {
        text.push_str(&words);
        text.push_str("\n\n");
    };
    if !sentence.is_empty() {
        say(self::sentence(sentence));
    }
    if let Some(reason) = &found.expected {
        say(format!("Expected: {}", escaped(reason)));
    }
    if let Some(form) = found.finding.form {
        say(format!("Sent as: {form}"));
    }
    if !note.is_empty() {
        say(format!("Note: {}", escaped(note)));
    }
    for difference in found.finding.differences.iter().take(DIFFERENCES) {
        say(self::difference(difference));
    }
    let more = found.finding.differences.len().saturating_sub(DIFFERENCES);
    if more > 0 {
        say(format!("{more} more differences; the JSON report has them."));
    }
    for (words, case) in
        [("Asked before:", found.finding.after.as_ref()), ("Case:", Some(&found.finding.case))]
    {
        if let Some(case) = case {
            let case = serde_json::to_value(case).unwrap_or_default();
            say(format!("{words}\n\n{}", fenced("json", &pretty(&case))));
        }
    }
    say(format!("Finding {}; to see it again:", code(&found.id)));
    say(fenced("sh", &report.run.replay(&found.id)));
    if !cause.others.is_empty() {
        let ids: Vec<String> =
            cause.others.iter().take(OTHERS).map(|other| code(&other.id)).collect();
        let ids = ids.join(", ");
        say(format!("{} more of this cause: {ids}", grouped(cause.others.len() as u64)));
    }
    text.push_str("</details>\n");
    text
}

fn difference(difference: &FoundDifference) -> String {
    let FoundDifference { place, rule, because, expected, actual } = difference;
    let rule = rule.map(|rule| format!("{}: ", code(rule.id()))).unwrap_or_default();
    let (expected, actual) = match difference.outcomes() {
        Some((expected, actual)) => (expected, actual),
        None => (pretty(expected), pretty(actual)),
    };
    let diff = unified(&diff(&expected, &actual));
    let diff = fenced("diff", &diff);
    match because.trim().contains('\n') {
        false => format!("{} ({rule}{})\n\n{diff}", code(place), escaped(because)),
        // The output of a subject that crashed.
        true => format!("{}\n\n{}\n\n{diff}", code(place), fenced("text", &visible(because))),
    }
}

fn scenarios(report: &Report) -> impl Iterator<Item = String> {
    report.scenarios.iter().map(|failed| {
        let rule = failed.rule.map(|rule| format!(" ({})", code(rule.id())));
        let expected = failed.expected.as_ref();
        let expected = expected.map(|reason| format!(" (expected: {})", escaped(reason)));
        format!(
            "- {}{}{}: {}\n",
            code(&failed.name),
            rule.unwrap_or_default(),
            expected.unwrap_or_default(),
            escaped(&failed.message)
        )
    })
}

fn unmet(report: &Report) -> impl Iterator<Item = String> {
    report.unmet().map(|entry| format!("- {}: {}\n", code(entry.what), escaped(entry.reason)))
}

/// A code block that its text cannot close: its fence is longer than any in the text.
fn fenced(language: &str, text: &str) -> String {
    let text = clipped(text, PART);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

/// Escapes text for Markdown and HTML, on one line: it writes punctuation as character references,
/// which Markdown never interprets.
fn escaped(text: &str) -> String {
    let text = clipped(&one_line(text), PART);
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            ' ' | ',' | '\u{80}'.. => out.push(c),
            c if c.is_ascii_alphanumeric() => out.push(c),
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out
}

/// A sentence of the specification, with its names in backticks as code.
fn sentence(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(position, part)| match position % 2 {
        0 => spaced(part),
        _ => code(part),
    });
    parts.collect()
}

/// [`escaped`], but keeps the spaces around the text.
fn spaced(part: &str) -> String {
    let space = |there: bool| if there { " " } else { "" };
    let (before, after) = (part.starts_with(' '), part.ends_with(' '));
    format!("{}{}{}", space(before), escaped(part), space(after && part.trim() != ""))
}

/// A name as code, where GitHub does not link mentions.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}
