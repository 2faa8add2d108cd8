//! Plugins from JSON, and the settings that switch them on and off.

use std::collections::BTreeMap;

use mcp_overlay_host::{Override, Plugin, Profile, plugin_states};
use serde_json::{Value, json};

use crate::support::url;

#[test]
fn invalid_servers_are_dropped_with_a_warning() {
    let servers =
        json!({ "a": url("a"), "bad": { "url": "x", "args": [] }, "c": { "url": "x", "y": 1 } });
    let loaded =
        Plugin::from_json_servers("p@m", true, servers.as_object().unwrap(), Profile::default());
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
    let loaded =
        Plugin::from_json_servers("p", false, servers.as_object().unwrap(), Profile::default());
    assert!(loaded.warnings.is_empty() && loaded.value.servers.is_empty() && !loaded.value.active);
}

#[test]
fn entries_of_config_toml_switch_plugins_on_and_off() {
    let text = "plugins.e = 3\n[plugins.\"a@m\"]\nenabled = false\n[plugins.b]\nenabled = true\n\
                [plugins.c]\nenabled = \"no\"\n[plugins.d]\n";
    let loaded = plugin_states(text, &[]);
    assert_eq!(
        loaded.value,
        states(&[("a@m", false), ("b", true), ("c", false), ("d", true), ("e", false)])
    );
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "config.toml:7:11: plugins.c.enabled: found a string, expected true or false; this \
             plugin is switched off",
            "config.toml:1:13: plugins.e: found an integer, expected a table; this plugin is \
             switched off",
        ]
    );
    for text in ["", "not toml", "[plugins"] {
        let loaded = plugin_states(text, &[]);
        assert!(loaded.value.is_empty() && loaded.warnings.is_empty());
    }
    let loaded = plugin_states("plugins = 1", &[]);
    assert!(loaded.value.is_empty());
    let expected = "config.toml:1:11: plugins: found an integer, expected a table; ignored";
    assert_eq!(loaded.warnings[0].to_string(), expected);
}

#[test]
fn overrides_switch_plugins_on_and_off() {
    let overrides = |texts: &[&str]| -> Vec<Override> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    let text = "[plugins.\"x@m\"]\nenabled = true\n[plugins.y]\nenabled = false\n";
    let given = ["plugins.\"x@m\".enabled=false", "plugins.y.enabled=true", "plugins.z.enabled=0"];
    let loaded = plugin_states(text, &overrides(&given));
    assert_eq!(loaded.value, states(&[("x@m", false), ("y", true), ("z", false)]));
    let [warning] = &*loaded.warnings else { panic!("{:?}", loaded.warnings) };
    let expected = "override plugins.z.enabled: plugins.z.enabled: found an integer, expected \
                    true or false; this plugin is switched off";
    assert_eq!(warning.to_string(), expected);
    // The reader of the host config reports that this is not TOML.
    let loaded = plugin_states("not toml", &overrides(&given));
    assert!(loaded.value.is_empty() && loaded.warnings.is_empty());
}

fn states(expected: &[(&str, bool)]) -> BTreeMap<String, bool> {
    expected.iter().map(|(id, enabled)| ((*id).to_owned(), *enabled)).collect()
}

#[test]
fn a_warning_quotes_a_key_of_any_characters() {
    let servers = json!({ "\"\\\n\u{1}é": Value::Null });
    let loaded =
        Plugin::from_json_servers("", true, servers.as_object().unwrap(), Profile::default());
    assert_eq!(loaded.warnings[0].key, "plugins.\"\".mcp_servers.\"\\\"\\\\\\u000A\\u0001é\"");
}
