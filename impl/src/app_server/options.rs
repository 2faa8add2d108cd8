//! How an app-server runs.

use std::path::PathBuf;

use crate::config::{Environment, Override};
use crate::extension::McpExtensionRegistry;

/// The options of an app-server.
pub struct AppServerOptions {
    /// Where it runs.
    pub mode: Mode,
    /// Overrides of the configuration, in order.
    pub overrides: Vec<Override>,
    /// The environment variables of the host.
    pub environment: Environment,
    /// The extensions, in order.
    pub extensions: McpExtensionRegistry,
    /// The default working directory of servers.
    pub cwd: PathBuf,
    /// The maximum number of pending requests, by default [`DEFAULT_PLACES`]. A request takes one
    /// place for every 4 KiB of its line, rounded up.
    pub places: usize,
}

/// The default maximum number of pending requests: serves ten thousand concurrent requests in bounded
/// memory.
pub const DEFAULT_PLACES: usize = 16_384;

/// Where an app-server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// On the user's machine: configuration and credentials are in this folder, and stdio servers
    /// run on this machine.
    Local {
        /// The folder.
        codex_home: PathBuf,
    },
    /// Without a disk and without processes: configuration and credentials come with `initialize`,
    /// else from the variables [`CONFIG_VARIABLE`] and [`AUTH_VARIABLE`].
    Orchestrator,
}

/// The environment variable with the text of a `config.toml` for [`Mode::Orchestrator`].
pub const CONFIG_VARIABLE: &str = "MCP_OVERLAY_CONFIG_TOML";

/// The environment variable with the text of an `auth.json` for [`Mode::Orchestrator`].
pub const AUTH_VARIABLE: &str = "MCP_OVERLAY_AUTH_JSON";
