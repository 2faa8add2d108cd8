//! The configured limits on the use of a server.

use std::time::Duration;

use crate::config::ServerConfig;

/// The default timeout of requests after the start.
const DEFAULT_TOOL_TIMEOUT: Duration = Duration::from_secs(60);

/// The tools that the configuration allows, and the timeout of requests.
#[derive(Clone)]
pub(super) struct Offer {
    pub(super) tool_timeout: Duration,
    enabled_tools: Option<Vec<String>>,
    disabled_tools: Vec<String>,
}

impl Offer {
    pub(super) fn of(server: &ServerConfig) -> Self {
        Self {
            tool_timeout: server.tool_timeout.unwrap_or(DEFAULT_TOOL_TIMEOUT),
            enabled_tools: server.enabled_tools.clone(),
            disabled_tools: server.disabled_tools.clone().unwrap_or_default(),
        }
    }

    /// Whether the configuration allows this tool.
    pub(super) fn has(&self, tool: &str) -> bool {
        let listed = |names: &[String]| names.iter().any(|name| name == tool);
        self.enabled_tools.as_deref().is_none_or(listed) && !listed(&self.disabled_tools)
    }
}
