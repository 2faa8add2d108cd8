//! The reserved name: the hosted-apps contributor, the legacy loader and the gate.

use serde_json::{Value, json};

use crate::{AUTHS, apps_server, check, contributor, hosted, remove, set};

fn mine() -> Value {
    json!({"url": "https://mine.example"})
}

fn apps_feature(on: bool) -> Value {
    json!({"features": {"apps": on}})
}

/// Rule `hosted.always-speaks`: The hosted-apps contributor MUST yield exactly one contribution,
/// for `codex_apps`, whatever the auth.
#[test]
fn the_hosted_contributor_always_speaks_of_codex_apps_and_of_nothing_else() {
    for auth in AUTHS {
        let host = json!({"mcp_servers": {"codex_apps": mine(), "Codex_Apps": mine()}});
        check(
            json!({"host": host, "auth": auth, "contributors": [hosted()]}),
            json!({"runtime": {"codex_apps": apps_server(), "Codex_Apps": mine()}}),
        );
        let mut off = host;
        off["features"] = json!({"apps": false});
        check(
            json!({"host": off, "auth": auth, "contributors": [hosted()]}),
            json!({"runtime": {"Codex_Apps": mine()}, "effective": {"Codex_Apps": mine()}}),
        );
        // Installed twice it says the same twice.
        check(
            json!({"auth": auth, "contributors": [hosted(), hosted()]}),
            json!({"runtime": {"codex_apps": apps_server()}}),
        );
    }
}

/// Rule `hosted.disabled-removes`: With the Apps feature off the hosted-apps contributor MUST yield
/// `Remove`.
#[test]
fn with_apps_off_the_hosted_contributor_removes() {
    for auth in AUTHS {
        let by_plugin = json!([{"id": "p", "mcp_servers": {"codex_apps": mine()}}]);
        check(
            json!({
                "host": apps_feature(false), "auth": auth, "plugins": by_plugin,
                "contributors": [hosted()],
            }),
            json!({"configured": {"codex_apps": mine()}, "runtime": {}, "effective": {}}),
        );
        let before = contributor("x", json!([set("codex_apps", mine())]));
        check(
            json!({
                "host": apps_feature(false), "auth": auth, "contributors": [before, hosted()],
            }),
            json!({"runtime": {}}),
        );
        check(
            json!({
                "host": apps_feature(false), "auth": auth, "contributors": [hosted(), before],
            }),
            json!({"runtime": {"codex_apps": mine()}, "effective": {}}),
        );
    }
}

/// Rule `hosted.enabled-sets`: With the Apps feature on the hosted-apps contributor MUST yield
/// `Set` with the [Apps server](#the-apps-server).
#[test]
fn with_apps_on_the_hosted_contributor_sets_the_apps_server() {
    for auth in AUTHS {
        for host in [json!({}), json!({"features": {"apps": true}})] {
            check(
                json!({"host": host, "auth": auth, "contributors": [hosted()]}),
                json!({"configured": {}, "runtime": {"codex_apps": apps_server()}}),
            );
        }
    }
    // A disabled server of the user's is replaced whole.
    let disabled = json!({"command": "mine", "enabled": false, "required": true});
    check(
        json!({
            "host": {"mcp_servers": {"codex_apps": disabled}}, "auth": "chatgpt",
            "contributors": [hosted()],
        }),
        json!({
            "runtime": {"codex_apps": apps_server()}, "effective": {"codex_apps": apps_server()},
        }),
    );
    // It is the server of this host config, not a fixed one.
    let corp = json!({"chatgpt_base_url": "http://corp.example", "apps_mcp_product_sku": "tpp"});
    check(
        json!({"host": corp, "contributors": [hosted()]}),
        json!({"runtime": {"codex_apps": {
            "url": "http://corp.example/api/codex/apps", "startup_timeout_sec": 30,
            "http_headers": {"X-OpenAI-Product-Sku": "tpp"},
        }}}),
    );
}

/// Rule `legacy.only-when-silent`: The legacy Apps loader MUST be active exactly when no
/// contribution, `Set` or `Remove`, names `codex_apps`.
#[test]
fn any_word_about_codex_apps_silences_the_legacy_loader() {
    let with = |contributions: Value, effective: Value| {
        let contributors = json!([contributor("x", &contributions)]);
        check(
            json!({"auth": "chatgpt", "contributors": contributors}),
            json!({"effective": effective}),
        );
    };
    // Silence: nothing at all, an empty contributor, other names however alike.
    check(json!({"auth": "chatgpt"}), json!({"effective": {"codex_apps": apps_server()}}));
    with(json!([]), json!({"codex_apps": apps_server()}));
    let alike = ["Codex_Apps", "codex-apps", "codex_apps ", "codex_apps_2", "CODEX_APPS", "codex"];
    for name in alike {
        with(json!([remove(name)]), json!({"codex_apps": apps_server()}));
        with(json!([set(name, mine())]), json!({"codex_apps": apps_server(), name: mine()}));
    }
    // A word: a Remove, a Set, a Set taken back, a Set of a disabled server.
    with(json!([remove("codex_apps")]), json!({}));
    with(json!([set("codex_apps", mine())]), json!({"codex_apps": mine()}));
    with(json!([set("codex_apps", mine()), remove("codex_apps")]), json!({}));
    let disabled = json!({"command": "srv", "enabled": false});
    with(json!([set("codex_apps", &disabled)]), json!({"codex_apps": disabled}));
    // The config and plugins define, they do not contribute: the loader stays active.
    check(
        json!({
            "auth": "chatgpt",
            "plugins": [{"id": "p", "mcp_servers": {"codex_apps": mine()}}],
        }),
        json!({"effective": {"codex_apps": apps_server()}}),
    );
}

/// Rule `legacy.synthesizes-in-effective`: An active legacy loader MUST put the Apps server into
/// `effective` when the gate is open, replacing a configured one; it MUST NOT touch `runtime`.
#[test]
fn the_legacy_loader_works_in_effective_only_and_only_when_the_gate_is_open() {
    let disabled = json!({"command": "mine", "enabled": false});
    for configured in [mine(), disabled] {
        let host = json!({"mcp_servers": {"codex_apps": configured}});
        check(
            json!({"auth": "chatgpt", "host": host}),
            json!({
                "configured": {"codex_apps": configured},
                "runtime": {"codex_apps": configured},
                "effective": {"codex_apps": apps_server()},
            }),
        );
        check(
            json!({"auth": "api_key", "host": host}),
            json!({"runtime": {"codex_apps": configured}, "effective": {}}),
        );
    }
    check(
        json!({"auth": "chatgpt"}),
        json!({"configured": {}, "runtime": {}, "effective": {"codex_apps": apps_server()}}),
    );
    check(json!({"auth": "chatgpt", "host": apps_feature(false)}), json!({"effective": {}}));
    check(json!({"auth": null}), json!({"effective": {}}));
}

/// Rule `gate.open`: The gate MUST be open exactly when the Apps feature is on and auth is backend
/// auth.
#[test]
fn the_gate_is_open_with_apps_on_and_backend_auth() {
    for auth in AUTHS {
        for apps in [Some(true), Some(false), None] {
            let backend = !matches!(auth, None | Some("api_key"));
            let open = backend && apps != Some(false);
            let host = json!({"features": {"apps": apps}});
            let effective = |server| if open { json!({"codex_apps": server}) } else { json!({}) };
            check(
                json!({"auth": auth, "host": host}),
                json!({"effective": effective(apps_server())}),
            );
            let list = json!([set("codex_apps", mine())]);
            check(
                json!({"auth": auth, "host": host, "contributors": [contributor("x", list)]}),
                json!({"effective": effective(mine())}),
            );
            check(
                json!({"auth": auth, "host": host, "contributors": [hosted()]}),
                json!({"effective": effective(apps_server())}),
            );
        }
    }
    // A token for the connectors is no auth.
    check(
        json!({"auth": "api_key", "host": {"env": {"CODEX_CONNECTORS_TOKEN": "t"}}}),
        json!({"effective": {}}),
    );
}

/// Rule `gate.closed-removes`: With the gate closed, `codex_apps` MUST be absent from `effective`,
/// whichever source defined it.
#[test]
fn a_closed_gate_removes_codex_apps_whoever_defined_it() {
    let closed = [
        (Value::Null, json!({})),
        (json!("api_key"), json!({})),
        (json!("chatgpt"), json!({"apps": false})),
        (Value::Null, json!({"apps": false})),
    ];
    for (auth, features) in closed {
        let check_effective = |case: Value| {
            let mut case = case;
            case["auth"] = auth.clone();
            case["host"]["features"] = features.clone();
            case["host"]["mcp_servers"]["Codex_Apps"] = mine();
            case["host"]["mcp_servers"]["codex-apps"] = mine();
            let others = json!({"Codex_Apps": mine(), "codex-apps": mine()});
            check(case, json!({"effective": others}));
        };
        check_effective(json!({}));
        check_effective(json!({"host": {"mcp_servers": {"codex_apps": mine()}}}));
        check_effective(json!({"host": {"mcp_servers": {"codex_apps": apps_server()}}}));
        check_effective(json!({"plugins": [{"id": "p", "mcp_servers": {"codex_apps": mine()}}]}));
        let list = json!([set("codex_apps", mine())]);
        check_effective(json!({"contributors": [contributor("x", list)]}));
        check_effective(json!({"contributors": [hosted()]}));
        let disabled = json!([set("codex_apps", json!({"command": "srv", "enabled": false}))]);
        check_effective(json!({"contributors": [contributor("x", disabled)]}));
    }
}

/// Rule `gate.never-synthesizes`: With the gate open and the legacy loader inactive, `effective`
/// MUST hold `codex_apps` exactly as `runtime` does, absent included.
#[test]
fn an_open_gate_passes_what_runtime_holds_and_adds_nothing() {
    let disabled = json!({"command": "srv", "enabled": false, "required": true});
    for (contributions, decided) in [
        (json!([set("codex_apps", mine())]), json!({"codex_apps": mine()})),
        (json!([set("codex_apps", &disabled)]), json!({"codex_apps": disabled})),
        (json!([remove("codex_apps")]), json!({})),
        (json!([set("codex_apps", mine()), remove("codex_apps")]), json!({})),
    ] {
        for configured in [json!({}), json!({"codex_apps": {"command": "configured"}})] {
            for contributors in [
                json!([contributor("x", &contributions)]),
                json!([hosted(), contributor("x", &contributions)]),
            ] {
                check(
                    json!({
                        "auth": "chatgpt", "host": {"mcp_servers": configured},
                        "contributors": contributors,
                    }),
                    json!({"runtime": decided, "effective": decided}),
                );
            }
        }
    }
}

/// Rule `effective.others-pass`: For every other name `effective` MUST equal `runtime`; a disabled
/// server stays in all views with `enabled = false`.
#[test]
fn all_other_names_pass_into_effective() {
    let off = |command: &str| json!({"command": command, "enabled": false});
    let configured =
        json!({"a": off("a"), "b": {"command": "b"}, "codex": off("codex"), "": mine()});
    let mut runtime = configured.clone();
    runtime["p"] = off("p");
    runtime["x"] = off("x");
    runtime["Codex_Apps"] = mine();
    for auth in AUTHS {
        for apps in [true, false] {
            let list = json!([set("x", off("x")), set("Codex_Apps", mine()), remove("codex_apps")]);
            check(
                json!({
                    "auth": auth,
                    "host": {"features": {"apps": apps}, "mcp_servers": configured},
                    "plugins": [{"id": "q", "mcp_servers": {"p": off("p")}}],
                    "contributors": [contributor("x", list)],
                }),
                json!({"runtime": runtime, "effective": runtime}),
            );
        }
    }
}
