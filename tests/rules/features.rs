//! The two features that matter to MCP servers.

use serde_json::{Value, json};

use crate::{apps_server, apps_server_at, check, rejected};

#[track_caller]
fn effective(host: Value, effective: Value) {
    check(json!({"auth": "chatgpt", "host": host}), json!({"effective": effective}));
}

/// Rule `features.apps-default-on`: `features.apps` absent MUST mean on.
#[test]
fn apps_is_on_unless_it_is_off() {
    for host in [
        json!({}),
        json!({"features": null}),
        json!({"features": {}}),
        json!({"features": {"apps": null}}),
        json!({"features": {"apps": true}}),
        json!({"features": {"Apps": false, "apps ": false, "apps_mcp": false}}),
        json!({"Features": {"apps": false}, "apps": false}),
    ] {
        effective(host, json!({"codex_apps": apps_server()}));
    }
    effective(json!({"features": {"apps": false}}), json!({}));
}

/// Rule `features.override-forms`: `features.apps_mcp_path_override` MUST accept a boolean or a
/// table `{enabled?, path?}`; absent `enabled` means on if `path` is given, else off; on without a
/// path means `/ps/mcp`; another key in the table rejects the host config.
#[test]
fn an_override_is_a_switch_or_a_table_of_two_keys() {
    let base = "https://chatgpt.com/backend-api";
    for (written, path) in [
        (json!(null), "wham/apps"),
        (json!(false), "wham/apps"),
        (json!(true), "ps/mcp"),
        (json!({}), "wham/apps"),
        (json!({"enabled": null, "path": null}), "wham/apps"),
        (json!({"enabled": true}), "ps/mcp"),
        (json!({"enabled": true, "path": null}), "ps/mcp"),
        (json!({"enabled": false}), "wham/apps"),
        (json!({"path": "/x/y"}), "x/y"),
        (json!({"enabled": null, "path": "/x/y"}), "x/y"),
        (json!({"enabled": true, "path": "x"}), "x"),
        (json!({"enabled": false, "path": "x"}), "wham/apps"),
    ] {
        effective(
            json!({"features": {"apps_mcp_path_override": written}}),
            json!({"codex_apps": apps_server_at(&format!("{base}/{path}"))}),
        );
    }
    for written in [
        json!({"enabeld": true}),
        json!({"enabled": true, "path": "x", "more": 1}),
        json!({"enabled": false, "more": 1}),
        json!({"more": null}),
        json!({"Path": "x"}),
        json!({"enabled": "yes"}),
        json!({"enabled": 1}),
        json!({"path": 1}),
        json!({"path": ["x"]}),
        json!({"enabled": false, "path": 1}),
        json!("on"),
        json!("/x"),
        json!(1),
        json!([]),
        json!([true]),
    ] {
        rejected(
            json!({"host": {"features": {"apps_mcp_path_override": written}}}),
            "host.features.apps_mcp_path_override",
        );
    }
    // The forms are of this feature only.
    rejected(json!({"host": {"features": {"apps": {"enabled": true}}}}), "host.features.apps");
}
