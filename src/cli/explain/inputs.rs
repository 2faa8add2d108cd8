//! What is explained: config, plugins and contributors, for both implementations.

use std::collections::BTreeMap;
use std::path::Path;

use mcp_overlay::cases::toml::host_from_toml;
use mcp_overlay_host::{Plugin, Profile as HostProfile, WrittenPlugin, discover_plugins};
use mcp_overlay_model::wide;
use mcp_overlay_model::{self as model, Contributor, ContributorKind};
use serde_json::{Map, Value, json};

use super::super::beside;
use super::super::console::{Misuse, complain, read_text};

/// The plugins, those that are switched off with their servers: their absence is explained.
pub(super) fn plugins(
    folder: Option<&Path>,
    config: &Path,
    profile: HostProfile,
    states: &BTreeMap<String, bool>,
) -> Result<Vec<Plugin>, Misuse> {
    let Some(folder) = folder else {
        // Nobody has to repair a plugin that is switched off, so its warnings are left out.
        let (_, warnings) = beside::plugins(config, states, profile);
        warnings.iter().for_each(|warning| complain("warning", warning));
        let all_on = states.keys().map(|id| (id.clone(), true)).collect();
        let (mut plugins, _) = beside::plugins(config, &all_on, profile);
        switch(&mut plugins, states);
        return Ok(plugins);
    };
    let mut plugins = discover_plugins(folder, profile, &|_| true)?;
    for warning in &plugins.warnings {
        complain("warning", warning);
    }
    switch(&mut plugins.value, states);
    if plugins.value.is_empty() {
        let folder = folder.display();
        let message = format!("no plugin found; looked for {folder}/*/.codex-plugin/plugin.json");
        complain("warning", &message);
    }
    Ok(plugins.value)
}

fn switch(plugins: &mut [Plugin], states: &BTreeMap<String, bool>) {
    for plugin in plugins {
        plugin.active = states.get(&plugin.id).copied().unwrap_or(true);
    }
}

pub(super) fn contributors(file: Option<&Path>) -> Result<Vec<Contributor>, Misuse> {
    let Some(path) = file else {
        let kind = ContributorKind::HostedApps;
        return Ok(vec![Contributor { id: "hosted-apps".into(), kind }]);
    };
    serde_json::from_str(&read_text(path)?).map_err(|error| {
        let (place, error) = (path.display(), without_values(&error.to_string()));
        Misuse(format!(
            "{place}: {error}\n  expected: a list of {{\"id\":…,\"contributions\":[…]}} and \
             {{\"id\":…,\"hosted_apps\":{{}}}}, as in docs/protocol.md"
        ))
    })
}

/// Removes the values that the JSON library quotes: a value may be a secret, and may contain
/// quotes.
fn without_values(message: &str) -> String {
    match (message.split_once('"'), message.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}\"…\"{after}"),
        _ => message.to_string(),
    }
}

/// The host config of the model.
pub(super) fn host(text: &str) -> Result<Value, Misuse> {
    let mut host = host_from_toml(text)?;
    let token = std::env::var_os(model::host::CONNECTORS_TOKEN);
    if token.is_some_and(|token| !token.to_string_lossy().trim().is_empty())
        && let Value::Object(host) = &mut host
    {
        // Only whether it is set matters, so its value is not read.
        host.insert("env".into(), json!({ model::host::CONNECTORS_TOKEN: "set" }));
    }
    Ok(host)
}

/// A plugin of the model. A server's canonical form is also a valid entry for the same server; an
/// empty entry stands for an invalid one.
pub(super) fn model_plugin(
    plugin: &Plugin,
    host: &Value,
    apps: BTreeMap<String, String>,
) -> model::Plugin {
    let servers = plugin.servers.iter();
    let valid = servers.map(|(name, server)| (name.to_string(), server.to_canonical_json()));
    let dropped = plugin.dropped.iter().map(|name| (name.clone(), json!({})));
    let entries: Map<String, Value> = valid.chain(dropped).collect();
    let settings = host.get("plugins").and_then(|all| all.get(&plugin.id)?.get("mcp_servers"));
    let settings = settings.and_then(Value::as_object).into_iter().flatten();
    let policy = settings.map(|(name, written)| (name.clone(), policy(written)));
    model::Plugin {
        active: plugin.active,
        apps,
        policy: policy.collect(),
        ..model::Plugin::new(&plugin.id, entries)
    }
}

/// The user's settings for a server of a plugin. What is not understood is as good as absent.
fn policy(written: &Value) -> wide::Policy {
    let understood = |mode: Option<&Value>| {
        let mode = mode?.as_str()?;
        mode.parse::<mcp_overlay_host::ApprovalMode>().ok().map(|_| mode.to_owned())
    };
    let texts = |key: &str| {
        let list = written.get(key)?.as_array()?;
        list.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let tools = written.get("tools").and_then(Value::as_object).into_iter().flatten();
    let tool = |(name, settings): (&String, &Value)| {
        let approval_mode = understood(settings.get("approval_mode"));
        (name.clone(), wide::ToolPolicy { approval_mode })
    };
    wide::Policy {
        enabled: written.get("enabled").and_then(Value::as_bool),
        default_tools_approval_mode: understood(written.get("default_tools_approval_mode")),
        enabled_tools: texts("enabled_tools"),
        disabled_tools: texts("disabled_tools"),
        tools: tools.map(tool).collect(),
    }
}

/// The same plugin for the production implementation, with its apps and the user's settings.
pub(super) fn host_plugin(plugin: &Plugin, model: &model::Plugin, profile: HostProfile) -> Plugin {
    let policy = |(name, policy): (&String, &wide::Policy)| {
        let written = serde_json::to_value(policy).unwrap_or_default();
        (name.clone(), mcp_overlay_host::PluginPolicy::from_json(&written))
    };
    let written = WrittenPlugin {
        id: &model.id,
        active: model.active,
        servers: &model.mcp_servers,
        apps: &model.apps,
        root: None,
        policies: &model.policy.iter().map(policy).collect(),
    };
    // The warnings were shown when the plugin was read.
    let mut read = Plugin::from_written(written, profile).value;
    read.dropped.clone_from(&plugin.dropped);
    read
}
