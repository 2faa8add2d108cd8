//! The report for people: a terminal, a CI log, a pipe.

use std::io::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::campaign::{ENOUGH_FAILURES, Event, Phase, PhaseSummary, Reporter, Summary};
use crate::labels::LabelCounts;

const BOLD: Style = Style::new().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();

/// Writes the events of a run as text; the progress bar goes to standard error, and only to a
/// terminal.
pub struct TextReporter<W> {
    out: W,
    bar: ProgressBar,
    failure: Option<std::io::Error>,
}

impl<W: Write> TextReporter<W> {
    /// A reporter that writes to `out`, which takes care of colour (such as `anstream`).
    pub fn new(out: W) -> Self {
        TextReporter { out, bar: ProgressBar::hidden(), failure: None }
    }

    /// What kept the report from being written. A reader that has gone away does not count: the
    /// exit status still tells the verdict.
    pub fn failure(&self) -> Option<&std::io::Error> {
        self.failure.as_ref().filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe)
    }

    fn line(&mut self, text: &str) {
        if let Err(error) = writeln!(self.out, "{text}").and_then(|()| self.out.flush()) {
            self.failure.get_or_insert(error);
        }
    }
}

impl<W: Write> Reporter for TextReporter<W> {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { subject, options } => {
                let (profile, seed) = (options.profile.name(), options.seed);
                let version = env!("CARGO_PKG_VERSION");
                self.line(&format!(
                    "{BOLD}mcp-overlay {version}{BOLD:#}: {subject} against {profile}, seed {seed}\n"
                ));
                self.line("phase            cases      time     cases/s  failing");
            }
            Event::PhaseStarted { phase, total } => self.bar = bar(*phase, *total),
            Event::Progress { done } => self.bar.set_position(*done),
            Event::Found { finding, saved } => {
                let saved = match saved {
                    Ok(path) => format!("  saved: {}", path.display()),
                    Err(error) => format!("  not saved: {error}"),
                };
                let text = finding.to_string();
                let mut lines = text.lines();
                let headline = lines.next().unwrap_or_default();
                let rest: String = lines.map(|line| format!("{line}\n")).collect();
                let text = format!("\n{RED}{headline}{RED:#}\n{rest}{saved}\n");
                let bar = self.bar.clone();
                bar.suspend(|| self.line(&text));
            }
            Event::ScenarioFailed(failure) => {
                let (name, message) = (failure.name, &failure.message);
                let rule = failure.rule.map(|rule| format!(" ({rule})")).unwrap_or_default();
                let text = format!("\n{RED}endpoint: {name}{RED:#}{rule}\n  {message}\n");
                let bar = self.bar.clone();
                bar.suspend(|| self.line(&text));
            }
            Event::PhaseEnded(phase) => {
                self.bar.finish_and_clear();
                self.line(&phase_row(phase));
            }
            Event::Ended(summary) => {
                let table = label_table(&summary.labels);
                self.line(&table);
                let verdict = verdict(summary);
                self.line(&verdict);
            }
        }
    }
}

fn bar(phase: Phase, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{prefix:<11} {wide_bar} {human_pos}/{human_len}  {rate}  {eta} left",
        ),
        None => (ProgressBar::no_length(), "{prefix:<11} {human_pos}  {rate}  {elapsed}"),
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A bar that cannot be drawn is no reason to stop.
        let _ = write!(out, "{}/s", grouped(state.per_sec() as u64));
    };
    bar.with_style(style.with_key("rate", rate)).with_prefix(phase.word())
}

fn phase_row(phase: &PhaseSummary) -> String {
    let rate = match phase.phase {
        // Connections and their timeouts, not computation: a rate would say nothing.
        Phase::Endpoint => "-".to_string(),
        _ => grouped(per_second(phase.cases, phase.time)),
    };
    let cases = grouped(phase.cases);
    let seconds = format!("{:.1} s", phase.time.as_secs_f64());
    let word = phase.phase.word();
    let mut row = format!("{word:<11}{cases:>11}{seconds:>10}{rate:>12}{:>9}", phase.failures);
    if phase.not_comparable > 0 {
        row.push_str(&format!("  {} not comparable", grouped(phase.not_comparable)));
    }
    if phase.cut_short {
        row.push_str(&format!("  ended early: {ENOUGH_FAILURES} failing cases are enough"));
    }
    row
}

fn per_second(cases: u64, time: Duration) -> u64 {
    (cases as f64 / time.as_secs_f64().max(0.001)) as u64
}

/// How often each situation occurred; empty without random cases.
fn label_table(labels: &LabelCounts) -> String {
    if labels.cases == 0 {
        return String::new();
    }
    let mut table = format!("\n{:<42}{:>12}{:>9}\n", "situation", "cases", "share");
    for (_, words, count) in labels.rows() {
        let share = 100.0 * count as f64 / labels.cases as f64;
        table.push_str(&format!("{words:<42}{:>12}{share:>8.1}%\n", grouped(count)));
    }
    table
}

/// The last line: what the exit status says too.
fn verdict(summary: &Summary) -> String {
    let compared = grouped(summary.compared());
    if summary.is_clean() {
        format!("{GREEN}clean{GREEN:#}: {compared} cases, no disagreement")
    } else if summary.has_failures() {
        let failing = summary.phases.iter().map(|phase| phase.failures).sum();
        let (failing, findings) = (grouped(failing), summary.findings);
        let again =
            if summary.findings > 0 { "\nto see one again: mcp-overlay replay FILE" } else { "" };
        format!(
            "{RED}findings{RED:#}: {failing} of {compared} cases failed, \
             {findings} distinct cases after minimising{again}"
        )
    } else {
        format!("{RED}nothing was checked{RED:#}: a phase compared no case, which is never a pass")
    }
}

/// A number with commas: 1,445,184.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        let shown = [0, 999, 1_000, 1_445_184].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,445,184"]);
    }

    #[test]
    fn nothing_checked_is_no_pass() {
        assert!(verdict(&Summary::default()).contains("nothing was checked"));
    }
}
