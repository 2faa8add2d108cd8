//! The failures of a run as text for a terminal, one entry for each cause.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use mcp_overlay_model::Rule;

use super::causes::{OneCause, ScenarioCause};
use super::data::{Report, ReportedFinding};
use crate::display::{grouped, printable_lines};

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const REMOVED: Style = AnsiColor::Red.on_default();
const ADDED: Style = AnsiColor::Green.on_default();
const HUNK: Style = AnsiColor::Cyan.on_default();

/// The most other findings of a cause to list.
const OTHERS: usize = 10;

/// Where the findings of a run were saved, by id.
pub(super) type Saved = BTreeMap<String, Result<PathBuf, String>>;

/// A cause: its smallest finding, with the others below.
pub(super) fn cause(cause: &OneCause<'_>, saved: &Saved, strict: bool) -> String {
    let ReportedFinding { id, expected, finding } = cause.first;
    let text = finding.to_string();
    let (headline, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (headline, rest) = (printable_lines(headline), coloured(&printable_lines(rest)));
    let advisory = finding.is_advisory() && !strict;
    let style = style_of(expected.is_some() || advisory);
    let word = if advisory { "advisory: " } else { "" };
    let why = expected_words(expected.as_deref());
    let (others, more) = (others(cause), more(cause.rule()));
    let saved = match saved.get(id) {
        Some(Ok(path)) => format!("  saved: {}\n", path.display()),
        Some(Err(error)) => format!("  not saved: {error}\n"),
        None => String::new(),
    };
    format!("\n{style}{word}{headline}{style:#}\n{rest}{others}{why}{more}{saved}")
}

/// The number of failing cases, and the other findings of the cause.
fn others(cause: &OneCause<'_>) -> String {
    let mut words = match cause.count() {
        0 | 1 => String::new(),
        count => format!("  failing cases: {}\n", grouped(count)),
    };
    let number = cause.others.len();
    if number > 0 {
        let smallest = if number == 1 { "minimal case" } else { "minimal cases" };
        words.push_str(&format!("  {number} more {smallest} of this cause:\n"));
    }
    for other in cause.others.iter().take(OTHERS) {
        words.push_str(&format!("    {}\n", printable_lines(&one_of(other))));
    }
    if number > OTHERS {
        words.push_str(&format!("    … ({} more)\n", number - OTHERS));
    }
    words
}

/// A finding in a line: where it differs, how often, and its id.
pub(super) fn one_of(found: &ReportedFinding) -> String {
    let place = found.finding.differences.first().map_or("", |first| first.place.as_str());
    let cases = match found.finding.count {
        0 => "its stored case".to_string(),
        1 => "one case".to_string(),
        count => format!("{} cases", grouped(count)),
    };
    format!("{place}: {cases}, {}", found.id)
}

/// A failed scenario, or the failed sequences of a rule.
pub(super) fn scenario(cause: &ScenarioCause<'_>, report: &Report) -> String {
    let failed = cause.first;
    let advisory = report.is_advisory(failed);
    let word = match (failed.unconfirmed, advisory) {
        (true, _) => "unconfirmed: ",
        (false, true) => "advisory: ",
        (false, false) => "",
    };
    let more = more(failed.rule);
    let rule = failed.rule.filter(|rule| rule.id() != failed.name);
    let rule = rule.map(|rule| format!(" ({rule})")).unwrap_or_default();
    let style = style_of(failed.expected.is_some() || advisory);
    let why = expected_words(failed.expected.as_deref());
    let (phase, name) = (failed.phase.word(), printable_lines(&failed.name));
    let message = printable_lines(&failed.message);
    let also: Vec<&str> = cause.others.iter().map(|other| other.phase.word()).collect();
    let also = match also.is_empty() {
        true => String::new(),
        false => format!("  also in: {}\n", also.join(", ")),
    };
    format!("\n{style}{word}{phase}: {name}{style:#}{rule}\n  {message}\n{also}{why}{more}")
}

/// The lines of a diff in the usual colours.
fn coloured(text: &str) -> String {
    let style = |line: &str| match line.strip_prefix("    ")?.chars().next()? {
        '-' => Some(REMOVED),
        '+' => Some(ADDED),
        '…' => Some(HUNK),
        _ => None,
    };
    let line = |line: &str| match style(line) {
        Some(style) => format!("{style}{line}{style:#}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn style_of(expected: bool) -> Style {
    if expected { YELLOW } else { RED }
}

/// Where the rule is explained.
fn more(rule: Option<Rule>) -> String {
    rule.map(|rule| format!("  more: mcp-overlay rule {rule}\n")).unwrap_or_default()
}

fn expected_words(reason: Option<&str>) -> String {
    reason.map(|reason| format!("  expected: {}\n", printable_lines(reason))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_diff_are_red_and_green() {
        let text = coloured("  case: {}\n    - a\n    + b\n      c\n");
        let line = |style: Style, line: &str| format!("{style}{line}{style:#}\n");
        let expected = [
            "  case: {}\n".to_string(),
            line(REMOVED, "    - a"),
            line(ADDED, "    + b"),
            "      c\n".to_string(),
        ];
        assert_eq!(text, expected.concat());
    }
}
