//! `mcp-overlay releases`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::black_box::{self, BlackBox};
use mcp_overlay::releases::{
    Known, Matrix, Plan, html, look, look_again, markdown, render_history,
};
use mcp_overlay::report::progress::Progress;
use mcp_overlay::subject::silence_subjects;

use super::console::{Misuse, Outcome, say};
use super::{outputs, selected};

/// Show which app-server release keeps which rule, in every profile.
///
/// Each release is asked the same random cases once, from outside, and its answers are compared
/// with each profile of docs/semantics.md. Then each plays the same sequences of steps over time
/// (docs/sequences.md), in the profile that it follows. The result is a matrix of releases and rules:
/// kept, broken with the smallest case or sequence, or not observed.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    mcp-overlay releases 0.139.0=$(tests/peers/codex 0.139.0) 0.140.0=$(tests/peers/codex 0.140.0) \
    --markdown releases.md\n\n\
    One release at a time, and the page of all of them:\n  \
    mcp-overlay releases 0.139.0=./codex --json releases.json --markdown releases.md\n  \
    mcp-overlay releases 0.140.0=./codex --from releases.json --json releases.json --markdown releases.md\n\n\
    Exit status: 0 the matrix is made, whatever is in it; 2 wrong use or a fault of the tool itself.")]
pub(crate) struct Arguments {
    /// A release: its name and its program, such as 0.140.0=/opt/codex
    #[arg(required_unless_present = "from", value_name = "NAME=PATH", value_parser = release)]
    releases: Vec<(String, String)>,

    /// Number of random cases for each release
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    cases: u64,

    /// Number of sequences of steps for each release, the known ones of tests/sequences first; 0 for
    /// none
    #[arg(long, value_name = "N", default_value_t = 150)]
    sequences: u64,

    /// Random seed
    #[arg(long, value_name = "S", default_value_t = 27_191)]
    seed: u64,

    /// Take the results of these releases from a file of `--json`; the releases that are named are asked
    /// the same cases
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cases", "sequences", "seed"])]
    from: Vec<PathBuf>,

    /// Write the results as JSON, for `--from`, after each release
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the matrix to this file as Markdown, instead of to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Write what changed from each release to the next to this file as Markdown
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,

    /// Write the matrix as one page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

fn release(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_string(), path.to_string()))
        }
        _ => Err("expected NAME=PATH, such as 0.140.0=/opt/codex".into()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let written = [
        ("--markdown", &arguments.markdown),
        ("--history", &arguments.history),
        ("--html", &arguments.html),
        ("--json", &arguments.json),
    ];
    for (option, path) in written {
        if let Some(path) = path {
            outputs::can_be_written(option, path)?;
        }
    }
    let mut matrix = arguments.earlier()?;
    if !arguments.releases.is_empty() {
        ask(arguments, &mut matrix)?;
    }
    if !arguments.from.is_empty() {
        matrix.releases.sort_by_cached_key(|column| by_version(&column.name));
    }
    arguments.write(&matrix)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the releases that were named. Those of files are not there to be asked again.
fn ask(arguments: &Arguments, matrix: &mut Matrix) -> Result<(), Misuse> {
    selected::end_with_subjects()?;
    silence_subjects();
    let plan = matrix.plan;
    let mut known = Known::of(&matrix.releases);
    let earlier = matrix.releases.len();
    for (name, path) in &arguments.releases {
        let subject = start(path)?;
        let progress = Progress::new(name, Some(plan.cases + plan.sequences));
        matrix.releases.push(look(name, &subject, plan, &mut known, &|done| progress.set(done)));
        progress.end();
        // An interruption loses no release that has been asked.
        arguments.save(matrix)?;
    }
    for ((_, path), column) in
        arguments.releases.iter().zip(matrix.releases.iter_mut().skip(earlier))
    {
        look_again(&start(path)?, column, &known);
    }
    arguments.save(matrix)
}

impl Arguments {
    /// The releases of the files, with the cases that they were asked; none without files.
    fn earlier(&self) -> Result<Matrix, Misuse> {
        let plan = Plan { cases: self.cases, sequences: self.sequences, seed: self.seed };
        let mut all: Option<Matrix> = None;
        for path in &self.from {
            let matrix = read(path)?;
            let all = all.get_or_insert_with(|| Matrix { plan: matrix.plan, releases: Vec::new() });
            if matrix.plan != all.plan {
                return Err(format!(
                    "{}: the releases were asked {}; those of the files before it {}\n  help: only \
                     releases that were asked the same can be compared",
                    path.display(),
                    asked(matrix.plan),
                    asked(all.plan)
                )
                .into());
            }
            let new = matrix.releases.into_iter();
            // A later file has the newer results.
            all.releases.retain(|column| !self.names(&column.name));
            for column in new.filter(|column| !self.names(&column.name)) {
                all.releases.retain(|known| known.name != column.name);
                all.releases.push(column);
            }
        }
        Ok(all.unwrap_or(Matrix { plan, releases: Vec::new() }))
    }

    /// Whether a release of this name is asked now.
    fn names(&self, name: &str) -> bool {
        self.releases.iter().any(|(named, _)| named == name)
    }

    fn save(&self, matrix: &Matrix) -> Result<(), Misuse> {
        let Some(path) = &self.json else { return Ok(()) };
        let mut text = serde_json::to_vec(matrix)?;
        text.push(b'\n');
        outputs::write(path, &text)
    }

    fn write(&self, matrix: &Matrix) -> Result<(), Misuse> {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let names: Vec<String> =
            matrix.releases.iter().map(|column| format!("{}=PATH", column.name)).collect();
        let Plan { cases, sequences, seed } = matrix.plan;
        let command = format!(
            "mcp-overlay releases {} --cases {cases} --sequences {sequences} --seed {seed}",
            names.join(" "),
        );
        self.save(matrix)?;
        let page = markdown::render(matrix, &date, &command);
        match &self.markdown {
            Some(path) => outputs::write(path, page.as_bytes())?,
            None => say(&page)?,
        }
        if let Some(path) = &self.history {
            outputs::write(path, render_history(matrix, &date, &command).as_bytes())?;
        }
        if let Some(path) = &self.html {
            outputs::write(path, html::render(matrix, &date, &command).as_bytes())?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Matrix, Misuse> {
    let place = path.display();
    let text = std::fs::read(path).map_err(|error| format!("{place}: cannot be read: {error}"))?;
    let matrix = serde_json::from_slice(&text).map_err(|error| {
        format!(
            "{place}: no results of `mcp-overlay releases --json`, or of another version: {error}"
        )
    })?;
    Ok(matrix)
}

fn asked(plan: Plan) -> String {
    let Plan { cases, sequences, seed } = plan;
    format!("{cases} cases and {sequences} sequences with the seed {seed}")
}

/// `0.9.0` comes before `0.10.0`.
fn by_version(name: &str) -> Vec<(u64, String)> {
    let number = |part: &str| part.parse().unwrap_or(u64::MAX);
    name.split(['.', '-']).map(|part| (number(part), part.to_string())).collect()
}

fn start(path: &str) -> Result<BlackBox, Misuse> {
    let command = vec![path.to_string(), "app-server".to_string()];
    let stdio = selected::stdio_server()?;
    Ok(BlackBox::start(command, stdio, black_box::PATIENCE, AppsOrigin::Loopback)?)
}
