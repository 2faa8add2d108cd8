//! Arguments and exit codes; one file per command.

mod beside;
mod check;
mod codex;
mod console;
mod crash_at;
mod crash_points;
mod diff;
mod endpoint;
mod explain;
mod fuzz_case;
mod home;
mod lint;
mod merge;
mod outputs;
mod profiles;
mod releases;
mod replay;
mod replay_scenario;
mod replay_sequence;
mod requirements;
mod rule;
mod selected;
mod selftest;
mod subject;
mod surroundings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::console::{MISUSE, Misuse, complain};

/// Checks whether an MCP host resolves its servers as the specification says.
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
                  mcp-overlay explain --auth chatgpt"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(Box<check::Arguments>),
    CrashAt(crash_at::Arguments),
    CrashPoints(crash_points::Arguments),
    Diff(diff::Arguments),
    Endpoint(endpoint::Arguments),
    Explain(explain::Arguments),
    FuzzCase(fuzz_case::Arguments),
    Lint(lint::Arguments),
    Merge(merge::Arguments),
    Releases(releases::Arguments),
    Replay(replay::Arguments),
    Rule(rule::One),
    Rules(rule::All),
    Selftest(selftest::Arguments),
    Subject(subject::Arguments),
}

pub(crate) fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::CrashAt(arguments) => crash_at::run(&arguments),
        Command::CrashPoints(arguments) => crash_points::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Endpoint(arguments) => endpoint::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::FuzzCase(arguments) => fuzz_case::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Releases(arguments) => releases::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Rule(arguments) => rule::run_one(&arguments),
        Command::Rules(arguments) => rule::run_all(&arguments),
        Command::Selftest(arguments) => selftest::run(&arguments),
        Command::Subject(arguments) => subject::run(&arguments),
    };
    outcome.unwrap_or_else(|Misuse(message)| {
        complain("error", &message);
        ExitCode::from(MISUSE)
    })
}
