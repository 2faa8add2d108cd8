//! `mcp-overlay lint`

mod difference;
mod json;
mod sarif;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcp_overlay::files::write_whole;
use mcp_overlay_host::MAX_CONFIG_BYTES;
use mcp_overlay_host::files::{ReadError, Replacement, read_text};
use mcp_overlay_host::lint::{Report, Rule, Severity, lint, too_large, unreadable};
use mcp_overlay_model::Profile;

use super::codex;
use super::console::{FINDINGS, Misuse, Outcome, complain, say};
use super::home::config_file;
use super::surroundings::{self, Asked};

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

    /// The same as --config FILE
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,

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
    let path = config_file(arguments.config.as_deref().or(arguments.file.as_deref()))?;
    let file = path.display().to_string();
    let asked = Asked::of(arguments.profile, arguments.codex);
    let profile = asked.profile;
    let text = match read_text(&path, MAX_CONFIG_BYTES) {
        Ok(text) => text,
        Err(ReadError::NotUtf8) => {
            return finish(arguments, &unreadable("the file is not UTF-8"), &file, profile);
        }
        Err(ReadError::TooLarge(_)) => return finish(arguments, &too_large(), &file, profile),
        Err(error) => return Err(format!("cannot read {file}: {error}").into()),
    };
    let (given, warnings) =
        surroundings::of(&path, &text, &asked, arguments.requirements.as_deref())?;
    warnings.iter().for_each(|warning| complain("warning", warning));
    let report = lint(&text, &given);
    if arguments.diff {
        let fixed = report.fixed()?;
        say(&difference::between(&report, &lint(&fixed.text, &given), &file))?;
        return Ok(status(&report, arguments.strict));
    }
    if !arguments.fix {
        return finish(arguments, &report, &file, profile);
    }
    let fixed = report.fixed()?;
    if fixed.repaired > 0 {
        replace(&path, &text, &fixed.text)?;
        let many = count(fixed.repaired, "finding");
        complain("fixed", &format!("{file}: {many} repaired"));
    }
    if !fixed.left.is_empty() {
        complain("note", &format!("{file}: {}", not_repaired(&report, &fixed.left)));
    }
    finish(arguments, &lint(&fixed.text, &given), &file, profile)
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
fn finish(arguments: &Arguments, report: &Report<'_>, file: &str, profile: Profile) -> Outcome {
    if let Some(sarif) = &arguments.sarif {
        let text = format!("{:#}\n", sarif::document(report, file));
        write_whole(sarif, text.as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", sarif.display()))?;
    }
    let fixable = report.fixable();
    say(&if arguments.json {
        format!("{:#}\n", json::document(report, &fixable, file, profile))
    } else {
        format!("{}{}", report.in_terminal(file), summary(report, fixable.len(), file))
    })?;
    Ok(status(report, arguments.strict))
}

fn status(report: &Report<'_>, strict: bool) -> ExitCode {
    let fails = report.count(Severity::Error) > 0 || (strict && !report.findings().is_empty());
    if fails { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS }
}

fn summary(report: &Report<'_>, fixable: usize, file: &str) -> String {
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    if errors + warnings == 0 {
        return format!("{file}: no findings\n");
    }
    let mut line = format!("{file}: {}, {}", count(errors, "error"), count(warnings, "warning"));
    if report.has_more() {
        line.push_str("; further findings are left out");
    }
    if fixable > 0 {
        let _ = write!(line, "; --fix repairs {fixable}, --diff shows how");
    }
    line.push('\n');
    line
}

/// `1 error`, `2 errors`.
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Replaces the file if nobody changed it meanwhile. A link stays a link.
fn replace(path: &Path, old: &str, new: &str) -> Result<(), Misuse> {
    let place = path.display();
    if read_text(path, MAX_CONFIG_BYTES).ok().as_deref() != Some(old) {
        return Err(format!("{place}: another program changed the file; try again").into());
    }
    let write = || {
        let mut replacement = Replacement::of(path)?;
        replacement.keep_permissions()?;
        replacement.stage(new)?;
        replacement.commit()
    };
    write().map_err(|error| format!("cannot write {place}: {error}").into())
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
