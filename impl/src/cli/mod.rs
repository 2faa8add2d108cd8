//! Arguments and exit codes. A command a file.

mod app_server;
mod connect;
mod mcp;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mcp_overlay_host::host::home_of;
use mcp_overlay_host::{Environment, Override, Profile};

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

/// The rules to resolve by, for commands that resolve.
#[derive(clap::Args)]
struct ProfileArgument {
    #[arg(long, value_name = "P", default_value_t, help = profile_help())]
    profile: Profile,
}

fn profile_help() -> String {
    let names = Profile::ALL.map(Profile::name).join(", ");
    format!("Resolve by the rules of this profile (docs/semantics.md, \"Profiles\"): {names}")
}

/// `-c key=value`, for commands that read configuration.
#[derive(clap::Args)]
struct Overrides {
    /// Puts a setting over what config.toml says; may be repeated, a later one wins.
    ///
    /// The key is dotted as in TOML, the value is TOML; what is not TOML is taken as a string.
    #[arg(
        short = 'c',
        long = "config",
        value_name = "KEY=VALUE",
        long_help = "Puts a setting over what config.toml says; may be repeated, a later one \
                     wins. The key is dotted as in TOML; the value is TOML, and what is not TOML \
                     is taken as a string.\n\nExample: -c features.apps=false"
    )]
    overrides: Vec<Override>,
}

/// Why a command ended without doing what it was asked for; shown on standard error.
enum Stop {
    /// Exit status 1.
    Failed(String),
    /// Exit status 2.
    Misuse(String),
}

impl Stop {
    fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(message.to_string())
    }

    fn misuse(message: impl fmt::Display) -> Self {
        Self::Misuse(message.to_string())
    }
}

type Outcome = Result<(), Stop>;

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

/// Says something on standard error; that nobody listens is no reason to fail.
fn complain(kind: &str, message: &dyn fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{kind}: {}", shown(&message.to_string()));
}

/// A text without what a terminal would take for commands, but with its lines.
fn shown(text: &str) -> String {
    let escaped = |c: char| match c {
        '\n' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// The folder with `config.toml` and `auth.json`: `CODEX_HOME`, or `~/.codex`.
fn codex_home(env: &Environment) -> Result<PathBuf, Stop> {
    home_of(env).ok_or_else(|| {
        Stop::misuse(
            "neither CODEX_HOME nor HOME is set; set CODEX_HOME to the folder that holds config.toml",
        )
    })
}
