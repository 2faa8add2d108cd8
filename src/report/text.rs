//! The report as text, for a terminal, a CI log or a pipe.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use mcp_overlay_model::Rule;

use super::causes::{Causes, OneCause, ScenarioCause};
use super::data::{PhaseReport, Report, RuleStatus, RunOptions, RunVerdict, Searched, Shrinking};
use super::event::{Event, Reporter};
use super::missing::Missing;
use super::phase::Phase;
use super::progress::Progress;
use super::told::{self, Saved};
use crate::cases::labels::LabelRow;
use crate::display::grouped;
use crate::display::printable_lines;
use crate::finding::Finding;
use crate::subject::Failure;

const BOLD: Style = Style::new().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// The most expected failures without a reason to name.
const NAMED: usize = 5;

/// Writes the events of a run as text; the progress goes to standard error.
pub struct TextReporter<W> {
    out: W,
    progress: Progress,
    /// Whether the last line belongs to the table of phases.
    in_table: bool,
    /// The options of `replay` that select the subject, as a shell reads them.
    selecting: Option<String>,
    /// The files of the findings.
    saved: Saved,
    /// The breakdowns so far.
    troubles: BTreeSet<String>,
    /// The number of findings so far.
    found: usize,
    failure: Option<std::io::Error>,
}

impl<W: Write> TextReporter<W> {
    /// A reporter that writes to `out`, which handles colour (such as `anstream`).
    pub fn new(out: W) -> Self {
        TextReporter {
            out,
            progress: Progress::hidden(),
            in_table: false,
            selecting: None,
            saved: Saved::new(),
            troubles: BTreeSet::new(),
            found: 0,
            failure: None,
        }
    }

    /// Shows how to replay a finding with these options, which select the subject, as a shell reads
    /// them.
    #[must_use]
    pub fn with_subject(self, options: String) -> Self {
        TextReporter { selecting: Some(options), ..self }
    }

    /// The error that prevented writing the report. A closed pipe is ignored, because the exit
    /// status still gives the verdict.
    pub fn failure(&self) -> Option<&std::io::Error> {
        self.failure.as_ref().filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe)
    }

    fn line(&mut self, text: &str) {
        self.in_table = false;
        if let Err(error) = writeln!(self.out, "{text}").and_then(|()| self.out.flush()) {
            self.failure.get_or_insert(error);
        }
    }
}

impl<W: Write> Reporter for TextReporter<W> {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(run) => self.started(run),
            Event::Asking { what, total } => {
                self.progress.end();
                self.progress = Progress::new(what, Some(*total));
            }
            Event::PhaseStarted { phase, total } => {
                self.progress.end();
                self.progress = Progress::new(phase.word(), *total);
            }
            Event::Progress { done } => self.progress.set(*done),
            Event::Trouble(failure) => self.trouble(failure),
            Event::Slow(message) => {
                let message = printable_lines(message);
                self.above_the_bar(&format!("{YELLOW}slow{YELLOW:#}: the subject {message}"));
            }
            Event::Investigating { failing, shrinks } => {
                let doing = if *shrinks { "shrinking" } else { "asking again" };
                let cases = if *failing == 1 { "case" } else { "cases" };
                self.progress.goes_on(&format!("{doing} {failing} failing {cases}"));
            }
            // The failures follow the tables, by cause.
            Event::Found { finding, saved, .. } => self.keep(finding, *saved),
            Event::ScenarioFailed(_) => {}
            Event::PhaseEnded(phase) => {
                self.progress.end();
                self.row(phase);
            }
            Event::Removed { findings } => {
                self.progress.end();
                let noun = if *findings == 1 { "finding" } else { "findings" };
                self.line(&format!(
                    "\nremoved: {} saved {noun} of earlier runs, which no longer fail",
                    grouped(*findings)
                ));
            }
            Event::Ended(report) => {
                self.progress.end();
                self.ended(report);
            }
        }
    }
}

impl<W: Write> TextReporter<W> {
    /// Prints a whole report, as a run prints it.
    pub fn report(&mut self, report: &Report) {
        self.started(&report.run);
        for phase in &report.phases {
            self.row(phase);
        }
        self.ended(report);
    }

    fn started(&mut self, run: &RunOptions) {
        let RunOptions { version, subject, profile, seed, shard, .. } = run;
        let shard = match shard {
            shard if shard.is_whole() => String::new(),
            shard => format!(", part {shard}"),
        };
        let subject = printable_lines(subject);
        self.line(&format!(
            "{BOLD}mcp-overlay {version}{BOLD:#}: {subject} against {profile}, seed {seed}{shard}"
        ));
    }

    /// Names the entries whose reason nobody has written yet.
    fn without_reason(&mut self, report: &Report) {
        let entries: Vec<&str> = report.without_reason().collect();
        if entries.is_empty() {
            return;
        }
        let style = if report.run.strict { RED } else { YELLOW };
        self.line(&format!("{style}expected without a reason{style:#}: say why it is to stay"));
        for entry in entries.iter().take(NAMED) {
            self.line(&format!("  {}", printable_lines(entry)));
        }
        let more = entries.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("  … ({more} more)\n") } else { String::new() };
        self.line(&more);
    }

    /// Prints a row of the table of phases. The header is repeated after other lines.
    fn row(&mut self, phase: &PhaseReport) {
        if !self.in_table {
            self.line("\nphase            cases      time     cases/s  failing");
        }
        self.line(&phase_row(phase));
        self.in_table = true;
    }

    fn keep(&mut self, finding: &Finding, saved: Option<&std::io::Result<PathBuf>>) {
        let saved = saved.map(|saved| match saved {
            Ok(path) => Ok(path.clone()),
            Err(error) => Err(error.to_string()),
        });
        self.saved.extend(saved.map(|saved| (finding.id(), saved)));
        self.found += 1;
        let findings = if self.found == 1 { "finding" } else { "findings" };
        self.progress.note(&format!("{} {findings}", self.found));
    }

    /// Prints the failures by cause, those that do not count first: the last lines are seen first.
    fn failures(&mut self, report: &Report) {
        let Causes { mut findings, mut scenarios } = report.causes();
        findings.sort_by_key(|cause| weight(report, cause));
        scenarios.sort_by_key(|cause| report.counts_scenario(cause.first));
        for cause in &scenarios {
            let text = told::scenario(cause, report);
            self.line(text.trim_end());
        }
        for cause in &findings {
            let text = told::cause(cause, &self.saved, report.run.strict);
            self.line(text.trim_end());
        }
        if !findings.is_empty() {
            self.line("\nin a difference: - the specification, + the subject");
        }
        if !findings.is_empty() || !scenarios.is_empty() {
            self.line("");
        }
    }

    fn ended(&mut self, report: &Report) {
        if let Some(Shrinking { cases, seconds }) = report.shrinking {
            let (cases, seconds) = (grouped(cases), format!("{seconds:.1} s"));
            self.line(&format!("{:<11}{cases:>11}{seconds:>10}{:>12}{:>9}", "shrinking", "-", "-"));
        }
        for (position, notice) in report.notices().iter().enumerate() {
            let begins = position == 0 && notice.starts_with("not comparable");
            let space = if begins { "\n" } else { "" };
            self.line(&format!("{space}{notice}"));
        }
        let table = label_table(report);
        self.line(&table);
        if let Some(table) = missing_table(&report.missing()) {
            self.line(&table);
        }
        self.failures(report);
        for entry in report.not_asked() {
            let what = printable_lines(entry.what());
            let words = "this run left out its phase, or reached no case of its rule";
            self.line(&format!("expected failure not asked: {what}\n  {words}"));
        }
        for entry in report.unmet() {
            let what = printable_lines(entry.what);
            if entry.is_skip {
                let words = "nothing is skipped for this reason any more; drop the entry";
                self.line(&format!("{RED}expected skip not met{RED:#}: {what}\n  {words}"));
                continue;
            }
            let why = match entry.rule.map(|rule| report.status(rule)) {
                Some(RuleStatus::Pass) => "the rule is kept now; drop the entry",
                Some(_) => "no case that was looked at reached the rule",
                None if is_still_broken(report, entry.what) => {
                    "not this finding any more, but its rule is still broken; see above"
                }
                None => "no such finding any more; drop the entry",
            };
            self.line(&format!("{RED}expected failure not met{RED:#}: {what}\n  {why}"));
        }
        self.without_reason(report);
        let verdict = verdict(report);
        self.line(&verdict);
        if let Some(file) = self.to_replay(report) {
            let selecting = self.selecting.as_deref().unwrap_or(report.run.kind.selecting());
            self.line(&format!("to see one again: mcp-overlay replay {file}{selecting}"));
        }
    }

    /// The saved file of the failure that weighs most.
    fn to_replay(&self, report: &Report) -> Option<String> {
        let Causes { findings, scenarios } = report.causes();
        let finding = findings.iter().max_by_key(|cause| weight(report, cause));
        let sequence = scenarios.iter().rfind(|cause| report.counts_scenario(cause.first));
        let sequence = sequence.or(scenarios.last().filter(|_| findings.is_empty()));
        let of_finding = |cause: &OneCause<'_>| {
            let path = self.saved.get(&cause.first.id)?.as_ref().ok()?;
            Some(path.display().to_string())
        };
        let of_sequence = |cause: &ScenarioCause<'_>| {
            let saved = |line: &str| line.trim().strip_prefix("saved: ").map(str::to_owned);
            cause.first.message.lines().find_map(saved)
        };
        let counts = finding.is_some_and(|cause| report.counts(cause.first));
        match sequence {
            Some(sequence) if !counts => of_sequence(sequence),
            _ => finding.and_then(of_finding),
        }
    }

    /// Tells a breakdown, and in full only once: one mistake breaks a subject down for many cases.
    fn trouble(&mut self, failure: &Failure) {
        let is_new = self.troubles.insert(words_of(failure));
        let message = printable_lines(&failure.message);
        let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
        let told = match (is_new, rest) {
            (true, _) => message.as_str(),
            (false, "") => first,
            (false, _) => &format!("{first} (as above)"),
        };
        let word = failure.kind.word();
        self.above_the_bar(&format!("{YELLOW}{word}{YELLOW:#}: the subject {told}"));
    }

    fn above_the_bar(&mut self, text: &str) {
        let progress = std::mem::replace(&mut self.progress, Progress::hidden());
        progress.suspend(|| self.line(text.trim_end()));
        self.progress = progress;
    }
}

/// Whether the rule that the id of a finding begins with fails the run.
fn is_still_broken(report: &Report, id: &str) -> bool {
    let is_of = |rule: &&Rule| id.strip_prefix(rule.id()).is_some_and(|rest| rest.starts_with('-'));
    let fails = |rule: &&Rule| report.status(**rule) == RuleStatus::Fail;
    Rule::ALL.iter().filter(is_of).any(|rule| fails(&rule))
}

/// What is read first: what fails the run, then broken MUST rules, then what most cases show.
fn weight(report: &Report, cause: &OneCause<'_>) -> (bool, bool, u64) {
    (report.counts(cause.first), !cause.first.finding.is_advisory(), cause.count())
}

/// A breakdown without its numbers, and without what it quotes.
fn words_of(failure: &Failure) -> String {
    let lines = failure.message.lines().map(|line| match line.split_once('"') {
        Some((before, rest)) => (before, rest.rsplit_once('"').map_or("", |(_, after)| after)),
        None => (line, ""),
    });
    let words = lines.map(|(before, after)| format!("{before}{after}\n"));
    words.collect::<String>().chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn phase_row(phase: &PhaseReport) -> String {
    let rate = match phase.phase {
        // The endpoint phase mostly waits for connections and timeouts, so its rate means nothing.
        Phase::Endpoint => "-".to_string(),
        _ => grouped((phase.cases as f64 / phase.seconds.max(0.001)) as u64),
    };
    let cases = grouped(phase.cases);
    let seconds = format!("{:.1} s", phase.seconds);
    let word = phase.phase.word();
    let mut row = format!("{word:<11}{cases:>11}{seconds:>10}{rate:>12}{:>9}", phase.failures);
    if phase.not_comparable > 0 {
        row.push_str(&format!("  {} not comparable", grouped(phase.not_comparable)));
    }
    if let Some(narrowed) = phase.brought_within_reach {
        row.push_str(&format!("  {} narrowed", grouped(narrowed)));
    }
    if let Some(Searched { states, plays, longest }) = phase.searched {
        let (states, plays) = (grouped(states), grouped(plays));
        row.push_str(&format!("  {states} states, {plays} sequences of at most {longest} steps"));
    }
    if phase.slow > 0 {
        row.push_str(&format!("  {} slow", grouped(phase.slow)));
    }
    if phase.cut_short {
        row.push_str("  ended early");
    }
    row
}

/// The table of situations; empty without random cases.
fn label_table(report: &Report) -> String {
    let labels = &report.labels;
    if labels.cases == 0 {
        return String::new();
    }
    let mut table = format!("\n{:<42}{:>12}{:>9}\n", "situation", "cases", "share");
    for LabelRow { words, count, .. } in report.situations() {
        let share = 100.0 * count as f64 / labels.cases as f64;
        table.push_str(&format!("{words:<42}{:>12}{share:>8.1}%\n", grouped(count)));
    }
    table
}

/// The table of what the run did not reach; `None` if it reached everything.
fn missing_table(missing: &Missing<'_>) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let mut table = "not reached".to_string();
    for (kind, what) in missing.lines() {
        table.push_str(&format!("\n  {kind:<10} {}", printable_lines(&what)));
    }
    Some(table + "\n")
}

/// The last lines: the verdict, which the exit status repeats.
fn verdict(report: &Report) -> String {
    let headline = report.headline();
    let (word, rest) = headline.split_at(headline.find([':', ';']).unwrap_or(headline.len()));
    let style = match report.verdict() {
        RunVerdict::Clean => GREEN,
        RunVerdict::NoDisagreement => BOLD,
        RunVerdict::Incomplete | RunVerdict::Findings | RunVerdict::NothingChecked => RED,
    };
    format!("{style}{word}{style:#}{rest}")
}
