//! The servers of a local host, resolved.

use mcp_overlay_host::auth::AuthStore;
use mcp_overlay_host::host::{self, CONFIG_FILE, ConfigSource, EffectiveView, Host, HostParts};
use mcp_overlay_host::oauth::{OAuth, StoreMode, TokenStore};
use mcp_overlay_host::printable::escaped_line;
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, Profile};

use super::super::options::{NEWEST_RELEASED, Overrides, codex_home};
use super::super::output::complain;
use super::super::stop::Stop;
use super::findings;

/// The resolution of a local host.
pub(super) struct Resolved {
    pub(super) env: Environment,
    pub(super) host: host::Resolved,
    pub(super) oauth: TokenStore,
}

impl Resolved {
    /// Resolves configuration, plugins and sign-in without any extension, and prints warnings.
    pub(super) async fn now(overrides: &Overrides) -> Result<Self, Stop> {
        Self::of(overrides, NEWEST_RELEASED).await
    }

    /// As [`now`](Self::now), with the rules of this profile.
    pub(super) async fn of(overrides: &Overrides, profile: Profile) -> Result<Self, Stop> {
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
            warn: {
                let home = home.clone();
                Box::new(move |warning| {
                    if !findings::says(&home, &warning.to_string()) {
                        complain("warning", warning);
                    }
                })
            },
        });
        let is_refused = findings::print(&home, &env, !overrides.overrides.is_empty());
        if is_refused {
            let file = home.join(CONFIG_FILE);
            let message = format!("{} is not a valid configuration", file.display());
            return Err(Stop::misuse(message));
        }
        let host = host.resolve().await.map_err(Stop::misuse)?;
        Ok(Self { env, host, oauth })
    }

    pub(super) fn view(&self) -> &EffectiveView {
        self.host.view()
    }

    pub(super) fn oauth(&self) -> OAuth {
        OAuth::new(self.oauth.clone()).with_environment(&self.env)
    }
}

pub(super) fn no_server(name: &str) -> Stop {
    Stop::failed(format!("No MCP server named '{}' found.", escaped_line(name)))
}

/// Runs asynchronous work.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Stop::failed(format!("cannot start: {error}")))?.block_on(work)
}
