//! `mcp-overlay releases`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use indicatif::{ProgressBar, ProgressStyle};
use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::black_box::{self, BlackBox};
use mcp_overlay::releases::{Known, Matrix, Plan, html, look, look_again, markdown};
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
    Exit status: 0 the matrix is made, whatever is in it; 2 wrong use or a fault of the tool itself.")]
pub(crate) struct Arguments {
    /// A release: its name and its program, such as 0.140.0=/opt/codex
    #[arg(required = true, value_name = "NAME=PATH", value_parser = release)]
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

    /// Write the matrix to this file as Markdown, instead of to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

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
    for (option, path) in [("--markdown", &arguments.markdown), ("--html", &arguments.html)] {
        if let Some(path) = path {
            outputs::can_be_written(option, path)?;
        }
    }
    selected::end_with_subjects()?;
    silence_subjects();
    let plan =
        Plan { cases: arguments.cases, sequences: arguments.sequences, seed: arguments.seed };
    let mut known = Known::default();
    let mut releases = Vec::new();
    for (name, path) in &arguments.releases {
        let subject = start(path)?;
        let bar = bar(name, plan.cases + plan.sequences);
        releases.push(look(name, &subject, plan, &mut known, &|done| bar.set_position(done)));
        bar.finish_and_clear();
    }
    for ((_, path), column) in arguments.releases.iter().zip(&mut releases) {
        look_again(&start(path)?, column, &known);
    }
    let matrix = Matrix { plan, releases };
    let date = httpdate::fmt_http_date(SystemTime::now());
    let names: Vec<String> =
        arguments.releases.iter().map(|(name, _)| format!("{name}=PATH")).collect();
    let command = format!(
        "mcp-overlay releases {} --cases {} --sequences {} --seed {}",
        names.join(" "),
        plan.cases,
        plan.sequences,
        plan.seed
    );
    let page = markdown::render(&matrix, &date, &command);
    match &arguments.markdown {
        Some(path) => outputs::write(path, page.as_bytes())?,
        None => say(&page)?,
    }
    if let Some(path) = &arguments.html {
        outputs::write(path, html::render(&matrix, &date, &command).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn start(path: &str) -> Result<BlackBox, Misuse> {
    let command = vec![path.to_string(), "app-server".to_string()];
    let stdio = selected::stdio_server()?;
    Ok(BlackBox::start(command, stdio, black_box::PATIENCE, AppsOrigin::Loopback)?)
}

fn bar(name: &str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:<11} {wide_bar} {pos}/{len} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_prefix(name.to_string())
}
