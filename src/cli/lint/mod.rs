//! `mcp-overlay lint`

mod checked;
mod difference;
mod input;
mod json;
mod sarif;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use mcp_overlay::files::write_whole;
use mcp_overlay_host::lint::Rule;
use mcp_overlay_model::Profile;

use super::codex;
use super::console::{MISUSE, Misuse, Outcome, complain, say};
use super::home::config_file;
use super::surroundings::Asked;
use checked::{Checked, status, summary};
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
    let checked: Vec<Checked<'_>> = inputs.iter().map(Input::checked).collect();
    if arguments.diff {
        say(&differences)?;
    } else if !checked.is_empty() {
        print(arguments, &checked, asked.profile)?;
    }
    Ok(if is_misused { ExitCode::from(MISUSE) } else { status(&checked, arguments.strict) })
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
