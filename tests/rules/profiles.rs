//! Rules that hold from some profile on, and what holds before it.

use mcp_overlay::rules::profiles;
use mcp_overlay_model::{Profile, Rule};
use serde_json::{Value, json};

use super::{
    apps_server, apps_server_in, check, check_with, contributor, hosted, in_profile, rejected_with,
    remove, set, with,
};

const FIRST: &str = "codex-pr-27191";

fn mine() -> Value {
    json!({"command": "mine"})
}

/// Rule `hosted.at-ps-mcp`: The hosted-apps contributor MUST set the Apps server at the path
/// `ps/mcp`, whatever the base.
#[test]
fn the_hosted_server_is_at_ps_mcp() {
    check(
        json!({"profile": FIRST, "contributors": [hosted()]}),
        json!({"runtime": {"codex_apps": apps_server()}}),
    );
    for (base, url) in [
        ("https://chatgpt.com/backend-api/", "https://chatgpt.com/backend-api/ps/mcp"),
        ("https://host.example", "https://host.example/api/codex/ps/mcp"),
        ("http://host.example/api/codex//", "http://host.example/api/codex/ps/mcp"),
        ("https://chat.openai.com", "https://chat.openai.com/backend-api/ps/mcp"),
    ] {
        for path_override in [json!(null), json!(true), json!({"path": "/x"})] {
            let host = json!({
                "chatgpt_base_url": base, "features": {"apps_mcp_path_override": path_override},
            });
            for profile in profiles(Rule::HostedAtPsMcp) {
                check(
                    in_profile(profile, json!({"host": host, "contributors": [hosted()]})),
                    json!({"runtime": {"codex_apps": apps_server_in(profile, url)}}),
                );
            }
        }
    }
}

/// Rule `legacy.first-in-runtime`: The legacy Apps loader MUST put the Apps server into `runtime`
/// before the contributions when the Apps feature is on, replacing a configured one, and MUST
/// remove `codex_apps` there when it is off, whatever the auth; it MUST NOT touch `effective`.
#[test]
fn the_legacy_server_comes_first() {
    for profile in profiles(Rule::LegacyFirstInRuntime) {
        let server = apps_server_in(profile, "https://chatgpt.com/backend-api/wham/apps");
        for auth in super::AUTHS {
            let case = |apps: bool, contributions: Value| {
                let case = json!({
                    "auth": auth,
                    "host": {"features": {"apps": apps}, "mcp_servers": {"codex_apps": mine()}},
                    "contributors": [contributor("x", contributions)],
                });
                in_profile(profile, case)
            };
            check(case(true, json!([])), json!({"runtime": {"codex_apps": server}}));
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
        check(in_profile(profile, json!({})), json!({"runtime": {"codex_apps": server}}));
    }
    check(json!({"profile": FIRST}), json!({"runtime": {}}));
}

/// Rule `features.override-ignored`: `features.apps_mcp_path_override` MUST be a boolean or a table
/// `{enabled?: boolean, path?: string}`, and MUST have no effect; anything else rejects the host
/// config at `host.features.apps_mcp_path_override`.
#[test]
fn the_path_override_is_checked_and_ignored() {
    let rule = Rule::FeaturesOverrideIgnored;
    let case = |written: &Value| json!({"host": {"features": {"apps_mcp_path_override": written}}});
    for written in [
        json!(true),
        json!(false),
        json!(null),
        json!({}),
        json!({"path": "/x"}),
        json!({"path": "//"}),
        json!({"enabled": true, "path": ""}),
        json!({"enabled": null, "path": null}),
    ] {
        for profile in profiles(rule) {
            for (contributors, path) in [(json!([]), "wham/apps"), (json!([hosted()]), "ps/mcp")] {
                let url = format!("https://chatgpt.com/backend-api/{path}");
                check(
                    in_profile(profile, with(&case(&written), "contributors", contributors)),
                    json!({"runtime": {"codex_apps": apps_server_in(profile, &url)}}),
                );
            }
        }
    }
    for wrong in [
        json!(5),
        json!("/x"),
        json!([1]),
        json!({"path": 5}),
        json!({"enabled": "yes"}),
        json!({"path": "/x", "other": null}),
    ] {
        rejected_with(rule, case(&wrong), "host.features.apps_mcp_path_override");
    }
}

/// Whether what is disabled stays disabled, as long as no plugin is selected.
fn has_disabled_stay(profile: Profile) -> bool {
    profile.has(Rule::OverlayDisabledStays) || profile.has(Rule::SelectedDisabledIsNoVeto)
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
            for profile in Profile::ALL {
                let stays = has_disabled_stay(profile);
                let view = if stays { &after } else { &before };
                let contributors = json!([contributor("x", &contributions)]);
                check(
                    json!({"profile": profile.name(), "host": host, "plugins": plugins,
                           "contributors": contributors}),
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
    for (contributors, path) in [(json!([]), "wham/apps"), (json!([hosted()]), "ps/mcp")] {
        let url = format!("https://chatgpt.com/backend-api/{path}");
        for profile in profiles(Rule::LegacyFirstInRuntime) {
            let mut server = apps_server_in(profile, &url);
            if has_disabled_stay(profile) {
                server["enabled"] = json!(false);
            }
            let case = json!({"auth": "chatgpt", "host": host, "contributors": contributors});
            check(in_profile(profile, case), json!({"effective": {"codex_apps": server}}));
        }
    }
    let off = json!({"command": "srv", "enabled": false});
    let list = json!([set("b", &off), set("b", mine())]);
    check_with(
        Rule::OverlayDisabledStays,
        json!({"host": {"features": {"apps": false}}, "contributors": [contributor("x", list)]}),
        json!({"runtime": {"b": mine()}}),
    );
}

/// Rule `apps-server.sku-default`: The Apps server MUST carry the header
/// `X-OpenAI-Product-Sku: codex` when no product SKU is configured.
#[test]
fn the_product_is_codex_unless_said() {
    for (written, sku) in [(Value::Null, "codex"), (json!("tpp"), "tpp"), (json!(""), "")] {
        for profile in profiles(Rule::AppsServerSkuDefault) {
            for (contributors, path) in [(json!([]), "wham/apps"), (json!([hosted()]), "ps/mcp")] {
                let url = format!("https://chatgpt.com/backend-api/{path}");
                let headers = json!({"X-OpenAI-Product-Sku": sku});
                let server = with(&apps_server_in(profile, &url), "http_headers", headers);
                let host = json!({"apps_mcp_product_sku": written});
                check(
                    in_profile(profile, json!({"host": host, "contributors": contributors})),
                    json!({"runtime": {"codex_apps": server}}),
                );
            }
        }
    }
}
