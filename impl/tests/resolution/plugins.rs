//! Plugins from JSON, and which are switched on.

use std::collections::BTreeMap;

use mcp_overlay_host::{Plugin, plugin_states};
use serde_json::{Value, json};

use crate::support::url;

#[test]
fn invalid_servers_are_dropped_with_a_warning() {
    let servers =
        json!({ "a": url("a"), "bad": { "url": "x", "args": [] }, "c": { "url": "x", "y": 1 } });
    let loaded = Plugin::from_json_servers("p@m", true, servers.as_object().unwrap());
    let names: Vec<_> = loaded.value.servers.keys().map(|name| &**name).collect();
    assert_eq!(names, ["a", "c"]);
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "plugins.\"p@m\".mcp_servers.bad.args: not supported for a streamable HTTP server (it \
             has `url`); remove it; this server of the plugin is ignored",
            "plugins.\"p@m\".mcp_servers.c.y: unknown key, ignored",
        ]
    );
}

#[test]
fn the_servers_of_an_inactive_plugin_are_not_read() {
    let servers = json!({ "bad": 1 });
    let loaded = Plugin::from_json_servers("p", false, servers.as_object().unwrap());
    assert!(loaded.warnings.is_empty() && loaded.value.servers.is_empty() && !loaded.value.active);
}

#[test]
fn which_plugins_are_switched_on() {
    let text = "plugins.e = 3\n[plugins.\"a@m\"]\nenabled = false\n[plugins.b]\nenabled = true\n\
                [plugins.c]\nenabled = \"no\"\n[plugins.d]\n";
    let expected = BTreeMap::from([("a@m".to_owned(), false), ("b".to_owned(), true)]);
    assert_eq!(plugin_states(text), expected);
    for text in ["", "plugins = 1", "not toml", "[plugins"] {
        assert_eq!(plugin_states(text), BTreeMap::new());
    }
}

#[test]
fn keys_of_any_kind_can_be_warned_of() {
    let servers = json!({ "\"\\\n\u{1}é": Value::Null });
    let loaded = Plugin::from_json_servers("", true, servers.as_object().unwrap());
    assert_eq!(loaded.warnings[0].key, "plugins.\"\".mcp_servers.\"\\\"\\\\\\u000A\\u0001é\"");
}
