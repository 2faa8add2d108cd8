//! `mcp-overlay-host mcp`: the servers of a host that runs without the Apps extension.

mod add;
mod edit;
mod file;
mod login;
mod masked;
mod show;
mod statements;

use std::io::{ErrorKind, Write as _};

use clap::Subcommand;
use mcp_overlay_host::auth::AuthStore;
use mcp_overlay_host::host::{self, ConfigSource, EffectiveView, Host, HostParts};
use mcp_overlay_host::oauth::{OAuth, StoreMode, TokenStore};
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, Profile};

use super::{Outcome, Overrides, Stop, codex_home, complain};

/// Lists, adds, removes and logs in to MCP servers.
///
/// Servers come from config.toml and from the plugins in `plugins` beside it. With a ChatGPT
/// sign-in and `features.apps` on there is also `codex_apps`, the Apps server. No command but
/// `login` and `logout` uses the network.
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

/// What a local host resolves to.
struct Resolved {
    env: Environment,
    host: host::Resolved,
    oauth: TokenStore,
}

impl Resolved {
    /// Resolves configuration, plugins and sign-in without any extension, and says what the user
    /// should know about them.
    async fn now(overrides: &Overrides) -> Result<Self, Stop> {
        Self::of(overrides, Profile::default()).await
    }

    /// [`now`](Self::now), by the rules of this profile.
    async fn of(overrides: &Overrides, profile: Profile) -> Result<Self, Stop> {
        let env = Environment::from_process().with_profile(profile);
        let home = codex_home(&env)?;
        let oauth = TokenStore::on_disk(&home, StoreMode::default());
        let host = Host::new(HostParts {
            source: ConfigSource::Home(home.clone()),
            overrides: overrides.overrides.clone(),
            environment: env.clone(),
            extensions: McpExtensionRegistryBuilder::new().build(),
            auth: AuthStore::open(&home, &env),
            tokens: oauth.clone(),
            warn: Box::new(|warning| complain("warning", warning)),
        });
        let host = host.resolve().await.map_err(Stop::misuse)?;
        Ok(Self { env, host, oauth })
    }

    fn view(&self) -> &EffectiveView {
        self.host.view()
    }

    fn oauth(&self) -> OAuth {
        OAuth::new(self.oauth.clone()).with_environment(&self.env)
    }
}

fn no_server(name: &str) -> Stop {
    Stop::failed(format!("No MCP server named '{}' found.", shown(name)))
}

/// A runtime for the commands that wait for something.
fn block_on<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Stop::failed(format!("cannot start: {error}")))?.block_on(work)
}

/// Writes what a command has to say; that nobody reads on is no reason to fail, a full disk is.
fn say(text: &str) -> Outcome {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Stop::failed(format!("cannot write the output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A text of the configuration in one line, without what a terminal would take for commands.
fn shown(text: &str) -> String {
    super::shown(text).replace('\n', "\\n")
}
