//! `mcp-overlay check`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use mcp_overlay::campaign::{self, Options, Phase, Shard};
use mcp_overlay::finding::expected::Expected;
use mcp_overlay::report::expected_failures::Naming;
use mcp_overlay::report::text::TextReporter;
use mcp_overlay::report::{Extent, Invocation, RunVerdict, expected_failures};
use mcp_overlay::subject::{Driver, SubjectKind, silence_subjects};
use mcp_overlay_model::Profile;

use super::console::{FINDINGS, MISUSE, Misuse, Outcome, read_text, say};
use super::outputs::{self, can_be_written};
use super::profiles::Profiles;
use super::selected::{self, Location, SelectedSubject};

/// Check an implementation against the specification: the production one, or your own.
///
/// Its phases: the committed vectors, the edges of every field, every case of a small scope
/// (1,445,184), random cases, and real connections, at a hosted Apps endpoint, to the servers that the
/// implementation resolves to. The production implementation also plays sequences of steps over time,
/// random ones and every one over a small alphabet; a command with --stdio gets requests in every form
/// that the protocol allows, and random sequences if it declares that it plays them.
/// A failing case is shrunk, shown as a diff with the rule that it breaks, and saved;
/// `mcp-overlay replay FILE` runs it again.
///
/// An implementation that hangs, crashes or violates the protocol is killed together with its child
/// processes. The case that caused it is identified, and the implementation is restarted.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mcp-overlay check\n  \
    mcp-overlay check --stdio \"python3 my_subject.py\" --html report.html\n  \
    mcp-overlay check --app-server \"codex app-server\"\n  \
    mcp-overlay check --stdio ./my-host-subject --expected-failures known.toml --github\n\n\
    Exit status: 0 clean, or no disagreement in a narrowed run (--only, --time, --shard, fewer \
    --cases or --twice); 1 findings, or incomplete; 2 wrong use or a fault of the tool itself.")]
pub(crate) struct Arguments {
    /// The profile to check against; `all`: one run for each, or for each that the subject lists; `auto`: for an app-server the
    /// profile that it fits best, for a command with --stdio codex-pr-27191 or the newest one that it
    /// lists, otherwise codex-pr-27191
    #[arg(long, value_name = "P", default_value = "auto", value_parser = Profiles::read)]
    profile: Profiles,

    /// Number of random cases, and at most as many vectors [default: 500000, or 500 for an app-server;
    /// unlimited with --time]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    cases: Option<u64>,

    /// Number of sequences of steps [default: 20000; for an app-server: 150]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sequences: Option<u64>,

    /// Steps of the exhaustive search of sequences; each more takes about five times as long
    /// [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10))]
    length: Option<u32>,

    /// Only what fails most often, in some seconds: for a subject that returns its views the vectors,
    /// the edges and 10,000 random cases, for an app-server 60 random cases and 30 sequences. Never
    /// clean, as for every narrowed run
    #[arg(long)]
    quick: bool,

    /// End with the first phase that fails, and that phase at its first failure
    #[arg(long)]
    fail_fast: bool,

    /// Report failures as they came, without shrinking them
    #[arg(long)]
    no_shrink: bool,

    /// Random seed; the same seed gives the same cases
    #[arg(long, value_name = "S", default_value_t = 27_191, allow_negative_numbers = true)]
    seed: u64,

    /// Stop the random cases after this many seconds
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    time: Option<u64>,

    /// Run only this phase (may be repeated): vectors, edges, exhaustive, random, endpoint; for the
    /// production implementation also sequences and sequences-exhaustive; with --stdio also wire, and
    /// sequences if the command plays them; for an app-server: vectors, random, arguments, split,
    /// sequences
    #[arg(long, value_name = "PHASE", value_parser = phase)]
    only: Vec<Phase>,

    /// Run one part of a run: every N-th case, starting with case I; see `merge`
    #[arg(long, value_name = "I/N", default_value_t)]
    shard: Shard,

    /// Ask this percentage of the cases again, after the same case with another auth; an answer
    /// that differs is a finding. All vectors are asked again, unless this is 0
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    twice: f64,

    #[command(flatten)]
    subject: selected::SubjectArguments,

    /// How often a command that crashes or hangs is restarted before the run gives up
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Subject")]
    restarts: u32,

    /// Fail on advisories too: broken SHOULD rules, where this project deliberately asks for more
    /// than upstream does. Without this flag, advisories are shown and counted only. Fail also on an expected failure
    /// whose reason is still the one that --write-expected-failures puts there
    #[arg(long)]
    strict: bool,

    /// Folder for saved findings
    #[arg(
        long,
        value_name = "DIR",
        default_value = "mcp-overlay-findings",
        help_heading = "Reports"
    )]
    findings: PathBuf,

    #[command(flatten)]
    outputs: outputs::ReportArguments,

    /// Expected failures, as TOML: each entry names a finding, a scenario or a rule, and a reason. An entry
    /// that matches no failure fails the run (docs/ci.md)
    #[arg(long, value_name = "FILE", help_heading = "Expected failures")]
    expected_failures: Option<PathBuf>,

    /// Write the failures of this run as a file for --expected-failures, an entry for each finding.
    /// Keeps the reasons of the list given with --expected-failures
    #[arg(long, value_name = "FILE", help_heading = "Expected failures")]
    write_expected_failures: Option<PathBuf>,

    /// With --write-expected-failures: an entry for each broken rule, which excuses every failure
    /// of the rule
    #[arg(long, requires = "write_expected_failures", help_heading = "Expected failures")]
    by_rule: bool,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent: f64 = text.parse().map_err(|_| "expected a number".to_string())?;
    let fits = percent == 0.0 || (0.01..=100.0).contains(&percent);
    fits.then_some(percent).ok_or_else(|| "expected 0, or a number from 0.01 to 100".to_string())
}

fn phase(word: &str) -> Result<Phase, String> {
    Phase::ALL
        .into_iter()
        .find(|phase| phase.word() == word)
        .ok_or_else(|| format!("expected one of: {}", Phase::ALL.map(Phase::word).join(", ")))
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let named = arguments.profile.named();
    // Wrong use shows before anything starts.
    let default = [Profile::default()];
    let likely = if named.is_empty() { &default } else { named };
    likely.iter().try_for_each(|profile| options(arguments, *profile).map(drop))?;
    arguments.outputs.check()?;
    if let Some(path) = &arguments.write_expected_failures {
        can_be_written("--write-expected-failures", path)?;
    }
    if arguments.write_expected_failures.is_some()
        && (arguments.subject.commands() > 1 || arguments.profile.are_several())
    {
        return Err(
            "--write-expected-failures takes one subject and one profile: a file is about \
                    one run"
                .into(),
        );
    }
    let _here = match selected::enter_network(&arguments.subject)? {
        Location::Here(inside) => inside,
        Location::Done(code) => return Ok(code),
    };
    let subjects = selected::start(&arguments.subject, named)?;
    silence_subjects();
    let mut verdicts = Vec::new();
    for (at, selected) in subjects.iter().enumerate() {
        let selecting = arguments.subject.selecting(at);
        for profile in arguments.profile.of(selected)? {
            let options = options(arguments, profile)?;
            let position = verdicts.len();
            if position > 0 {
                say("\n")?;
            }
            verdicts.push(check(arguments, &options, (selected, &selecting), position)?);
        }
        selected.stop();
    }
    let fails = |verdict| matches!(verdict, RunVerdict::Findings | RunVerdict::Incomplete);
    Ok(if verdicts.iter().copied().any(fails) {
        ExitCode::from(FINDINGS)
    } else if verdicts.contains(&RunVerdict::NothingChecked) {
        ExitCode::from(MISUSE)
    } else {
        ExitCode::SUCCESS
    })
}

fn check(
    arguments: &Arguments,
    options: &Options,
    (selected, selecting): (&SelectedSubject, &str),
    position: usize,
) -> Result<RunVerdict, Misuse> {
    let mut reporter = TextReporter::new(anstream::stdout()).with_subject(selecting.into());
    let mut options = with_declared(arguments, options.clone(), selected.driver())?;
    if position > 0 {
        // Two runs would overwrite each other's files.
        options.findings = options.findings.map(|folder| folder.join((position + 1).to_string()));
    }
    options.invocation = Some(
        Invocation {
            command: std::env::args().collect(),
            selecting: shlex::split(selecting).unwrap_or_default(),
            findings: options.findings.iter().map(|folder| folder.display().to_string()).collect(),
        }
        .without_secrets(),
    );
    let report = campaign::run(selected.driver(), &options, &mut reporter)?;
    if let Some(error) = reporter.failure() {
        return Err(format!("cannot write the report: {error}").into());
    }
    arguments.outputs.write(&report, position)?;
    if let Some(path) = &arguments.write_expected_failures {
        let naming = if arguments.by_rule { Naming::ByRule } else { Naming::ByFinding };
        let written = expected_failures::write(&report, naming, &options.expected);
        outputs::write(path, written.as_bytes())?;
        say(&format!("expected failures written to {}\n", path.display()))?;
        if report.advisories().next().is_some() {
            say("  without the advisories, which are failures with --strict only\n")?;
        }
    }
    Ok(report.verdict())
}

/// The options for a subject over stdio that plays sequences: what a complete run covers is more then.
fn with_declared(
    arguments: &Arguments,
    mut options: Options,
    driver: &dyn Driver,
) -> Result<Options, Misuse> {
    if driver.kind() != SubjectKind::Stdio {
        return Ok(options);
    }
    if !driver.plays() {
        let is_asked = arguments.only.contains(&Phase::Sequences);
        return if is_asked { Err(NO_SEQUENCES.into()) } else { Ok(options) };
    }
    options.complete = options.complete.with_sequences();
    if arguments.only.is_empty() && !arguments.quick {
        options.phases = options.complete.phases().iter().copied().collect();
    }
    options.sequences = arguments.sequences.unwrap_or(options.complete.sequences());
    Ok(options)
}

const NO_SEQUENCES: &str = "--only sequences: this phase needs a running host, see --app-server, or a \
    subject over stdio that declares the capability \"sequence\", see docs/protocol.md";

/// What a run covers unless other options say more.
struct Usual {
    phases: BTreeSet<Phase>,
    cases: u64,
    sequences: u64,
}

impl Usual {
    fn of(arguments: &Arguments, complete: &Extent) -> Self {
        let (quick, cases, sequences): (&[Phase], u64, u64) = match arguments.subject.is_outside() {
            true => (&[Phase::Random, Phase::Sequences], 60, 30),
            false => (&[Phase::Vectors, Phase::Edges, Phase::Random], 10_000, 0),
        };
        let phases = complete.phases().iter().copied();
        match arguments.quick {
            true => {
                let phases = phases.filter(|phase| quick.contains(phase)).collect();
                Usual { phases, cases, sequences }
            }
            false => Usual {
                phases: phases.collect(),
                cases: complete.cases(),
                sequences: complete.sequences(),
            },
        }
    }
}

/// How long the failures of a phase may be made small. A quick look at a running host is not to wait long.
fn shrinking(arguments: &Arguments) -> Duration {
    match (arguments.no_shrink, arguments.quick && arguments.subject.is_outside()) {
        (true, _) => Duration::ZERO,
        (false, true) => Duration::from_secs(3),
        (false, false) => campaign::SHRINKING,
    }
}

fn options(arguments: &Arguments, profile: Profile) -> Result<Options, Misuse> {
    let profile = arguments.subject.profile(profile);
    if arguments.time.is_some() && !arguments.shard.is_whole() {
        return Err("--shard with --time: a run that ends by time cannot be shared out; \
                    use --cases"
            .into());
    }
    if arguments.only.contains(&Phase::Endpoint) && profile != Profile::default() {
        let seed = Profile::default().name();
        return Err(format!("--only endpoint: its scenarios are those of {seed}").into());
    }
    let complete = Extent::of(arguments.subject.kind(), profile);
    let over_stdio = arguments.subject.kind() == SubjectKind::Stdio;
    if arguments.only.contains(&Phase::Wire) && !over_stdio {
        return Err("--only wire: this phase needs a subject over stdio; see --stdio".into());
    }
    let unsupported =
        |phase: &&Phase| arguments.subject.is_outside() && !Phase::OUTSIDE.contains(phase);
    if let Some(phase) = arguments.only.iter().find(unsupported) {
        return Err(format!(
            "--only {} with --app-server: this phase needs a subject that returns its views\n  help: \
             the phases of an app-server are {}",
            phase.word(),
            Phase::OUTSIDE.map(Phase::word).join(", ")
        )
        .into());
    }
    let kind = arguments.subject.kind();
    if arguments.only.contains(&Phase::Sequences) && !kind.plays() && !over_stdio {
        return Err(NO_SEQUENCES.into());
    }
    if arguments.only.contains(&Phase::SequencesExhaustive) && kind != SubjectKind::Production {
        return Err(
            "--only sequences-exhaustive: this phase is for the production implementation".into()
        );
    }
    if arguments.findings.exists() && !arguments.findings.is_dir() {
        let place = arguments.findings.display();
        return Err(format!("--findings {place}: not a folder; findings are saved in one").into());
    }
    let expected = match &arguments.expected_failures {
        Some(path) => Expected::parse(&read_text(path)?, &path.display().to_string())?,
        None => Expected::default(),
    };
    let usual = Usual::of(arguments, &complete);
    Ok(Options {
        profile,
        phases: match arguments.only.as_slice() {
            [] => usual.phases,
            only => only.iter().copied().collect(),
        },
        cases: arguments.cases.or(arguments.time.is_none().then_some(usual.cases)),
        sequences: arguments.sequences.unwrap_or(usual.sequences),
        length: arguments.length.unwrap_or(complete.length()),
        seed: arguments.seed,
        time: arguments.time.map(Duration::from_secs),
        twice: arguments.twice,
        shard: arguments.shard,
        expected,
        whole: arguments.write_expected_failures.is_some(),
        fail_fast: arguments.fail_fast,
        shrinking: shrinking(arguments),
        strict: arguments.strict,
        restarts: arguments.restarts,
        findings: Some(arguments.findings.clone()),
        complete,
        invocation: None,
    })
}
