//! `mcp-overlay diff`

use std::process::ExitCode;

use mcp_overlay::display::printable_lines;
use mcp_overlay::profile_diff::between;
use mcp_overlay_model::Profile;

use super::console::{FINDINGS, Outcome, say};

/// Show what changed between two profiles: the smallest case for each rule that only one has.
///
/// `-` marks the answer of the first profile, `+` that of the second. Rules that no view shows,
/// such as those about credentials, are listed without a case. Exit status: 0 no rule differs, 1
/// differences were printed, 2 wrong use.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The profile before the change, such as codex-pr-27191
    #[arg(value_parser = super::console::profile)]
    left: Profile,

    /// The profile after it, such as codex-pr-27414
    #[arg(value_parser = super::console::profile)]
    right: Profile,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let diff = between(arguments.left, arguments.right);
    say(&if arguments.json {
        format!("{}\n", serde_json::to_string_pretty(&diff)?)
    } else {
        printable_lines(&diff.to_string())
    })?;
    let same = diff.changes.is_empty() && diff.unseen.is_empty();
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(FINDINGS) })
}
