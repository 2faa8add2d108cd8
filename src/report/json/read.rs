//! Reads a report, and rejects any damaged file.

use mcp_overlay_model::Rule;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::lines::{End, FORMAT, Header, RuleLine};
use crate::cases::labels::LabelCounts;
use crate::display::{clipped, one_line};
use crate::report::data::{
    Expectation, PhaseReport, Report, ReportedFinding, RunVerdict, ScenarioFailure, Shrinking,
};
use crate::report::skips::{Skipped, Skips};
use crate::rules::coverage::RuleCounts;

/// The largest count: every JSON reader reads it exactly, and the sum over a thousand parts of a
/// run fits in a `u64`.
const MOST: u64 = 1 << 53;

/// The deepest nesting of a line. An answer has up to 128 levels, and its line adds a few.
const DEEPEST: usize = 192;

/// Why a text is not a report. No message quotes a file that is not a report, because it may be any
/// file.
#[derive(Debug, thiserror::Error)]
pub enum BadReport {
    /// Not a report.
    #[error(
        "{place}:1: found {found}, expected the first line of a report: {{\"report\":{FORMAT},…}}\n  \
         help: give a file that `mcp-overlay check --json FILE` wrote"
    )]
    NotAReport {
        /// The file.
        place: String,
        /// A description of its first line.
        found: &'static str,
    },
    /// A report in another version of the format.
    #[error(
        "{place}:1: found a report of format {found}, expected format {FORMAT}\n  \
         help: read it with the version that wrote it, or run the check again with this one"
    )]
    OtherFormat {
        /// The file.
        place: String,
        /// Its version.
        found: u64,
    },
    /// The end is missing.
    #[error(
        "{place}:{line}: cut off: found the end of the file, expected a last line {{\"end\":…}}\n  \
         help: the run was stopped, or not all of the file was copied; copy it or run again"
    )]
    CutOff {
        /// The file.
        place: String,
        /// The last line in the file.
        line: usize,
    },
    /// A line that does not belong in a report.
    #[error("{place}:{line}: found {found}, expected {expected}\n  help: run the check again")]
    Line {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The problem.
        found: String,
        /// What is expected instead.
        expected: String,
    },
    /// A duplicate line.
    #[error(
        "{place}:{line}: found {what} again, expected it once, on line {first}\n  \
         help: the file was changed after it was written; run the check again"
    )]
    Twice {
        /// The file.
        place: String,
        /// The second line, from 1.
        line: usize,
        /// The first.
        first: usize,
        /// What is duplicated.
        what: String,
    },
    /// The number of lines is wrong.
    #[error(
        "{place}:{line}: found {found} lines, expected the {expected} that the last one counts\n  \
         help: the file was changed after it was written; run the check again"
    )]
    Count {
        /// The file.
        place: String,
        /// The last line.
        line: usize,
        /// The number of lines in the file.
        found: u64,
        /// The number of lines that were written.
        expected: u64,
    },
    /// A line after the last line.
    #[error(
        "{place}:{line}: found a line after {{\"end\":…}}, expected the end of the file\n  \
         help: give each report as a file of its own"
    )]
    AfterEnd {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
    },
    /// The last line contradicts the others.
    #[error(
        "{place}:{line}: found the verdict \"{}\", expected \"{}\", which is what the \
         lines say\n  help: the file was changed after it was written; run the check again",
        found.word(),
        expected.word()
    )]
    Verdict {
        /// The file.
        place: String,
        /// The last line.
        line: usize,
        /// The verdict in the last line.
        found: RunVerdict,
        /// The verdict that follows from the other lines.
        expected: RunVerdict,
    },
}

/// Any line but the first.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Phase(PhaseReport),
    Rule(RuleLine),
    Finding(Box<ReportedFinding>),
    Scenario(ScenarioFailure),
    Expectation(Expectation),
    Skip(Skipped),
    Labels(Box<LabelCounts>),
    Shrinking(Shrinking),
    End(End),
}

impl Line {
    /// Identifies the content of the line, which may occur only once.
    fn what(&self) -> String {
        match self {
            Line::Phase(phase) => format!("the phase {}", phase.phase.word()),
            Line::Rule(rule) => format!("the rule {:?}", rule.id.id()),
            Line::Finding(found) => format!("the finding {:?}", found.id),
            Line::Scenario(failed) => {
                format!("the scenario {:?} of {}", failed.name, failed.phase.word())
            }
            Line::Expectation(Expectation { entry, .. }) => match &entry.rule {
                Some(rule) => format!("the expected failure of the rule {:?}", rule.id()),
                None => format!("the expected finding or scenario {:?}", entry.what()),
            },
            Line::Skip(Skipped { skipped, allowed, .. }) => {
                format!(
                    "the skip {skipped:?}, {}",
                    if allowed.is_some() { "allowed" } else { "not allowed" }
                )
            }
            Line::Labels(_) => "the line of labels".into(),
            Line::Shrinking(_) => "the line of shrinking".into(),
            Line::End(_) => "the end".into(),
        }
    }

    /// Why the values of the line are impossible.
    fn problem(&self) -> Option<String> {
        let (words, most, counts) = match self {
            Line::Phase(PhaseReport { seconds, .. }) if *seconds < 0.0 => {
                return Some(format!("{seconds} seconds"));
            }
            Line::Shrinking(Shrinking { seconds, .. }) if *seconds < 0.0 => {
                return Some(format!("{seconds} seconds"));
            }
            Line::Shrinking(shrinking) => ("cases", MOST, vec![shrinking.cases]),
            Line::Phase(p) if p.not_comparable > p.cases => {
                ("cases not comparable", p.cases, vec![p.not_comparable])
            }
            Line::Phase(p) => ("cases", MOST, vec![p.cases, p.asked_again, p.failures, p.slow]),
            Line::Rule(rule) => ("cases", MOST, vec![rule.reached]),
            Line::Finding(found) => ("cases", MOST, vec![found.finding.count]),
            Line::Expectation(expectation) => ("findings", MOST, vec![expectation.met]),
            Line::Skip(skipped) => ("cases", MOST, vec![skipped.cases]),
            Line::Labels(labels) if labels.cases > MOST => ("cases", MOST, vec![labels.cases]),
            Line::Labels(labels) => ("cases of a situation", labels.cases, labels.all().collect()),
            Line::Scenario(_) | Line::End(_) => return None,
        };
        let too_many = counts.into_iter().find(|count| *count > most);
        too_many.map(|count| format!("{count} {words}, more than {most}"))
    }
}

/// Reads a report; `place` names it in errors.
///
/// # Errors
/// The first reason why the text is not a report.
pub fn read(text: &str, place: &str) -> Result<Report, BadReport> {
    let mut lines = text.lines().enumerate();
    let (_, first) = lines.next().unwrap_or_default();
    let mut reader = Reader { place, report: header(first, text, place)?, seen: BTreeMap::new() };
    let mut counts = BTreeMap::new();
    for (position, line) in lines {
        let number = position + 1;
        match reader.line(line, number, is_last(line, text))? {
            Line::End(end) => {
                reader.report.rules = rule_counts(counts);
                return reader.end(end, number, text.lines().count());
            }
            Line::Rule(rule) => drop(counts.insert(rule.id, rule.reached)),
            Line::Phase(phase) => reader.report.phases.push(phase),
            Line::Finding(found) => reader.report.findings.push(*found),
            Line::Scenario(failed) => reader.report.scenarios.push(failed),
            Line::Expectation(expectation) => reader.report.expectations.push(expectation),
            Line::Skip(skipped) => reader.report.skips.add(skipped),
            Line::Labels(labels) => reader.report.labels = *labels,
            Line::Shrinking(shrinking) => reader.report.shrinking = Some(shrinking),
        }
    }
    Err(BadReport::CutOff { place: place.into(), line: text.lines().count() })
}

fn rule_counts(mut counts: BTreeMap<Rule, u64>) -> RuleCounts {
    counts.retain(|_, reached| *reached > 0);
    // The counts are serialized as a map from text to numbers.
    serde_json::to_value(counts).and_then(serde_json::from_value).unwrap_or_default()
}

/// Whether the text is cut off within this line: every complete line ends with `\n`.
fn is_last(line: &str, text: &str) -> bool {
    !text.ends_with('\n') && text.ends_with(line)
}

fn header(line: &str, text: &str, place: &str) -> Result<Report, BadReport> {
    let none = |found| BadReport::NotAReport { place: place.into(), found };
    let value: serde_json::Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) if error.is_eof() && line.starts_with('{') && is_last(line, text) => {
            return Err(BadReport::CutOff { place: place.into(), line: 1 });
        }
        Err(_) if text.is_empty() => return Err(none("an empty file")),
        Err(_) => return Err(none("a line that is not JSON")),
    };
    match value.get("report").and_then(serde_json::Value::as_u64) {
        None => return Err(none("JSON that does not say of which format the report is")),
        Some(found) if found != u64::from(FORMAT) => {
            return Err(BadReport::OtherFormat { place: place.into(), found });
        }
        Some(_) => {}
    }
    let header: Header = serde_json::from_value(value).map_err(|error| BadReport::Line {
        place: place.into(),
        line: 1,
        found: describe_error(&error),
        expected: "{\"report\":…,\"tool\":…,\"run\":{…}}".into(),
    })?;
    Ok(Report {
        run: header.run,
        phases: Vec::new(),
        rules: RuleCounts::default(),
        findings: Vec::new(),
        scenarios: Vec::new(),
        labels: LabelCounts::default(),
        skips: Skips::default(),
        expectations: Vec::new(),
        shrinking: None,
        gave_up: None,
    })
}

struct Reader<'a> {
    place: &'a str,
    report: Report,
    /// The contents read so far, with their line numbers.
    seen: BTreeMap<String, usize>,
}

impl Reader<'_> {
    /// Reads a line that belongs in a report and is not a duplicate.
    fn line(&mut self, text: &str, number: usize, last: bool) -> Result<Line, BadReport> {
        let place = || self.place.to_string();
        let wrong = |found, expected: &str| BadReport::Line {
            place: place(),
            line: number,
            found,
            expected: expected.into(),
        };
        if depth(text) > DEEPEST {
            return Err(wrong(format!("more than {DEEPEST} levels of JSON"), "fewer"));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        // The depth has been checked above.
        json.disable_recursion_limit();
        let read = Line::deserialize(&mut json).and_then(|line| json.end().map(|()| line));
        let line = read.map_err(|error| match error.is_eof() && last {
            true => BadReport::CutOff { place: place(), line: number },
            false => wrong(describe_error(&error), "a line of a report"),
        })?;
        if let Some(problem) = line.problem() {
            return Err(wrong(problem, "counts that can be"));
        }
        let what = line.what();
        match self.seen.insert(what.clone(), number) {
            Some(first) => {
                let what = one_line(&clipped(&what, 120));
                Err(BadReport::Twice { place: place(), line: number, first, what })
            }
            None => Ok(line),
        }
    }

    /// Returns the report, if the last line agrees with the others.
    fn end(mut self, end: End, line: usize, lines: usize) -> Result<Report, BadReport> {
        let place = self.place.to_string();
        if lines > line {
            return Err(BadReport::AfterEnd { place, line: line + 1 });
        }
        let (found, expected) = (lines as u64, end.lines);
        if found != expected {
            return Err(BadReport::Count { place, line, found, expected });
        }
        if !self.seen.contains_key("the line of labels") {
            let (found, expected) = ("no line of labels".into(), "{\"labels\":…}".into());
            return Err(BadReport::Line { place, line, found, expected });
        }
        self.report.gave_up = end.gave_up;
        let (found, expected) = (end.verdict, self.report.verdict());
        if found != expected {
            return Err(BadReport::Verdict { place, line, found, expected });
        }
        Ok(self.report)
    }
}

/// The nesting depth of the brackets in a line.
fn depth(line: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in line.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The JSON parser's message, without its line number, which is not that of the file.
fn describe_error(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let words = match words.strip_suffix(&place) {
        Some(words) => format!("{words} (column {})", error.column()),
        None => words,
    };
    let kind = if error.is_data() { "invalid data" } else { "invalid JSON" };
    format!("{kind}: {}", one_line(&clipped(&words, 300)))
}
