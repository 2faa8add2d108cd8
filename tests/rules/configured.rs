//! `configured`, and whose word it is made of.

use std::process::Command;
use std::sync::Arc;

use mcp_overlay_host::{
    Environment, HostConfig, McpExtensionRegistryBuilder, McpManager, Plugin, Profile,
};
use mcp_overlay_model::Rule;
use serde_json::json;

use crate::{AUTHS, apps_server, check, check_with, contributor, hosted, remove, set};

/// Rule `resolution.pure`: The three views MUST be a function of host config, requirements,
/// plugins, contributions, thread and auth alone; executor availability, map iteration order, time
/// and network MUST NOT matter.
#[test]
fn nothing_but_the_case_matters() {
    // Nobody looks whether the program, the folder, the remote environment or the address exists.
    let servers = json!({
        "gone": {"command": "/no/such/program", "cwd": "/no/such/folder"},
        "remote": {"command": "srv", "cwd": "/srv", "environment_id": "no-such-executor"},
        "unreachable": {"url": "http://127.0.0.1:1/mcp"},
        "nonsense": {"url": "not a url"},
    });
    let case = json!({"host": {"mcp_servers": servers}, "auth": "chatgpt"});
    let mut effective = servers.clone();
    effective["codex_apps"] = apps_server();
    for _ in 0..3 {
        check(
            case.clone(),
            json!({"configured": servers, "runtime": servers, "effective": effective}),
        );
    }
}

/// The environment of a case is `host.env`; a token in that of this very process does not count.
#[test]
fn the_environment_of_the_process_does_not_matter() {
    let test = "apps_server::the_bearer_variable_is_named_when_it_holds_a_token";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env("CODEX_CONNECTORS_TOKEN", "from-the-process")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains("1 passed"), "{report}");
}

/// Rule `configured.union`: `configured` MUST hold every name that the host config or an active
/// plugin validly defines, but for the servers that an app hides, and no other name.
#[test]
fn configured_is_config_and_plugins_and_nothing_else() {
    check(
        json!({
            "host": {"mcp_servers": {"a": {"command": "a"}, "codex_apps": {"command": "c"}}},
            "plugins": [
                {"id": "p", "mcp_servers": {"A": {"command": "A"}, "codex-apps": {"command": "d"}}},
                {"id": "q", "mcp_servers": {"": {"command": "empty"}, "a b": {"command": "ab"}}},
                {"id": "none", "mcp_servers": {}},
            ],
            "contributors": [
                contributor("x", json!([set("contributed", json!({"command": "x"})), remove("a")])),
                hosted(),
            ],
            "auth": "chatgpt",
        }),
        json!({
            "configured": {
                "a": {"command": "a"}, "codex_apps": {"command": "c"}, "A": {"command": "A"},
                "codex-apps": {"command": "d"}, "": {"command": "empty"}, "a b": {"command": "ab"},
            },
            "plugin_owners": {"A": "p", "codex-apps": "p", "": "q", "a b": "q"},
        }),
    );
    check(json!({"auth": "chatgpt"}), json!({"configured": {}, "plugin_owners": {}}));
}

/// Rule `configured.config-over-plugin`: For a name that both the host config and a plugin define,
/// `configured` MUST hold the host config's server.
#[test]
fn the_config_beats_every_plugin_as_a_whole() {
    // Disabled, of the other transport and with fewer fields: still the config's, nothing merged.
    check(
        json!({
            "host": {"mcp_servers": {"a": {"command": "mine", "enabled": false}}},
            "plugins": [
                {"id": "p", "mcp_servers": {"a": {"url": "https://p.example", "required": true}}},
                {"id": "q", "mcp_servers": {"a": {"command": "q", "args": ["x"]}}},
            ],
        }),
        json!({
            "configured": {"a": {"command": "mine", "enabled": false}},
            "runtime": {"a": {"command": "mine", "enabled": false}},
            "plugin_owners": {},
        }),
    );
    check(
        json!({
            "host": {"mcp_servers": {"codex_apps": {"command": "mine"}}},
            "plugins": [{"id": "p", "mcp_servers": {"codex_apps": {"command": "p"}}}],
        }),
        json!({"configured": {"codex_apps": {"command": "mine"}}, "plugin_owners": {}}),
    );
}

/// Rule `configured.first-plugin-wins`: For a name that several active plugins define, `configured`
/// MUST hold the earliest plugin's server.
#[test]
fn the_earliest_plugin_with_a_valid_entry_wins() {
    let from = |command: &str| json!({"a": {"command": command}});
    // By discovery order, not by id.
    check(
        json!({"plugins": [
            {"id": "z", "mcp_servers": {"a": {"command": "z", "enabled": false}}},
            {"id": "a", "mcp_servers": from("a")},
            {"id": "m", "mcp_servers": from("m")},
        ]}),
        json!({
            "configured": {"a": {"command": "z", "enabled": false}}, "plugin_owners": {"a": "z"},
        }),
    );
    // Neither an inactive plugin nor an invalid entry stands in the way.
    check(
        json!({"plugins": [
            {"id": "inactive", "active": false, "mcp_servers": from("inactive")},
            {"id": "invalid", "mcp_servers": {"a": {"command": "x", "url": "https://x.example"}}},
            {"id": "third", "mcp_servers": from("third")},
            {"id": "fourth", "mcp_servers": from("fourth")},
        ]}),
        json!({"configured": from("third"), "plugin_owners": {"a": "third"}}),
    );
    // Name by name: each plugin wins where it is the first.
    check(
        json!({"plugins": [
            {"id": "p", "mcp_servers": {"a": {"command": "p"}, "b": {"command": "p"}}},
            {"id": "q", "mcp_servers": {"b": {"command": "q"}, "c": {"command": "q"}}},
        ]}),
        json!({
            "configured": {"a": {"command": "p"}, "b": {"command": "p"}, "c": {"command": "q"}},
            "plugin_owners": {"a": "p", "b": "p", "c": "q"},
        }),
    );
}

/// Rule `configured.owners-exact`: `plugin_owners` MUST hold exactly the names whose server in
/// `configured` comes from a plugin, each with that plugin's id.
#[test]
fn owners_are_those_of_configured_whatever_the_overlays_say() {
    let plugins = json!([{"id": "p", "mcp_servers": {
        "kept": {"command": "p"}, "removed": {"command": "p"}, "replaced": {"command": "p"},
        "configured": {"command": "p"}, "codex_apps": {"command": "p"}, "invalid": {},
    }}]);
    check(
        json!({
            "host": {"mcp_servers": {"configured": {"command": "mine"}}},
            "plugins": plugins,
            "contributors": [
                contributor("x", json!([
                    remove("removed"),
                    remove("configured"),
                    set("replaced", json!({"command": "x"})),
                    set("new", json!({"command": "x"})),
                ])),
                hosted(),
            ],
        }),
        json!({
            "runtime": {
                "kept": {"command": "p"}, "replaced": {"command": "x"}, "new": {"command": "x"},
                "codex_apps": apps_server(),
            },
            "plugin_owners": {"kept": "p", "removed": "p", "replaced": "p", "codex_apps": "p"},
        }),
    );
}

/// Rule `owners.of-runtime`: `plugin_owners` MUST hold exactly the names whose server in `runtime`
/// comes from an installed or a selected plugin, each with that plugin's id.
#[test]
fn owners_are_those_of_runtime() {
    let srv = |command: &str| json!({"command": command});
    let off = json!({"command": "p", "enabled": false});
    let plugins = json!([
        {"id": "p", "mcp_servers": {
            "kept": srv("p"), "off": off, "removed": srv("p"), "replaced": srv("p"),
            "same": srv("p"), "back": srv("p"), "off-replaced": off, "configured": srv("p"),
            "codex_apps": srv("p"), "invalid": {},
        }},
        {"id": "q", "mcp_servers": {"kept": srv("q"), "removed": srv("q"), "later": srv("q")}},
        {"id": "r", "active": false, "mcp_servers": {"inactive": srv("r")}},
    ]);
    let contributions = json!([
        remove("removed"),
        remove("absent"),
        set("replaced", srv("x")),
        // The same server again, but the contribution's.
        set("same", srv("p")),
        remove("back"),
        set("back", srv("p")),
        // It stays disabled, and is not the plugin's all the same.
        set("off-replaced", srv("p")),
        set("new", srv("x")),
    ]);
    let owners = json!({"kept": "p", "off": "p", "later": "q"});
    for apps in [true, false] {
        for contributors in [
            json!([contributor("x", &contributions)]),
            json!([contributor("x", &contributions), hosted()]),
        ] {
            let host = json!({
                "features": {"apps": apps}, "mcp_servers": {"configured": srv("mine")},
            });
            check_with(
                Rule::OwnersOfRuntime,
                json!({"host": host, "plugins": plugins, "contributors": contributors}),
                json!({"plugin_owners": owners}),
            );
        }
    }
    // The gate does not take an owner away: it is about `effective`.
    let all = json!([{"id": "p", "mcp_servers": {"a": srv("p"), "codex_apps": srv("p")}}]);
    for auth in AUTHS {
        check_with(
            Rule::OwnersOfRuntime,
            json!({"auth": auth, "plugins": all}),
            json!({"plugin_owners": {"a": "p"}}),
        );
    }
}

/// Rule `configured.inactive-plugin-ignored`: An inactive plugin MUST add nothing.
#[test]
fn an_inactive_plugin_adds_nothing() {
    check(
        json!({"plugins": [
            {"id": "off", "active": false, "mcp_servers": {"a": {"command": "x"}, "bad": 5}},
            {"id": "on", "active": true, "mcp_servers": {"b": {"command": "x"}}},
            {"id": "said-nothing", "mcp_servers": {"c": {"command": "x"}}},
        ]}),
        json!({
            "configured": {"b": {"command": "x"}, "c": {"command": "x"}},
            "plugin_owners": {"b": "on", "c": "said-nothing"},
        }),
    );
    // It does not come back later either.
    check(
        json!({
            "plugins": [{"id": "off", "active": false, "mcp_servers": {"a": {"command": "x"}}}],
            "contributors": [contributor("x", json!([remove("b")]))],
            "auth": "chatgpt",
        }),
        json!({"runtime": {}, "effective": {"codex_apps": apps_server()}}),
    );
}

/// The implementation reads no servers of an inactive plugin; one that is switched off only later
/// has them, and they must not count either.
#[test]
fn a_plugin_that_is_switched_off_after_it_was_read_adds_nothing() {
    let servers = json!({"a": {"command": "x"}});
    let mut plugin =
        Plugin::from_json_servers("p", true, servers.as_object().unwrap(), Profile::default())
            .value;
    let host = HostConfig::from_json(&json!({}), Environment::default()).unwrap().value;
    let manager = McpManager::new(McpExtensionRegistryBuilder::new().build());
    let host = Arc::new(host);
    let count = |plugin: &Plugin| {
        manager.configured_servers(&host, &Arc::from([plugin.clone()])).iter().count()
    };
    assert_eq!(count(&plugin), 1);
    plugin.active = false;
    assert_eq!(count(&plugin), 0);
}

/// Rule `configured.invalid-plugin-server-dropped`: An invalid server entry of a plugin MUST be
/// dropped (with a warning) and the rest of that plugin kept.
#[test]
fn an_invalid_plugin_server_is_dropped_alone() {
    let invalid = [
        json!({}),
        json!(null),
        json!("npx"),
        json!(["npx"]),
        json!({"command": "srv", "url": "https://p.example"}),
        json!({"command": 1}),
        json!({"url": "https://p.example", "bearer_token": "secret"}),
        json!({"command": "srv", "environment_id": "gpu-box"}),
    ];
    for entry in invalid {
        check(
            json!({
                "host": {"mcp_servers": {"mine": {"command": "mine"}}},
                "plugins": [
                    {"id": "p", "mcp_servers": {"before": {"command": "p"}, "c": entry}},
                    {"id": "q", "mcp_servers": {"d": entry, "later": {"command": "q"}}},
                ],
            }),
            json!({
                "configured": {
                    "mine": {"command": "mine"}, "before": {"command": "p"},
                    "later": {"command": "q"},
                },
                "plugin_owners": {"before": "p", "later": "q"},
            }),
        );
    }
}
