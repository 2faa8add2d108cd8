//! A host of any size, for the benches and for the count of instructions.

use std::hint::black_box;
use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay_host::{
    Auth, BoxFuture, Environment, HostConfig, McpExtensionRegistryBuilder, McpManager,
    McpServerContribution, McpServerContributor, Plugin, Profile, ServerConfig, hosted_apps,
};
use serde_json::{Map, Value, json};

/// A typical server: a few strings, a few tables.
fn entry(number: usize) -> Value {
    if number.is_multiple_of(2) {
        json!({
            "url": format!("https://server-{number}.example/mcp"),
            "http_headers": {"X-Team": "platform", "X-Region": "eu"},
            "env_http_headers": {"X-Api-Key": "SERVER_KEY"},
            "enabled_tools": ["search", "read", "write"],
            "tool_timeout_sec": 60,
        })
    } else {
        json!({
            "command": "npx",
            "args": ["-y", format!("server-{number}"), "--stdio"],
            "env": {"LEVEL": "info", "HOME": "/home/user"},
            "disabled_tools": ["delete"],
        })
    }
}

fn entries(numbers: std::ops::Range<usize>) -> Map<String, Value> {
    numbers.map(|number| (format!("server-{number}"), entry(number))).collect()
}

/// The config of a host with this many servers of its own.
pub(crate) fn config(servers: usize) -> Value {
    json!({ "mcp_servers": entries(0..servers) })
}

/// A host with `size` servers, three quarters its own and a quarter from a plugin.
pub(crate) struct Fixture {
    pub(crate) host: Arc<HostConfig>,
    pub(crate) plugins: Arc<[Plugin]>,
    pub(crate) contributions: Vec<McpServerContribution>,
}

impl Fixture {
    pub(crate) fn new(size: usize) -> Self {
        let own = size * 3 / 4;
        let host = HostConfig::from_json(&config(own), Environment::default()).unwrap().value;
        let servers = entries(own..size);
        let plugin =
            Plugin::from_json_servers("p@market", true, &servers, Profile::default()).value;
        let contributions = (0..size / 5)
            .map(|number| {
                let name: Arc<str> = format!("server-{}", number * 5).into();
                if number.is_multiple_of(4) {
                    return McpServerContribution::Remove { name };
                }
                let server =
                    ServerConfig::from_json(&entry(number), Profile::default()).unwrap().value;
                McpServerContribution::Set { name, server: Arc::new(server) }
            })
            .collect();
        Fixture { host: Arc::new(host), plugins: Arc::new([plugin]), contributions }
    }

    pub(crate) fn manager(&self) -> McpManager {
        let mut builder = McpExtensionRegistryBuilder::new();
        hosted_apps::install(&mut builder);
        builder.contributor(Arc::new(Fixed(self.contributions.clone())));
        McpManager::new(builder.build())
    }

    /// All three views by the production implementation, without caches.
    pub(crate) fn resolve(&self, manager: &McpManager) -> usize {
        // A new host each time, so that the manager's cache does not help.
        let host = Arc::new((*self.host).clone());
        let config = block_on(manager.runtime_config(&host, &self.plugins));
        let effective = config.effective(Some(Auth::ChatGpt));
        black_box((config.configured(), config.runtime(), &effective));
        usize::from(effective.contains("codex_apps"))
    }

    /// The effective view of an unchanged host.
    pub(crate) fn read_again(&self, manager: &McpManager) -> bool {
        let auth = Some(Auth::ChatGpt);
        let view = block_on(manager.effective_servers(&self.host, &self.plugins, auth));
        black_box(view).contains("codex_apps")
    }
}

struct Fixed(Vec<McpServerContribution>);

impl McpServerContributor for Fixed {
    fn id(&self) -> &str {
        "fixed"
    }

    fn contribute<'a>(&'a self, _: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        Box::pin(async { self.0.clone() })
    }
}
