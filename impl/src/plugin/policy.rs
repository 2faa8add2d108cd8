//! What a user says of a server of an installed plugin. Rule `plugin.user-policy`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::{ApprovalMode, ServerConfig, ToolConfig};

/// A user's policy for one server: `[plugins."ID".mcp_servers.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginPolicy {
    /// Whether the server is started. Default: true, also if the plugin ships it disabled.
    pub enabled: Option<bool>,
    /// Whether its tools need approval.
    pub default_tools_approval_mode: Option<ApprovalMode>,
    /// Only these tools are offered.
    pub enabled_tools: Option<Vec<String>>,
    /// These tools are not offered.
    pub disabled_tools: Option<Vec<String>>,
    /// Settings of single tools.
    pub tools: BTreeMap<String, ToolConfig>,
}

impl PluginPolicy {
    /// Reads a policy. What is not understood is as good as absent.
    #[must_use]
    pub fn from_json(written: &Value) -> Self {
        let mode = |of: &Value, key: &str| of.get(key)?.as_str()?.parse::<ApprovalMode>().ok();
        let texts = |key: &str| {
            let list = written.get(key)?.as_array()?;
            list.iter().map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let tool = |(name, settings): (&String, &Value)| {
            (name.clone(), ToolConfig { approval_mode: mode(settings, "approval_mode") })
        };
        let tools = written.get("tools").and_then(Value::as_object);
        Self {
            enabled: written.get("enabled").and_then(Value::as_bool),
            default_tools_approval_mode: mode(written, "default_tools_approval_mode"),
            enabled_tools: texts("enabled_tools"),
            disabled_tools: texts("disabled_tools"),
            tools: tools.into_iter().flatten().map(tool).collect(),
        }
    }

    /// Applies the policy to a server.
    pub(super) fn apply(&self, server: &mut ServerConfig) {
        server.enabled = self.enabled.unwrap_or(true);
        let mode = self.default_tools_approval_mode;
        server.default_tools_approval_mode = mode.or(server.default_tools_approval_mode);
        if let Some(tools) = &self.enabled_tools {
            server.enabled_tools = Some(tools.clone());
        }
        if let Some(tools) = &self.disabled_tools {
            server.disabled_tools = Some(tools.clone());
        }
        for (name, said) in &self.tools {
            let settings = server.tools.entry(name.clone()).or_default();
            settings.approval_mode = said.approval_mode.or(settings.approval_mode);
        }
    }
}
