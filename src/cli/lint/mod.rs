//! `mcp-overlay lint`

mod difference;
mod input;
mod json;
mod sarif;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use mcp_overlay::files::write_whole;
use mcp_overlay_host::lint::{Report, Rule, Severity};
use mcp_overlay_model::Profile;

use super::codex;
use super::console::{FINDINGS, MISUSE, Misuse, Outcome, complain, say};
use super::home::config_file;
use super::surroundings::Asked;
use input::Input;

/// Check a config.toml for mistakes, and repair the safe ones.
///
/// Reports everything that Codex refuses, ignores or does differently from what the file seems to say:
/// all findings at once, in the order of the lines. Secrets are hidden in the lines that are shown. The
/// plugins beside the file, the environment variables that are set and the administrator's requirements
/// count too.
#[derive(clap::Args)]
#[command(
    after_help = "Exit status: 0 no error; 1 an error, or any finding with --strict; 2 wrong use, \
                        or a file that cannot be read. Warnings alone do not fail, as with cargo.\n\n\
                        Examples:\n  \
                        mcp-overlay lint\n  \
                        mcp-overlay lint --diff\n  \
                        mcp-overlay lint --config .codex/config.toml --strict --sarif lint.sarif"
)]
pub(crate) struct Arguments {
    /// A config.toml [default: that of Codex, in $CODEX_HOME or ~/.codex]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The same as --config FILE; several files, or `-` for standard input
    #[arg(value_name = "FILE", conflicts_with = "config")]
    files: Vec<PathBuf>,

    /// The profile to check for [default: that of the newest release of Codex]
    #[arg(long, value_name = "PROFILE", value_parser = super::console::profile)]
    profile: Option<Profile>,

    /// Check for this release of Codex, such as 0.140.0
    #[arg(long, value_name = "VERSION", value_parser = codex::Release::read, conflicts_with = "profile")]
    codex: Option<codex::Release>,

    /// The administrator's requirements [default: /etc/codex/requirements.toml if it is there]
    #[arg(long, value_name = "FILE")]
    requirements: Option<PathBuf>,

    /// Repair what can be repaired safely; comments and formatting stay
    #[arg(long)]
    fix: bool,

    /// Show what --fix would change, and change nothing
    #[arg(long, conflicts_with = "fix")]
    diff: bool,

    /// Fail for warnings too
    #[arg(long)]
    strict: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Also write the findings to this file as SARIF 2.1.0, for code scanning
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,

    /// List the rules
    #[arg(long, exclusive = true)]
    list: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if arguments.list {
        say(&rules())?;
        return Ok(ExitCode::SUCCESS);
    }
    let asked = Asked::of(arguments.profile, arguments.codex);
    let paths = if arguments.files.is_empty() {
        vec![config_file(arguments.config.as_deref())?]
    } else {
        arguments.files.clone()
    };
    // A file that cannot be read or written does not keep the others from being checked.
    let mut is_misused = false;
    let mut complaint = |Misuse(message): Misuse| {
        is_misused = true;
        complain("error", &message);
    };
    let mut inputs = Vec::new();
    for path in paths {
        match Input::read(&path, &asked, arguments.requirements.as_deref()) {
            Ok(input) => inputs.push(input),
            Err(misuse) => complaint(misuse),
        }
    }
    for input in inputs.iter_mut().filter(|_| arguments.fix) {
        input.fix().unwrap_or_else(&mut complaint);
    }
    let mut differences = String::new();
    for input in inputs.iter().filter(|_| arguments.diff) {
        match input.difference() {
            Ok(difference) => differences.push_str(&difference),
            Err(misuse) => complaint(misuse),
        }
    }
    let checked: Vec<Checked<'_>> = inputs.iter().map(Checked::of).collect();
    if arguments.diff {
        say(&differences)?;
    } else if !checked.is_empty() {
        print(arguments, &checked, asked.profile)?;
    }
    Ok(if is_misused { ExitCode::from(MISUSE) } else { status(&checked, arguments.strict) })
}

/// A file and what was found in it.
struct Checked<'a> {
    name: &'a str,
    report: Report<'a>,
    /// The positions of the findings that have a repair that can be made.
    fixable: BTreeSet<usize>,
}

impl<'a> Checked<'a> {
    fn of(input: &'a Input) -> Self {
        let report = input.report();
        let fixable = report.fixable();
        Self { name: &input.name, report, fixable }
    }
}

/// What to say of findings that have a repair that cannot be made.
fn not_repaired(report: &Report<'_>, left: &[usize]) -> String {
    const SHOWN: usize = 5;
    let findings = left.iter().filter_map(|at| report.findings().get(*at));
    let shown = findings.take(SHOWN).map(|finding| match report.place(finding) {
        Some((start, _)) => format!("{} in line {}", finding.key, start.line),
        None => finding.key.clone(),
    });
    let mut which = shown.collect::<Vec<_>>().join(", ");
    if left.len() > SHOWN {
        let _ = write!(which, " and {} more", left.len() - SHOWN);
    }
    let many = count(left.len(), "finding");
    format!(
        "{many} not repaired ({which}): the edit would change other parts, or Codex would refuse the file"
    )
}

/// Prints and writes the findings that are left.
fn print(arguments: &Arguments, checked: &[Checked<'_>], profile: Profile) -> Result<(), Misuse> {
    if let Some(sarif) = &arguments.sarif {
        let text = format!("{:#}\n", sarif::document(checked));
        write_whole(sarif, text.as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", sarif.display()))?;
    }
    let in_terminal = |checked: &Checked<'_>| {
        format!("{}{}", checked.report.in_terminal(checked.name), summary(checked))
    };
    say(&match (arguments.json, checked) {
        (false, _) => checked.iter().map(in_terminal).collect(),
        (true, [one]) if arguments.files.len() < 2 => {
            format!("{:#}\n", json::document(one, profile))
        }
        (true, _) => format!("{:#}\n", json::of_several(checked, profile)),
    })
}

fn status(checked: &[Checked<'_>], strict: bool) -> ExitCode {
    let fails = |checked: &Checked<'_>| {
        let report = &checked.report;
        report.count(Severity::Error) > 0 || (strict && !report.findings().is_empty())
    };
    if checked.iter().any(fails) { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS }
}

fn summary(Checked { name, report, fixable }: &Checked<'_>) -> String {
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    if errors + warnings == 0 {
        return format!("{name}: no findings\n");
    }
    let mut line = format!("{name}: {}, {}", count(errors, "error"), count(warnings, "warning"));
    if report.has_more() {
        line.push_str("; further findings are left out");
    }
    if !fixable.is_empty() {
        let _ = write!(line, "; --fix repairs {}, --diff shows how", fixable.len());
    }
    line.push('\n');
    line
}

/// `1 error`, `2 errors`.
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The list of rules.
fn rules() -> String {
    let mut text = String::new();
    for rule in Rule::ALL {
        let fixable = if rule.is_fixable() { ", --fix" } else { "" };
        let _ = writeln!(text, "{rule} ({}{fixable})", rule.severity().word());
        let _ = writeln!(text, "  {}", rule.sentence());
        let _ = writeln!(text, "  {}\n", rule.repair());
    }
    text
}
