//! Host configs and cases as a whole: nulls, wrong types, and which place is named.

use serde_json::{Map, Value, json};

use crate::{apps_server, check, contributor, hosted, invalid, reads, rejected, remove, set, with};

/// Rule `value.null-is-absent`: A JSON null as the value of an optional key MUST mean that the key
/// is absent; a null inside a list or as the value of a free-form map MUST be a value of the wrong
/// type.
#[test]
fn null_is_an_absent_key_but_no_value() {
    check(
        json!({"auth": "chatgpt", "host": {
            "chatgpt_base_url": null, "apps_mcp_product_sku": null, "features": null,
            "env": null, "mcp_servers": null, "unknown": null,
        }}),
        json!({"configured": {}, "effective": {"codex_apps": apps_server()}}),
    );
    let features = json!({
        "apps": null, "connectors": null, "apps_mcp_path_override": null, "other": null,
    });
    check(
        json!({"auth": "chatgpt", "host": {"features": features}}),
        json!({"effective": {"codex_apps": apps_server()}}),
    );
    // Every field of a server but its transport, foreign ones included.
    let fields = [
        "args",
        "env",
        "env_vars",
        "cwd",
        "bearer_token_env_var",
        "http_headers",
        "env_http_headers",
        "auth",
        "oauth",
        "oauth_resource",
        "environment_id",
        "enabled",
        "required",
        "supports_parallel_tool_calls",
        "startup_timeout_sec",
        "startup_timeout_ms",
        "tool_timeout_sec",
        "default_tools_approval_mode",
        "enabled_tools",
        "disabled_tools",
        "scopes",
        "tools",
        "name",
        "bearer_token",
        "unknown",
    ];
    let nulls: Map<_, _> =
        fields.map(|field| (field.to_string(), Value::Null)).into_iter().collect();
    for (transport, other, value) in [("command", "url", "srv"), ("url", "command", "https://a")] {
        let mut entry = Value::from(nulls.clone());
        entry[transport] = json!(value);
        entry[other] = Value::Null;
        reads(entry, json!({transport: value}));
    }
    let srv = json!({"command": "srv"});
    let http = json!({"url": "https://a.example"});
    // Optional keys of the tables inside.
    reads(
        with(&srv, "env_vars", json!([{"name": "T", "source": null}])),
        with(&srv, "env_vars", json!([{"name": "T"}])),
    );
    reads(with(&http, "oauth", json!({"client_id": null})), with(&http, "oauth", json!({})));
    reads(
        with(&srv, "tools", json!({"t": {"approval_mode": null}})),
        with(&srv, "tools", json!({"t": {}})),
    );
    // In a list or as the value of a free-form map it is a value, of the wrong type.
    for (entry, field, value) in [
        (&srv, "args", json!(["x", null])),
        (&srv, "env", json!({"K": null})),
        (&srv, "env_vars", json!([null])),
        (&srv, "tools", json!({"t": null})),
        (&srv, "enabled_tools", json!([null])),
        (&srv, "disabled_tools", json!([null])),
        (&srv, "scopes", json!([null])),
        (&http, "http_headers", json!({"X": null})),
        (&http, "env_http_headers", json!({"X": null})),
    ] {
        invalid(with(entry, field, value));
    }
    rejected(json!({"host": {"mcp_servers": {"a": null}}}), "host.mcp_servers.a");
    rejected(json!({"host": {"env": {"K": null}}}), "host.env.K");
}

/// Rule `host.wrong-type`: A known key of the host config with a value of the wrong type MUST
/// reject the host config at that key; unknown keys are ignored with a warning, and so are unknown
/// features.
#[test]
fn a_known_host_key_has_its_type_and_an_unknown_one_is_ignored() {
    for (key, right) in [
        ("chatgpt_base_url", "string"),
        ("apps_mcp_product_sku", "string"),
        ("features", "table"),
        ("mcp_servers", "table"),
        ("env", "table"),
    ] {
        for (kind, value) in [
            ("string", json!("https://h")),
            ("number", json!(5)),
            ("boolean", json!(true)),
            ("list", json!([])),
            ("table", json!({})),
        ] {
            let case = json!({"host": {key: value}});
            if kind == right {
                check(case, json!({"configured": {}}));
            } else {
                rejected(case, &format!("host.{key}"));
            }
        }
    }
    for wrong in [json!("yes"), json!(1), json!([]), json!({}), json!({"enabled": true})] {
        rejected(json!({"host": {"features": {"apps": wrong}}}), "host.features.apps");
    }
    for wrong in [json!(1), json!(true), json!([]), json!({})] {
        rejected(json!({"host": {"env": {"ANY": wrong}}}), "host.env.ANY");
    }
    for wrong in [json!("yes"), json!(1), json!([])] {
        rejected(
            json!({"host": {"features": {"apps_mcp_path_override": wrong}}}),
            "host.features.apps_mcp_path_override",
        );
    }
    for host in [json!(5), json!("x"), json!([]), json!(true)] {
        rejected(json!({"host": host}), "host");
    }
    // Unknown keys may be anything, unknown features are of a type; case matters.
    for any in [json!(1), json!("x"), json!([]), json!({"a": 1}), json!(false), json!(null)] {
        check(
            json!({"auth": "chatgpt", "host": {
                "model": any, "plugins": any, "Features": any, "MCP_SERVERS": any, "": any,
                "mcp_oauth_credentials_store": any,
            }}),
            json!({"configured": {}, "effective": {"codex_apps": apps_server()}}),
        );
    }
    for any in [json!(true), json!(false), json!({"a": 1}), json!(null)] {
        let features = json!({"other": any, "Apps": any, "": any, "plugins": any});
        check(
            json!({"auth": "chatgpt", "host": {"features": features}}),
            json!({"configured": {}, "effective": {"codex_apps": apps_server()}}),
        );
    }
}

/// Rule `server.invalid-rejects-config`: An invalid server in the host config MUST reject the whole
/// host config, at `host.mcp_servers.<name>`.
#[test]
fn one_invalid_server_rejects_the_whole_config() {
    let bad = json!({"enabled": true});
    for name in ["b", "codex_apps", "a.b", "", "日本", "a b", "\"q\""] {
        let servers = json!({"ok": {"command": "srv"}, name: bad});
        rejected(json!({"host": {"mcp_servers": servers}}), &format!("host.mcp_servers.{name}"));
    }
    // Whether it would have been used or not.
    let removed = contributor("x", json!([remove("b"), set("b", json!({"command": "srv"}))]));
    rejected(
        json!({"host": {"mcp_servers": {"b": bad}}, "contributors": [removed]}),
        "host.mcp_servers.b",
    );
    let disabled = json!({"b": {"enabled": false}});
    rejected(json!({"host": {"mcp_servers": disabled}}), "host.mcp_servers.b");
    rejected(
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"codex_apps": bad}}}),
        "host.mcp_servers.codex_apps",
    );
    // A contributed one too, counted from 0, contributors without a list counted along.
    let ok = set("a", json!({"command": "srv"}));
    let late = contributor("x", json!([remove("b"), ok, set("a", &bad), ok]));
    rejected(
        json!({"contributors": [contributor("y", json!([])), hosted(), late]}),
        "contributors[2].contributions[2]",
    );
    // A plugin's does not.
    check(json!({"plugins": [{"id": "p", "mcp_servers": {"b": bad}}]}), json!({"configured": {}}));
}

/// Rule `rejection.smallest-path`: With several invalid places the rejection MUST name the smallest
/// path in byte order; nothing is resolved from a rejected config.
#[test]
fn of_several_invalid_places_the_smallest_path_is_named() {
    let bad = json!({});
    let bad_set = set("a", &bad);
    let ok = remove("a");
    // Contributions: by text, so 10 comes before 2, and before 1 too: `0` is less than `]`.
    let list = |invalid: &[usize], of: usize| -> Vec<Value> {
        (0..of).map(|i| if invalid.contains(&i) { bad_set.clone() } else { ok.clone() }).collect()
    };
    for (invalid, smallest) in [(&[2, 10][..], 10), (&[1, 10, 2], 10), (&[9, 11, 3], 11)] {
        let contributors: Vec<Value> = (0..12)
            .map(|i| contributor("x", json!(list(&[0], usize::from(invalid.contains(&i))))))
            .collect();
        rejected(
            json!({"contributors": contributors}),
            &format!("contributors[{smallest}].contributions[0]"),
        );
        let one = contributor("x", json!(list(invalid, 12)));
        rejected(
            json!({"contributors": [one]}),
            &format!("contributors[0].contributions[{smallest}]"),
        );
    }
    // Every contributor before the host, whatever is wrong with it.
    let one = contributor("x", json!([bad_set]));
    for host in [json!(5), json!({"apps_mcp_product_sku": 1}), json!({"mcp_servers": {"": bad}})] {
        rejected(json!({"host": host, "contributors": [one]}), "contributors[0].contributions[0]");
    }
    // The host's places: drop the smallest, and the next one is named.
    let mut host = json!({
        "apps_mcp_product_sku": 1,
        "chatgpt_base_url": "nonsense",
        "env": {"B": 1, "a": 1},
        "features": {"apps": 1, "apps_mcp_path_override": 1},
        "mcp_servers": {
            "": bad, "A": bad, "Z": bad, "a": bad, "a-b": bad, "a.b": bad, "b": bad, "é": bad,
        },
    });
    for (path, table, key) in [
        ("host.apps_mcp_product_sku", "", "apps_mcp_product_sku"),
        ("host.chatgpt_base_url", "", "chatgpt_base_url"),
        ("host.env.B", "/env", "B"),
        ("host.env.a", "/env", "a"),
        ("host.features.apps", "/features", "apps"),
        ("host.features.apps_mcp_path_override", "/features", "apps_mcp_path_override"),
        ("host.mcp_servers.", "/mcp_servers", ""),
        ("host.mcp_servers.A", "/mcp_servers", "A"),
        ("host.mcp_servers.Z", "/mcp_servers", "Z"),
        ("host.mcp_servers.a", "/mcp_servers", "a"),
        ("host.mcp_servers.a-b", "/mcp_servers", "a-b"),
        ("host.mcp_servers.a.b", "/mcp_servers", "a.b"),
        ("host.mcp_servers.b", "/mcp_servers", "b"),
        ("host.mcp_servers.é", "/mcp_servers", "é"),
    ] {
        rejected(json!({"host": host, "auth": "chatgpt"}), path);
        host.pointer_mut(table).and_then(Value::as_object_mut).unwrap().remove(key);
    }
    check(json!({"host": host}), json!({"configured": {}}));
}
