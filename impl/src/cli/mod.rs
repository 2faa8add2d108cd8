//! The command line: arguments and exit status.

mod app_server;
mod connect;
mod executor;
mod mcp;
mod options;
mod output;
mod stop;
mod system;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::output::complain;
use self::stop::Stop;

/// The command failed: for example an unknown server or a failed login.
const FAILED: u8 = 1;
/// The arguments or the configuration are invalid.
const MISUSE: u8 = 2;

/// Runs and manages MCP servers the way Codex does.
///
/// Servers are configured in `$CODEX_HOME/config.toml` (`~/.codex/config.toml` if CODEX_HOME is not
/// set), and the sign-in is in `auth.json` beside it. Codex uses the same files.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 success, 1 failure, 2 invalid arguments or configuration.\n\n\
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
    Executor(executor::Arguments),
    Mcp(mcp::Arguments),
    /// Kills the servers of an app-server that was killed.
    #[cfg(unix)]
    #[command(name = system::GUARD, hide = true)]
    Guard,
}

pub(crate) fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::AppServer(arguments) => app_server::run(&arguments),
        Command::Connect(arguments) => connect::run(arguments),
        Command::Executor(arguments) => executor::run(&arguments),
        Command::Mcp(arguments) => mcp::run(&arguments),
        #[cfg(unix)]
        Command::Guard => {
            mcp_overlay_host::connection::guard(std::io::stdin().lock());
            Ok(())
        }
    };
    let (message, status) = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Stop::Failed(message)) => (message, FAILED),
        Err(Stop::Misuse(message)) => (message, MISUSE),
    };
    complain("error", &message);
    ExitCode::from(status)
}
