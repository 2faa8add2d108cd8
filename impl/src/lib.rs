//! Resolves the MCP servers of a host from the user's configuration, plugins and installed
//! extensions, and gates them by auth.
//!
//! The rules are those of the specification, `docs/semantics.md`, of one [`Profile`]; the
//! documentation of an item names the rules it implements.
//!
//! ```
//! use std::sync::Arc;
//! use mcp_overlay_host::{
//!     Auth, Environment, HostConfig, McpExtensionRegistryBuilder, McpManager, hosted_apps,
//! };
//!
//! let text = r#"mcp_servers.docs.url = "https://docs.example/mcp""#;
//! let host = HostConfig::from_toml_str(text, "config.toml", &[], Environment::default())?;
//! let host = Arc::new(host.value);
//!
//! let mut extensions = McpExtensionRegistryBuilder::new();
//! hosted_apps::install(&mut extensions);
//! let manager = McpManager::new(extensions.build());
//!
//! let plugins = Arc::default();
//! let view = manager.effective_servers(&host, &plugins, Some(Auth::ChatGpt));
//! let view = futures_executor::block_on(view);
//! let names: Vec<_> = view.iter().map(|(name, _)| &**name).collect();
//! assert_eq!(names, ["codex_apps", "docs"]);
//! # Ok::<(), mcp_overlay_host::ConfigError>(())
//! ```
//!
//! The functions that use the network return a [`BoxFuture`]. The body of an `async fn` is compiled
//! in each crate that awaits it, and with it the client, TLS and protocol code below; behind a
//! boxed future it is compiled once, here.

mod answers;
#[cfg(feature = "network")]
pub mod app_server;
pub mod auth;
#[cfg(feature = "network")]
mod bounded;
mod config;
#[cfg(feature = "network")]
pub mod connect_url;
#[cfg(feature = "network")]
pub mod connection;
pub mod executor_plugins;
mod extension;
pub mod files;
#[cfg(feature = "network")]
pub mod host;
pub mod hosted_apps;
#[cfg(feature = "lint")]
pub mod lint;
mod manager;
#[cfg(feature = "network")]
pub mod oauth;
mod plugin;
mod plugin_servers;
pub mod printable;
mod selected;
mod view;

pub use auth::{Auth, UnknownAuth};
pub use config::{
    ApprovalMode, ConfigError, DEFAULT_APPS_MCP_PATH, DEFAULT_CHATGPT_BASE_URL, DEFAULT_ORIGINATOR,
    EnvVar, EnvVarSource, Environment, Features, HostConfig, LOCAL_ENVIRONMENT, Loaded,
    MAX_CONFIG_BYTES, OAuthClient, Origin, Override, OverrideError, Profile, Redacted,
    Requirements, SelectedPlugin, ServerAuth, ServerConfig, ServerError, ServerMap, Servers, Stdio,
    StreamableHttp, ThreadInputs, ToolConfig, Transport, UnknownProfile, Warning,
};
pub use extension::{
    BoxFuture, McpExtensionRegistry, McpExtensionRegistryBuilder, McpServerContribution,
    McpServerContributor,
};
pub use manager::{McpManager, McpRuntimeConfig, PluginOwners};
pub use plugin::{
    MAX_PLUGIN_FILE_BYTES, MAX_PLUGINS, Plugin, PluginError, PluginPolicies, PluginPolicy,
    WrittenPlugin, discover_plugins, installed_plugins, plugin_policies, plugin_states,
};
pub use view::{Iter, View};
