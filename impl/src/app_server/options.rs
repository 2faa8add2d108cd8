//! How an app-server runs.

use std::path::PathBuf;

use crate::config::{Environment, Override};
use crate::extension::McpExtensionRegistry;

/// What an app-server is made of.
pub struct AppServerOptions {
    /// Where it runs.
    pub mode: Mode,
    /// What is put over the configuration, in order.
    pub overrides: Vec<Override>,
    /// The environment variables of the host.
    pub environment: Environment,
    /// The extensions, in order.
    pub extensions: McpExtensionRegistry,
    /// The folder that servers run in unless they say otherwise.
    pub cwd: PathBuf,
    /// The most requests without an answer; [`DEFAULT_PLACES`] unless there is a reason. One whose
    /// line is longer than 4 KiB counts once for every 4 KiB begun.
    pub places: usize,
}

/// How many requests may be without an answer: a client that asks ten thousand things at once is
/// served, and memory is bounded.
pub const DEFAULT_PLACES: usize = 16_384;

/// Where an app-server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// On the user's machine: configuration and credentials are in this folder, and servers that
    /// are processes are started here.
    Local {
        /// The folder.
        codex_home: PathBuf,
    },
    /// With nothing on disk and nowhere to start a process: configuration and credentials come with
    /// `initialize`, else from the variables [`CONFIG_VARIABLE`] and [`AUTH_VARIABLE`].
    Orchestrator,
}

/// The environment variable with the text of a `config.toml` for [`Mode::Orchestrator`].
pub const CONFIG_VARIABLE: &str = "MCP_OVERLAY_CONFIG_TOML";

/// The environment variable with the text of an `auth.json` for [`Mode::Orchestrator`].
pub const AUTH_VARIABLE: &str = "MCP_OVERLAY_AUTH_JSON";
