//! The two features that matter to MCP servers.

use mcp_overlay::rules::profiles;
use mcp_overlay_model::Rule;
use serde_json::{Value, json};

use crate::{
    apps_server, apps_server_at, apps_server_in, check, check_with, in_profile, rejected,
    rejected_with,
};

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

/// Rule `features.connectors-alias`: `features.connectors` MUST be a boolean that means what
/// `features.apps` means, and MUST count when both are there.
#[test]
fn connectors_is_another_name_of_apps() {
    let rule = Rule::FeaturesConnectorsAlias;
    let (yes, no, absent) = (json!(true), json!(false), json!(null));
    for (apps, connectors, is_on) in [
        (&absent, &absent, true),
        (&absent, &yes, true),
        (&absent, &no, false),
        (&yes, &absent, true),
        (&no, &absent, false),
        (&yes, &yes, true),
        (&no, &no, false),
        // `connectors` counts.
        (&yes, &no, false),
        (&no, &yes, true),
    ] {
        for profile in profiles(rule) {
            let server = apps_server_in(profile, "https://chatgpt.com/backend-api/wham/apps");
            let effective = if is_on { json!({"codex_apps": server}) } else { json!({}) };
            let host = json!({"features": {"apps": apps, "connectors": connectors}});
            check(
                in_profile(profile, json!({"auth": "chatgpt", "host": host})),
                json!({"effective": effective}),
            );
        }
    }
    for wrong in [json!("yes"), json!(1), json!([]), json!({}), json!({"enabled": true})] {
        let case = json!({"host": {"features": {"apps": true, "connectors": wrong}}});
        rejected_with(rule, case, "host.features.connectors");
    }
}

/// Rule `features.boolean`: An unknown feature that is neither a boolean nor a table MUST reject the
/// host config at that feature.
#[test]
fn an_unknown_feature_is_a_boolean_or_a_table() {
    let rule = Rule::FeaturesBoolean;
    for name in ["other", "Apps", "apps_mcp", "plugins", ""] {
        for wrong in [json!("yes"), json!("true"), json!(1), json!(0.5), json!([]), json!([true])] {
            let case = json!({"host": {"features": {name: wrong}}});
            rejected_with(rule, case, &format!("host.features.{name}"));
        }
        for right in [json!(true), json!(false), json!(null), json!({}), json!({"x": [1]})] {
            let host = json!({"features": {name: right}, "mcp_servers": {"a": {"command": "srv"}}});
            check_with(
                rule,
                json!({"host": host}),
                json!({"configured": {"a": {"command": "srv"}}}),
            );
        }
    }
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
