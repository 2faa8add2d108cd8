//! Rules that hold from some profile on, and what holds before it.

use serde_json::{Value, json};

use super::{apps_server, apps_server_at, check, contributor, hosted, rejected, remove, set};

const FIRST: &str = "codex-pr-27191";
const THREE_PHASES: &str = "codex-pr-27198";
const DISABLED_STAYS: &str = "codex-pr-27414";
const LATEST: &str = "codex-pr-31803";

fn at_ps_mcp() -> Value {
    apps_server_at("https://chatgpt.com/backend-api/ps/mcp")
}

fn mine() -> Value {
    json!({"command": "mine"})
}

/// Rule `hosted.at-ps-mcp`: The hosted-apps contributor MUST set the Apps server at the path
/// `ps/mcp`, whatever the base.
#[test]
fn the_hosted_server_is_at_ps_mcp() {
    for (profile, server) in
        [(FIRST, apps_server()), (THREE_PHASES, at_ps_mcp()), (DISABLED_STAYS, at_ps_mcp())]
    {
        check(
            json!({"profile": profile, "contributors": [hosted()]}),
            json!({"runtime": {"codex_apps": server}}),
        );
    }
    for (base, url) in [
        ("https://host.example", "https://host.example/api/codex/ps/mcp"),
        ("http://host.example/api/codex//", "http://host.example/api/codex/ps/mcp"),
        ("https://chat.openai.com", "https://chat.openai.com/backend-api/ps/mcp"),
    ] {
        let host = json!({"chatgpt_base_url": base, "features": {"apps_mcp_path_override": "/x"}});
        check(
            json!({"profile": DISABLED_STAYS, "host": host, "contributors": [hosted()]}),
            json!({"runtime": {"codex_apps": apps_server_at(url)}}),
        );
    }
}

/// Rule `legacy.first-in-runtime`: The legacy Apps loader MUST put the Apps server into `runtime`
/// before the contributions when the Apps feature is on, replacing a configured one, and MUST
/// remove `codex_apps` there when it is off, whatever the auth; it MUST NOT touch `effective`.
#[test]
fn the_legacy_server_comes_first() {
    for profile in [THREE_PHASES, DISABLED_STAYS] {
        for auth in super::AUTHS {
            let case = |apps: bool, contributions: Value| {
                json!({
                    "profile": profile,
                    "auth": auth,
                    "host": {"features": {"apps": apps}, "mcp_servers": {"codex_apps": mine()}},
                    "contributors": [contributor("x", contributions)],
                })
            };
            check(case(true, json!([])), json!({"runtime": {"codex_apps": apps_server()}}));
            check(case(false, json!([])), json!({"runtime": {}, "effective": {}}));
            check(
                case(true, json!([remove("codex_apps")])),
                json!({"runtime": {}, "effective": {}}),
            );
            check(
                case(false, json!([set("codex_apps", mine())])),
                json!({"runtime": {"codex_apps": mine()}, "effective": {}}),
            );
        }
        check(json!({"profile": profile}), json!({"runtime": {"codex_apps": apps_server()}}));
    }
    check(json!({"profile": FIRST}), json!({"runtime": {}}));
}

/// Rule `features.override-ignored`: `features.apps_mcp_path_override` MUST be a boolean or a table
/// `{enabled?: boolean, path?: string}`, and MUST have no effect; anything else rejects the host
/// config at `host.features.apps_mcp_path_override`.
#[test]
fn the_path_override_is_ignored() {
    for written in [
        json!(true),
        json!(5),
        json!("/x"),
        json!([1]),
        json!({"path": "/x"}),
        json!({"path": "//"}),
        json!({"path": 5, "other": {}}),
    ] {
        let case = |profile: &str| json!({"profile": profile, "host": {"features": {"apps_mcp_path_override": written}}});
        for profile in [THREE_PHASES, DISABLED_STAYS] {
            check(case(profile), json!({"runtime": {"codex_apps": apps_server()}}));
        }
        if written != json!(true) && written != json!({"path": "/x"}) {
            rejected(case(FIRST), "host.features.apps_mcp_path_override");
        }
    }
}

/// Rule `overlay.disabled-stays`: A name that is disabled in `configured` MUST be disabled in
/// `runtime` too if it is there, whichever contribution set it; its other fields are those that
/// were set, and `Remove` still deletes it.
#[test]
fn what_is_disabled_stays_disabled() {
    let off = json!({"command": "srv", "enabled": false});
    let other = json!({"command": "other", "required": true});
    let other_off = json!({"command": "other", "required": true, "enabled": false});
    for (contributions, before, after) in [
        (json!([set("a", &other)]), json!({"a": other}), json!({"a": other_off})),
        (json!([remove("a"), set("a", &other)]), json!({"a": other}), json!({"a": other_off})),
        (json!([set("a", &other), remove("a")]), json!({}), json!({})),
        (json!([set("a", &other_off)]), json!({"a": other_off}), json!({"a": other_off})),
    ] {
        let written = json!({"mcp_servers": {"a": off}, "features": {"apps": false}});
        let plugin = json!({"id": "p", "mcp_servers": {"a": off}});
        let sources =
            [(written, json!([])), (json!({"features": {"apps": false}}), json!([plugin]))];
        for (host, plugins) in sources {
            for (profile, view) in
                [(FIRST, &before), (THREE_PHASES, &before), (DISABLED_STAYS, &after)]
            {
                check(
                    json!({"profile": profile, "host": host, "plugins": plugins,
                           "contributors": [contributor("x", &contributions)]}),
                    json!({"runtime": view, "effective": view}),
                );
            }
        }
    }
}

/// The legacy loader's server, put over a disabled one, is as disabled; an overlay disables only
/// what was disabled in `configured`.
#[test]
fn the_apps_server_stays_disabled_too() {
    let host = json!({"mcp_servers": {"codex_apps": {"command": "mine", "enabled": false}}});
    for (contributors, server) in [(json!([]), apps_server()), (json!([hosted()]), at_ps_mcp())] {
        let case = |profile: &str| {
            json!({"profile": profile, "auth": "chatgpt", "host": host,
                   "contributors": contributors})
        };
        check(case(THREE_PHASES), json!({"effective": {"codex_apps": server}}));
        let disabled = super::with(&server, "enabled", json!(false));
        check(case(DISABLED_STAYS), json!({"effective": {"codex_apps": disabled}}));
    }
    let off = json!({"command": "srv", "enabled": false});
    let list = json!([set("b", &off), set("b", mine())]);
    check(
        json!({"profile": DISABLED_STAYS, "host": {"features": {"apps": false}},
               "contributors": [contributor("x", list)]}),
        json!({"runtime": {"b": mine()}}),
    );
}

/// Rule `apps-server.sku-default`: The Apps server MUST carry the header
/// `X-OpenAI-Product-Sku: codex` when no product SKU is configured.
#[test]
fn the_product_is_codex_unless_said() {
    for (written, sku) in [(Value::Null, "codex"), (json!("tpp"), "tpp"), (json!(""), "")] {
        let headers = json!({"X-OpenAI-Product-Sku": sku});
        let server = super::with(&apps_server(), "http_headers", headers);
        check(
            json!({"profile": LATEST, "host": {"apps_mcp_product_sku": written}}),
            json!({"runtime": {"codex_apps": server}}),
        );
    }
    check(json!({"profile": DISABLED_STAYS}), json!({"runtime": {"codex_apps": apps_server()}}));
}
