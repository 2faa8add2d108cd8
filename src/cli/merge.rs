//! `mcp-overlay merge`

use std::path::PathBuf;
use std::process::ExitCode;

use mcp_overlay::report::text::TextReporter;
use mcp_overlay::report::{RunVerdict, json, merge};

use super::console::{FINDINGS, MISUSE, Outcome, read_text};
use super::outputs;

/// Merge the JSON reports of the parts of one run, as `check --shard I/N --json FILE` writes them.
///
/// Fails if a part is missing or given twice, or if the parts are of different runs. Prints the
/// merged report; the exit status is that of the whole run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The reports, in any order
    #[arg(required = true, value_name = "REPORT")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    outputs: outputs::ReportArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut parts = Vec::new();
    for path in &arguments.files {
        let place = path.display().to_string();
        let report = json::read(&read_text(path)?, &place)?;
        parts.push((place, report));
    }
    // After the parts are read, because an output may replace one of them.
    arguments.outputs.check()?;
    let report = merge::merge(parts)?;
    let mut reporter = TextReporter::new(anstream::stdout());
    reporter.report(&report);
    if let Some(error) = reporter.failure() {
        return Err(format!("cannot write the report: {error}").into());
    }
    arguments.outputs.write(&report, 0)?;
    Ok(match report.verdict() {
        RunVerdict::Clean | RunVerdict::NoDisagreement => ExitCode::SUCCESS,
        RunVerdict::Findings | RunVerdict::Incomplete => ExitCode::from(FINDINGS),
        RunVerdict::NothingChecked => ExitCode::from(MISUSE),
    })
}
