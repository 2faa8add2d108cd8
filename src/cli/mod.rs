//! Arguments and exit codes. A command a file.

mod check;
mod diff;
mod driven;
mod endpoint;
mod explain;
mod merge;
mod outputs;
mod releases;
mod replay;
mod selftest;
mod subject;

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mcp_overlay::report::shown::printable_lines;
use mcp_overlay_model::Profile;

/// The tool or its use is at fault.
const MISUSE: u8 = 2;
/// Something was found.
const FINDINGS: u8 = 1;

/// Tells whether an MCP host resolves its servers the way the specification says.
///
/// A user installs MCP servers in a config file, plugins bring more, extensions set and remove
/// some, and one reserved server, `codex_apps`, carries the user's ChatGPT credentials. Which
/// servers does the host end up with? The specification is docs/semantics.md.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 clean, 1 findings, 2 wrong use or a fault of the tool itself.\n\n\
                  Start here:\n  \
                  mcp-overlay check\n  \
                  mcp-overlay explain --config ~/.codex/config.toml --auth chatgpt"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(Box<check::Arguments>),
    Diff(diff::Arguments),
    Endpoint(endpoint::Arguments),
    Explain(explain::Arguments),
    Merge(merge::Arguments),
    Releases(releases::Arguments),
    Replay(replay::Arguments),
    Selftest(selftest::Arguments),
    Subject(subject::Arguments),
}

/// Why a command could not do its work; shown on standard error, exit status 2.
struct Misuse(String);

impl<E: fmt::Display> From<E> for Misuse {
    fn from(error: E) -> Self {
        Misuse(error.to_string())
    }
}

type Outcome = Result<ExitCode, Misuse>;

pub(crate) fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Endpoint(arguments) => endpoint::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Releases(arguments) => releases::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Selftest(arguments) => selftest::run(&arguments),
        Command::Subject(arguments) => subject::run(&arguments),
    };
    outcome.unwrap_or_else(|Misuse(message)| {
        complain("error", &message);
        ExitCode::from(MISUSE)
    })
}

/// Says something on standard error; that nobody listens is no reason to fail.
fn complain(kind: &str, message: &dyn fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{kind}: {}", printable_lines(&message.to_string()));
}

/// Writes what a command has to say; that nobody reads on is no reason to fail, a full disk is.
fn say(text: &str) -> Result<(), Misuse> {
    match anstream::stdout().write_all(text.as_bytes()).and_then(|()| anstream::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write the output: {error}").into())
        }
        _ => Ok(()),
    }
}

fn profile(name: &str) -> Result<Profile, String> {
    Profile::ALL
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or_else(|| format!("expected one of: {}", Profile::ALL.map(Profile::name).join(", ")))
}

/// The largest file that a command reads, in bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Reads a text file that a user named.
fn read_text(path: &Path) -> Result<String, Misuse> {
    let place = path.display();
    let file = std::fs::File::open(path).map_err(|e| format!("cannot read {place}: {e}"))?;
    let mut text = String::new();
    let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
    match read.map_err(|e| format!("cannot read {place}: {e}"))? as u64 > MAX_FILE {
        true => Err(format!("{place}: larger than {} MiB", MAX_FILE >> 20).into()),
        false => Ok(text),
    }
}
