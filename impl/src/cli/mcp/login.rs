//! `mcp login` and `mcp logout`.

use std::sync::Arc;
use std::time::Duration;

use mcp_overlay_host::hosted_apps::CODEX_APPS;
use mcp_overlay_host::oauth::{LoginError, LoginRequest};
use mcp_overlay_host::printable::escaped_line;
use mcp_overlay_host::{ServerConfig, Transport};

use super::super::options::Overrides;
use super::super::output::say;
use super::super::stop::{Outcome, Stop};
use super::resolved::{Resolved, block_on, no_server};

/// Logs in to a streamable HTTP server with OAuth.
///
/// Prints the URL to open in a browser and waits for the callback. Stores the tokens where Codex
/// stores them; `mcp_oauth_credentials_store` in config.toml selects the store.
#[derive(clap::Args)]
pub(super) struct LoginArguments {
    /// The server's name.
    name: String,
    /// Requests these scopes, separated by commas, instead of those of the configuration or the
    /// server.
    #[arg(long, value_name = "SCOPES", value_delimiter = ',')]
    scopes: Option<Vec<String>>,
    /// How long to wait for the callback.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    config: Overrides,
}

/// Removes the OAuth tokens of a server.
#[derive(clap::Args)]
pub(super) struct LogoutArguments {
    /// The server's name.
    name: String,
    #[command(flatten)]
    config: Overrides,
}

pub(super) fn login(arguments: &LoginArguments) -> Outcome {
    block_on(async {
        let resolved = Resolved::now(&arguments.config).await?;
        let name = &*arguments.name;
        let server = server(&resolved, name)?;
        let request = LoginRequest {
            scopes: arguments.scopes.as_ref().map(|scopes| given(scopes)),
            timeout: Some(Duration::from_secs(arguments.timeout)),
            ..LoginRequest::default()
        };
        let failed = |error: LoginError| {
            Stop::failed(format!("cannot log in to '{}': {error}", escaped_line(name)))
        };
        let oauth = resolved.oauth();
        let pending =
            oauth.start_login(name, &server, &resolved.env, request).await.map_err(failed)?;
        let (url, seconds) = (pending.authorization_url(), arguments.timeout);
        say(&format!(
            "Open this URL in your browser:\n\n  {url}\n\nWaiting up to {seconds} seconds for the \
             callback. Ctrl-C cancels the login; nothing is stored then.\n"
        ))?;
        pending.finish().await.map_err(failed)?;
        say(&format!("Logged in to MCP server '{}'.\n", escaped_line(name)))
    })
}

pub(super) fn logout(arguments: &LogoutArguments) -> Outcome {
    block_on(async {
        let resolved = Resolved::now(&arguments.config).await?;
        let name = &*arguments.name;
        let server = server(&resolved, name)?;
        let Transport::StreamableHttp(http) = &server.transport else {
            return Err(Stop::failed(LoginError::Stdio));
        };
        let name = escaped_line(name);
        match resolved.oauth().logout(&arguments.name, &http.url).await {
            Ok(true) => say(&format!("Removed the OAuth tokens of MCP server '{name}'.\n")),
            Ok(false) => say(&format!("There are no OAuth tokens for MCP server '{name}'.\n")),
            Err(error) => Err(Stop::failed(format!("cannot log out of '{name}': {error}"))),
        }
    })
}

/// The server to log in to. Refuses the Apps server.
fn server(resolved: &Resolved, name: &str) -> Result<Arc<ServerConfig>, Stop> {
    if name == CODEX_APPS {
        return Err(Stop::failed(format!(
            "'{CODEX_APPS}' has no login of its own: it uses the host's ChatGPT credentials; sign \
             in and out with `codex login` and `codex logout`"
        )));
    }
    let server = resolved.view().get(name).ok_or_else(|| no_server(name))?;
    match server.transport {
        Transport::StreamableHttp(_) => Ok(Arc::clone(server)),
        Transport::Stdio(_) => Err(Stop::failed(LoginError::Stdio)),
    }
}

/// Scopes without white space and empty ones; `--scopes ''` requests none.
fn given(scopes: &[String]) -> Vec<String> {
    let trimmed = scopes.iter().map(|scope| scope.trim().to_owned());
    trimmed.filter(|scope| !scope.is_empty()).collect()
}
