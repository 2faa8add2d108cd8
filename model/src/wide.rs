//! The vocabulary of *wide* cases: what a thread asks with, and what the user and an administrator
//! say of a plugin's servers.
//!
//! A subject says whether it knows this vocabulary (`docs/protocol.md`). What is specified about
//! reading it stays raw JSON here, as in [`case`](crate::case).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::null::null_is_absent;

/// The originator of a thread that names none.
pub const DEFAULT_ORIGINATOR: &str = "codex_cli_rs";

/// A thread's frozen inputs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Thread {
    /// The program that the thread is of; `None` is [`DEFAULT_ORIGINATOR`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub originator: Option<String>,
    /// The selected plugins, in the order of their selection.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "Vec::is_empty")]
    pub selected_plugins: Vec<SelectedRoot>,
    /// The environments that are ready; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
}

/// A plugin that a thread selects, where it is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SelectedRoot {
    /// Names the plugin in `plugin_owners` and in requirements.
    pub id: String,
    /// The environment that owns its root.
    pub environment_id: String,
    /// Its folder there, a path or a `file:` URI.
    pub root: String,
    /// Server entries by name, as in the plugin's `.mcp.json`.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub mcp_servers: Map<String, Value>,
}

/// What the user says of a server of an installed plugin.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Whether it is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether its tools need approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_tools_approval_mode: Option<String>,
    /// Only these tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_tools: Option<Vec<String>>,
    /// Not these tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_tools: Option<Vec<String>>,
    /// Settings of single tools.
    #[serde(
        default,
        deserialize_with = "null_is_absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub tools: BTreeMap<String, ToolPolicy>,
}

/// What the user says of one tool.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ToolPolicy {
    /// Whether it needs approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_mode: Option<String>,
}

/// What an administrator demands: `requirements.toml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// The requirement of each server name, as written; `None`: nothing is demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_servers: Option<Map<String, Value>>,
    /// The same for each plugin, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins: Option<BTreeMap<String, PluginRequirements>>,
    /// Features that are on or off whatever the host config says.
    #[serde(
        default,
        deserialize_with = "null_is_absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub features: BTreeMap<String, bool>,
}

/// What an administrator demands of a plugin's servers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PluginRequirements {
    /// The requirement of each server name, as written.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "Map::is_empty")]
    pub mcp_servers: Map<String, Value>,
}
