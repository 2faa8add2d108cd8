//! Arguments and exit codes. A command a file.

mod app_server;
mod connect;
mod mcp;
mod options;
mod output;
mod stop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::output::complain;
use self::stop::Stop;

/// What was asked for could not be done: there is no such server, a login failed.
const FAILED: u8 = 1;
/// The arguments or the configuration are at fault.
const MISUSE: u8 = 2;

/// Runs and manages MCP servers the way Codex does.
///
/// Servers stand in `$CODEX_HOME/config.toml` (`~/.codex/config.toml` if CODEX_HOME is not set),
/// the sign-in in `auth.json` beside it; both are the files that Codex itself uses.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 done, 1 what was asked for could not be done, 2 wrong arguments \
                  or broken configuration.\n\n\
                  Start here:\n  \
                  mcp-overlay-host mcp add docs --url https://docs.example/mcp\n  \
                  mcp-overlay-host mcp list"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    AppServer(app_server::Arguments),
    Connect(connect::Arguments),
    Mcp(mcp::Arguments),
}

pub(crate) fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::AppServer(arguments) => app_server::run(&arguments),
        Command::Connect(arguments) => connect::run(arguments),
        Command::Mcp(arguments) => mcp::run(&arguments),
    };
    let (message, status) = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Stop::Failed(message)) => (message, FAILED),
        Err(Stop::Misuse(message)) => (message, MISUSE),
    };
    complain("error", &message);
    ExitCode::from(status)
}
