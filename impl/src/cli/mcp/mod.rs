//! `mcp-overlay-host mcp`: the servers of a host that runs without the Apps extension.

mod add;
mod edit;
mod file;
mod login;
mod masked;
mod show;
mod statements;

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use mcp_overlay_host::auth::{AuthNow, AuthStore};
use mcp_overlay_host::oauth::{OAuth, StoreMode, TokenStore};
use mcp_overlay_host::{
    Environment, HostConfig, McpExtensionRegistryBuilder, McpManager, McpRuntimeConfig, Plugin,
    View, discover_plugins, plugin_states,
};

use self::file::ConfigFile;
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
    config: Arc<McpRuntimeConfig>,
    view: View,
    auth: Arc<AuthNow>,
    oauth: TokenStore,
}

impl Resolved {
    /// Resolves configuration, plugins and sign-in without any extension, and says what the user
    /// should know about them.
    async fn now(overrides: &Overrides) -> Result<Self, Stop> {
        let env = Environment::from_process();
        let home = codex_home(&env)?;
        let file = ConfigFile::read(&env)?;
        let place = file.path.display().to_string();
        let overrides = &*overrides.overrides;
        let host = HostConfig::from_toml_str(&file.text, &place, overrides, env.clone());
        let host = host.map_err(Stop::misuse)?;
        // Settings that have nothing to do with servers are Codex's business.
        for warning in host.warnings.iter().filter(|w| w.key.starts_with("mcp_servers")) {
            complain("warning", warning);
        }
        let states = plugin_states(&file.text, overrides);
        let is_active = |id: &str| states.value.get(id).copied().unwrap_or(true);
        let plugins = plugins(&home.join("plugins"), &is_active)?;
        let manager = McpManager::new(McpExtensionRegistryBuilder::new().build());
        let config = manager.runtime_config(&Arc::new(host.value), &plugins).await;
        let auth = AuthStore::open(&home, &env).now();
        auth.warnings.iter().for_each(|warning| complain("warning", warning));
        if let Some(error) = &auth.error {
            complain("warning", error);
        }
        let view = config.effective(auth.auth);
        let oauth = TokenStore::on_disk(home, store_mode(&file)?);
        Ok(Self { env, config, view, auth, oauth })
    }

    fn oauth(&self) -> OAuth {
        OAuth::new(self.oauth.clone())
    }
}

fn no_server(name: &str) -> Stop {
    Stop::failed(format!("No MCP server named '{}' found.", shown(name)))
}

fn plugins(dir: &Path, is_active: &dyn Fn(&str) -> bool) -> Result<Arc<[Plugin]>, Stop> {
    if !dir.is_dir() {
        return Ok(Arc::default());
    }
    let found = discover_plugins(dir, is_active).map_err(Stop::misuse)?;
    found.warnings.iter().for_each(|warning| complain("warning", warning));
    Ok(found.value.into())
}

/// Where OAuth tokens are kept, as the text of the file says; it is valid TOML.
fn store_mode(file: &ConfigFile) -> Result<StoreMode, Stop> {
    const KEY: &str = "mcp_oauth_credentials_store";
    let table: toml::Table = file.text.parse().unwrap_or_default();
    let Some(value) = table.get(KEY) else { return Ok(StoreMode::default()) };
    let mode = value.as_str().and_then(|word| word.parse().ok());
    mode.ok_or_else(|| {
        let place = file.path.display();
        Stop::misuse(format!("{place}: {KEY} is none of \"auto\", \"file\" and \"keyring\""))
    })
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
