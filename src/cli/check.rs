//! `mcp-overlay check`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use mcp_overlay::campaign::{self, Options, Phase};
use mcp_overlay::oracle::silence_subjects;
use mcp_overlay::report::RunVerdict;
use mcp_overlay::report::text::TextReporter;
use mcp_overlay::subject::ProductionSubject;
use mcp_overlay_model::Profile;

use super::{FINDINGS, MISUSE, Outcome};

/// Random cases of a run without `--cases` and `--time`: some seconds on two cores.
const DEFAULT_CASES: u64 = 500_000;

/// Hold the production implementation against the specification.
///
/// Four phases: the committed vectors, every case of a small scope (1,445,184), random cases, and
/// real connections to a hosted Apps endpoint. A case that fails is made small, shown as a diff
/// with the rule it breaks, and saved; `mcp-overlay replay FILE` runs it again.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The rules that count
    #[arg(long, value_name = "P", default_value = "codex-pr-27191", value_parser = super::profile)]
    profile: Profile,

    /// How many random cases to run [default: 500000, or without end if --time is given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    cases: Option<u64>,

    /// Names the stream of random cases; the same seed, the same cases
    #[arg(long, value_name = "S", default_value_t = 27_191, allow_negative_numbers = true)]
    seed: u64,

    /// End the random cases after this many seconds
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    time: Option<u64>,

    /// Run only this phase (may be given again for more): vectors, exhaustive, random, endpoint
    #[arg(long, value_name = "PHASE", value_parser = phase)]
    only: Vec<Phase>,

    /// Where findings are saved
    #[arg(long, value_name = "DIR", default_value = "mcp-overlay-findings")]
    findings: PathBuf,
}

fn phase(word: &str) -> Result<Phase, String> {
    Phase::ALL
        .into_iter()
        .find(|phase| phase.word() == word)
        .ok_or_else(|| format!("expected one of: {}", Phase::ALL.map(Phase::word).join(", ")))
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let options = Options {
        profile: arguments.profile,
        cases: arguments.cases.or(arguments.time.is_none().then_some(DEFAULT_CASES)),
        seed: arguments.seed,
        time: arguments.time.map(Duration::from_secs),
        findings: Some(arguments.findings.clone()),
        phases: match arguments.only.as_slice() {
            [] => Phase::ALL.into(),
            only => only.iter().copied().collect(),
        },
        ..Options::default()
    };
    if arguments.findings.exists() && !arguments.findings.is_dir() {
        let place = arguments.findings.display();
        return Err(format!("--findings {place}: not a folder; findings are saved in one").into());
    }
    silence_subjects();
    let mut reporter = TextReporter::new(anstream::stdout());
    let summary = campaign::run(&ProductionSubject, &options, &mut reporter)?;
    if let Some(error) = reporter.failure() {
        return Err(format!("cannot write the report: {error}").into());
    }
    Ok(match summary.verdict() {
        RunVerdict::Clean => ExitCode::SUCCESS,
        RunVerdict::Findings => ExitCode::from(FINDINGS),
        RunVerdict::NothingChecked => ExitCode::from(MISUSE),
    })
}
