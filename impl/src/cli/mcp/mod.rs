//! `mcp-overlay-host mcp`: manages the servers of a host without the Apps extension.

mod add;
mod edit;
mod file;
mod findings;
mod login;
mod masked;
mod resolved;
mod show;
mod statements;

use clap::Subcommand;

use super::stop::Outcome;

/// Lists, adds, removes and logs in to MCP servers.
///
/// Servers come from config.toml and from the plugins in `plugins` beside it. With a ChatGPT
/// sign-in and `features.apps` enabled there is also `codex_apps`, the Apps server. Only `login` and
/// `logout` use the network.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(show::ListArguments),
    Get(show::GetArguments),
    Add(add::AddArguments),
    Remove(add::RemoveArguments),
    Login(login::LoginArguments),
    Logout(login::LogoutArguments),
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::List(arguments) => show::list(arguments),
        Command::Get(arguments) => show::get(arguments),
        Command::Add(arguments) => add::add(arguments),
        Command::Remove(arguments) => add::remove(arguments),
        Command::Login(arguments) => login::login(arguments),
        Command::Logout(arguments) => login::logout(arguments),
    }
}
