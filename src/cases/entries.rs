//! Every server entry of a case: of the host config, of the plugins, and of what contributors set.

use mcp_overlay_model::{Case, Contribution, ContributorKind};
use serde_json::Value;

/// Every server entry, as written; it may be any JSON value.
pub fn entries(case: &Case) -> impl Iterator<Item = &Value> {
    let own = case.host.get("mcp_servers").and_then(Value::as_object);
    let own = own.into_iter().flat_map(|servers| servers.values());
    let of_plugins = case.plugins.iter().flat_map(|plugin| plugin.mcp_servers.values());
    let contributed = case.contributors.iter().flat_map(|contributor| match &contributor.kind {
        ContributorKind::Scripted(list) => list.as_slice(),
        ContributorKind::HostedApps | ContributorKind::ExecutorPlugins => &[],
    });
    own.chain(of_plugins).chain(contributed.filter_map(Contribution::server))
}

/// The same, mutable.
pub fn entries_mut(case: &mut Case) -> impl Iterator<Item = &mut Value> {
    let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
    let own = own.into_iter().flat_map(|servers| servers.values_mut());
    let of_plugins = case.plugins.iter_mut().flat_map(|plugin| plugin.mcp_servers.values_mut());
    let contributed =
        case.contributors.iter_mut().flat_map(|contributor| match &mut contributor.kind {
            ContributorKind::Scripted(list) => list.as_mut_slice(),
            ContributorKind::HostedApps | ContributorKind::ExecutorPlugins => &mut [],
        });
    own.chain(of_plugins).chain(contributed.filter_map(Contribution::server_mut))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_come_from_config_plugins_and_contributions() {
        let mut case: Case = serde_json::from_value(json!({
            "host": {"mcp_servers": {"a": 1}},
            "plugins": [{"id": "p1", "active": false, "mcp_servers": {"a": 2, "b": 3}}],
            "contributors": [
                {"id": "hosted-apps", "hosted_apps": {}},
                {"id": "x", "contributions": [{"set": {"name": "a", "server": 4}}, {"remove": {"name": "a"}}]},
            ],
        }))
        .unwrap();
        assert!(entries(&case).eq([&json!(1), &json!(2), &json!(3), &json!(4)]));
        entries_mut(&mut case).for_each(|entry| *entry = json!(0));
        assert!(entries(&case).eq(&vec![json!(0); 4]));
    }
}
