//! Faults about plugins' apps and their users' policies: the files are changed before the host reads them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Applies a fault to a home.
pub(crate) fn change(fault: &str, home: &Path) {
    match fault {
        "ignores-policies" => change_policies(home, |_| false),
        "policy-does-not-enable" => change_policies(home, |policy| policy.contains_key("enabled")),
        "apps-hide-nothing" => change_apps(home, |apps, _| apps.clear()),
        "blank-app-hides" => change_apps(home, |apps, _| {
            apps.values_mut().for_each(|app| *app = json!({"id": "connector"}));
        }),
        "app-hides-plugin" => change_apps(home, |apps, servers| {
            for name in servers {
                apps.insert(name, json!({"id": "connector"}));
            }
        }),
        _ => {}
    }
}

/// Keeps some of the policies in the config.
fn change_policies(home: &Path, keeps: impl Fn(&toml::Table) -> bool) {
    let file = home.join("config.toml");
    let mut config: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
    let plugins = config.get_mut("plugins").and_then(toml::Value::as_table_mut);
    for (_, plugin) in plugins.into_iter().flatten() {
        let policies = plugin.get_mut("mcp_servers").and_then(toml::Value::as_table_mut);
        if let Some(policies) = policies {
            policies.retain(|_, policy| policy.as_table().is_some_and(&keeps));
        }
    }
    fs::write(file, toml::to_string(&config).unwrap()).unwrap();
}

/// Changes the apps of each plugin that has some; the second argument is the names of its servers.
fn change_apps(home: &Path, change: impl Fn(&mut Map<String, Value>, Vec<String>)) {
    for folder in plugins(home) {
        let Some(mut apps) = read(&folder.join(".app.json")) else { continue };
        let servers = read(&folder.join(".mcp.json")).unwrap();
        let names = servers["mcpServers"].as_object().unwrap().keys().cloned().collect();
        change(apps["apps"].as_object_mut().unwrap(), names);
        fs::write(folder.join(".app.json"), apps.to_string()).unwrap();
    }
}

fn read(file: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// The folders of the installed plugins: `plugins/cache/MARKET/NAME/local`.
fn plugins(home: &Path) -> Vec<PathBuf> {
    let children = |folder: PathBuf| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let markets = children(home.join("plugins/cache"));
    let named = markets.into_iter().flat_map(children);
    named.map(|plugin| plugin.join("local")).collect()
}
