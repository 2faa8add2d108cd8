//! The servers of the plugins that a thread selects, each in the environment that owns its plugin.

use std::sync::Arc;

use crate::config::HostConfig;
use crate::extension::{
    BoxFuture, McpExtensionRegistryBuilder, McpServerContribution, McpServerContributor,
};

/// Installs the contributor of the selected plugins' servers. Rule `thread.executor-plugins`.
pub fn install(builder: &mut McpExtensionRegistryBuilder) {
    builder.contributor(Arc::new(ExecutorPlugins));
}

/// Contributes the servers of the selected plugins.
struct ExecutorPlugins;

impl McpServerContributor for ExecutorPlugins {
    fn id(&self) -> &str {
        "executor-plugins"
    }

    fn contribute<'a>(&'a self, host: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        let mut contributions = Vec::new();
        for (selection_order, plugin) in host.thread().into_iter().flat_map(|t| t.selected()) {
            for (name, server) in &plugin.servers {
                // Rule `requirements.plugins`: as for an installed plugin of this id.
                let allowed = host.requirements().allows_of_plugin(&plugin.id, name, server);
                contributions.push(McpServerContribution::SelectedPlugin {
                    name: Arc::clone(name),
                    plugin_id: Arc::clone(&plugin.id),
                    selection_order,
                    server: if allowed { Arc::clone(server) } else { server.disabled() },
                });
            }
        }
        Box::pin(std::future::ready(contributions))
    }
}
