//! `mcp-overlay selftest`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_overlay::display::grouped;
use mcp_overlay::report::progress::Progress;
use mcp_overlay::selftest::{self, Fault, Matrix, MatrixRow, Options, Watch, faults};
use mcp_overlay::subject::silence_subjects;
use mcp_overlay_model::Rule;

use super::console::{FINDINGS, Outcome, complain, say};
use super::outputs::{self, can_be_written};

/// Show how strong the checks are: which phase finds which seeded fault, and how soon.
///
/// Seeds faults into the production implementation one by one. At least two phases must find each of
/// them: vectors, edges, the first 100,000 cases of the small scope, 20,000 random cases of any of
/// five seeds, endpoint. The sound implementation must cause no false alarm.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mcp-overlay selftest --list\n  \
    mcp-overlay selftest --only api-key-passes-gate\n  \
    mcp-overlay check --fault api-key-passes-gate\n\n\
    Exit status: 0 strong enough, 1 too weak (standard error says where), 2 wrong use or a fault of \
    the tool itself.")]
pub(crate) struct Arguments {
    /// List the faults with the rules that they break, and exit
    #[arg(long, conflicts_with_all = ["json", "markdown", "sound_cases"])]
    list: bool,

    /// Seed this fault only (may be repeated)
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    only: Vec<&'static Fault>,

    /// Number of random cases for the sound implementation, none of which may fail [default:
    /// 5000000, or 10000 with --only]
    #[arg(long, value_name = "N")]
    sound_cases: Option<u64>,

    /// Write the matrix as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Print the matrix as Markdown
    #[arg(long)]
    markdown: bool,
}

/// A fault by its name.
pub(super) fn fault(name: &str) -> Result<&'static Fault, faults::UnknownFault> {
    faults::named(name)
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let asked = |fault: &&'static Fault| {
        arguments.only.is_empty() || arguments.only.iter().any(|only| only.name == fault.name)
    };
    let faults: Vec<&'static Fault> = faults::all().filter(asked).collect();
    if arguments.list {
        say(&list(&faults))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = &arguments.json {
        can_be_written("--json", path)?;
    }
    silence_subjects();
    let default = if arguments.only.is_empty() { 5_000_000 } else { 10_000 };
    let options = Options { faults, sound_cases: arguments.sound_cases.unwrap_or(default) };
    let bar = Bar::default();
    let matrix = selftest::run(&options, &bar)?;
    bar.clear();
    say(&if arguments.markdown { matrix.markdown() } else { table(&matrix) })?;
    if let Some(path) = &arguments.json {
        outputs::write(path, format!("{}\n", serde_json::to_string_pretty(&matrix)?).as_bytes())?;
    }
    let weaknesses = matrix.weaknesses();
    for weakness in &weaknesses {
        complain("too weak", weakness);
    }
    if !arguments.markdown {
        say(&verdict(&matrix, weaknesses.len()))?;
    }
    Ok(if weaknesses.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FINDINGS) })
}

/// Lists each fault on two lines, to fit a terminal of 80 columns, and the rules that its minimal
/// cases may show as well on a third.
fn list(faults: &[&'static Fault]) -> String {
    let entry = |fault: &&'static Fault| {
        let rule = fault.rule.map_or("(a crash)", Rule::id);
        let also: Vec<&str> = fault.also.iter().map(|rule| rule.id()).collect();
        let also = match also.as_slice() {
            [] => String::new(),
            also => format!("    also: {}\n", also.join(" ")),
        };
        format!("{:<36}{rule}\n    {}\n{also}", fault.name, fault.what)
    };
    faults.iter().map(entry).collect()
}

/// The matrix as text.
fn table(matrix: &Matrix) -> String {
    let mut table = format!(
        "{:<36}{:>9}{:>8}{:>11}{:>8}{:>8}{:>10}\n",
        "fault", "vectors", "edges", "exhaustive", "random", "worst", "endpoint"
    );
    for row in &matrix.faults {
        let [vectors, edges, exhaustive, random, worst] = row.figures();
        let endpoint = if row.endpoint.is_some() { "yes" } else { "-" };
        let MatrixRow { fault, .. } = row;
        table.push_str(&format!(
            "{fault:<36}{vectors:>9}{edges:>8}{exhaustive:>11}{random:>8}{worst:>8}{endpoint:>10}\n"
        ));
    }
    table.push_str(&format!(
        "\nthe first case of each phase that finds the fault, - is none; random is the median of {} \
         seeds\n",
        matrix.seeds
    ));
    table
}

fn verdict(matrix: &Matrix, weaknesses: usize) -> String {
    let [faults, weaknesses] = [matrix.faults.len(), weaknesses].map(|count| count as u64);
    let word = match weaknesses {
        0 => "strong enough".to_string(),
        some => format!("too weak in {}", counted(some, "place")),
    };
    let (faults, alarms) = (counted(faults, "fault"), counted(matrix.false_alarms, "false alarm"));
    let sound = counted(matrix.sound_cases, "case");
    format!("{word}: {faults} seeded; {alarms} in {sound} of the sound implementation\n")
}

/// Such as `1 fault`, `2 faults`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// The progress of the part under way.
#[derive(Default)]
struct Bar {
    current: Mutex<Option<(Progress, u64)>>,
}

impl Bar {
    fn clear(&self) {
        if let Some((progress, _)) = self.current().take() {
            progress.end();
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<(Progress, u64)>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Bar {
    fn begin(&self, part: &'static str, units: u64) {
        self.clear();
        *self.current() = Some((Progress::new(part, Some(units)), 0));
    }

    fn done(&self, units: u64) {
        if let Some((progress, done)) = self.current().as_mut() {
            *done += units;
            progress.set(*done);
        }
    }
}
