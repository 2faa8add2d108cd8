//! Small hosts, plugins and contributors.

use std::sync::Arc;

use mcp_overlay_host::{
    BoxFuture, Environment, HostConfig, McpExtensionRegistryBuilder, McpManager,
    McpServerContribution, McpServerContributor, Plugin, Profile, ServerConfig, View, hosted_apps,
};
use serde_json::{Map, Value, json};

pub(crate) fn host(host: Value) -> Arc<HostConfig> {
    Arc::new(HostConfig::from_json(&host, Environment::default()).unwrap().value)
}

/// The path at which this host is rejected.
pub(crate) fn rejected_at(host: &Value) -> String {
    let result = HostConfig::from_json(host, Environment::default());
    result.expect_err(&host.to_string()).path().to_owned()
}

pub(crate) fn server(server: &Value) -> Arc<ServerConfig> {
    Arc::new(ServerConfig::from_json(server, Profile::default()).unwrap().value)
}

pub(crate) fn url(name: &str) -> Value {
    json!({ "url": format!("https://{name}.example/mcp") })
}

pub(crate) fn plugin(id: &str, active: bool, servers: Value) -> Plugin {
    let servers: Map<String, Value> = serde_json::from_value(servers).unwrap();
    Plugin::from_json_servers(id, active, &servers, Profile::default()).value
}

pub(crate) fn set(name: &str, config: &Value) -> McpServerContribution {
    McpServerContribution::Set { name: name.into(), server: server(config) }
}

/// A contribution that is read by the rules of this profile.
pub(crate) fn set_by(profile: Profile, name: &str, config: &Value) -> McpServerContribution {
    let server = ServerConfig::from_json(config, profile).unwrap().value;
    McpServerContribution::Set { name: name.into(), server: Arc::new(server) }
}

pub(crate) fn remove(name: &str) -> McpServerContribution {
    McpServerContribution::Remove { name: name.into() }
}

/// A contributor with fixed contributions.
pub(crate) struct Fixed(pub(crate) Vec<McpServerContribution>);

impl McpServerContributor for Fixed {
    fn id(&self) -> &str {
        "fixed"
    }

    fn contribute<'a>(&'a self, _: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        let contributions = self.0.clone();
        Box::pin(async move { contributions })
    }
}

pub(crate) fn manager(contributors: Vec<Vec<McpServerContribution>>, hosted: bool) -> McpManager {
    let mut extensions = McpExtensionRegistryBuilder::new();
    for contributions in contributors {
        extensions.contributor(Arc::new(Fixed(contributions)));
    }
    if hosted {
        hosted_apps::install(&mut extensions);
    }
    McpManager::new(extensions.build())
}

/// The view in canonical form.
pub(crate) fn canonical(view: &View) -> Value {
    let entries = view.iter().map(|(name, s)| (name.to_string(), s.to_canonical_json()));
    Value::Object(entries.collect())
}

pub(crate) fn names(view: &View) -> Vec<&str> {
    view.iter().map(|(name, _)| &**name).collect()
}
