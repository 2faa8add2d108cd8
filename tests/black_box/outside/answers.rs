//! Faults in the answer to a list of servers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::shared::{LISTS, Shared};

/// The tools that were listed first, by server.
#[derive(Default)]
pub(crate) struct Tools(BTreeMap<String, Value>);

impl Tools {
    pub(crate) fn spoil(&mut self, shared: &Shared, result: &mut Value) {
        let Some(servers) = result["data"].as_array_mut() else { return };
        let state = shared.state();
        let has_tools =
            |server: &Value| server["tools"].as_object().is_some_and(|it| !it.is_empty());
        let is_short = servers.iter().any(|server| {
            let name = server["name"].as_str().unwrap_or_default();
            state.server(LISTS, name).is_some() && !has_tools(server)
        });
        for server in servers {
            let name = server["name"].as_str().unwrap_or_default().to_string();
            let is_cached = match &*shared.fault {
                "caches-tools-by-name" => name != "codex_apps",
                "caches-tools-of-stdio-servers" => state.is_stdio(LISTS, &name),
                "shows-the-tools-of-the-former-account" => name == "codex_apps",
                "one-down-server-empties-the-list" if is_short => {
                    server["tools"] = json!({});
                    false
                }
                _ => false,
            };
            if is_cached && has_tools(server) {
                server["tools"] = self.0.entry(name).or_insert(server["tools"].clone()).clone();
            }
        }
    }
}
