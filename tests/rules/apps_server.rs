//! The Apps server itself.

use mcp_overlay::rules::profiles;
use mcp_overlay_model::Rule;
use serde_json::{Value, json};

use crate::{
    apps_server, apps_server_at, apps_server_in, check, check_with, contributor, hosted,
    in_profile, set, with,
};

/// The host's Apps server is `server`, by the legacy loader and by the hosted contributor alike.
#[track_caller]
fn apps_server_is(host: Value, server: Value) {
    check(json!({"auth": "chatgpt", "host": host}), json!({"effective": {"codex_apps": server}}));
    check(
        json!({"auth": "chatgpt", "host": host, "contributors": [hosted()]}),
        json!({"runtime": {"codex_apps": server}, "effective": {"codex_apps": server}}),
    );
}

/// Rule `apps-server.shape`: The Apps server that a host builds MUST be streamable HTTP in
/// environment `local`, not required, with a startup timeout of 30 s, and MUST have no other field
/// than those that other rules give it.
#[test]
fn the_apps_server_is_plain_http_with_a_timeout() {
    apps_server_is(json!({}), apps_server());
    // Nothing of a server of the same name gets into it.
    let mine = json!({
        "url": "https://mine.example", "required": true, "enabled": false, "tool_timeout_sec": 9,
        "environment_id": "gpu-box", "http_headers": {"X": "1"}, "startup_timeout_sec": 1,
    });
    apps_server_is(json!({"mcp_servers": {"codex_apps": mine}}), apps_server());
    // Nor of the environment or of other features.
    apps_server_is(
        json!({"env": {"TOK": "t", "CODEX_HOME": "/x"}, "features": {"other": true}, "model": "m"}),
        apps_server(),
    );
    apps_server_is(
        json!({"chatgpt_base_url": "http://[::1]:9/"}),
        apps_server_at("http://[::1]:9/api/codex/apps"),
    );
}

/// Rule `apps-server.sku-header`: With a product SKU the Apps server MUST carry the header
/// `X-OpenAI-Product-Sku: <sku>`.
#[test]
fn the_product_sku_is_told_in_a_header() {
    // An empty SKU is one too: only absent means none.
    for sku in ["tpp", "codex", "with space", "", "ü"] {
        let mut server = apps_server();
        server["http_headers"] = json!({"X-OpenAI-Product-Sku": sku});
        apps_server_is(json!({"apps_mcp_product_sku": sku}), server);
    }
    apps_server_is(json!({}), apps_server());
    apps_server_is(json!({"apps_mcp_product_sku": null}), apps_server());
    // The user's own server does not get it.
    let mine = json!({"codex_apps_2": {"url": "https://mine.example"}});
    check(
        json!({"host": {"apps_mcp_product_sku": "tpp", "mcp_servers": mine}}),
        json!({"effective": mine}),
    );
}

/// Rule `apps-server.no-sku-no-header`: Without a product SKU the Apps server MUST carry no headers.
#[test]
fn without_a_product_sku_there_are_no_headers() {
    for host in [
        json!({}),
        json!({"apps_mcp_product_sku": null}),
        json!({"product_sku": "tpp", "Apps_Mcp_Product_Sku": "tpp"}),
        json!({"env": {"CODEX_CONNECTORS_TOKEN": " ", "X-OpenAI-Product-Sku": "tpp"}}),
        // Headers of a server of the same name are not taken over.
        json!({"mcp_servers": {"codex_apps": {"url": "https://a.example", "http_headers": {"X": "1"}}}}),
    ] {
        is_built(Rule::AppsServerNoSkuNoHeader, &host, |server| {
            assert!(server.get("http_headers").is_none(), "{server}");
            server
        });
    }
}

/// Rule `apps-server.auth`: The Apps server MUST have `auth` `chatgpt`, in `runtime` whatever its
/// URL.
#[test]
fn the_apps_server_has_auth_chatgpt() {
    let rule = Rule::AppsServerAuth;
    for host in [
        json!({}),
        json!({"chatgpt_base_url": "http://localhost:1"}),
        json!({"chatgpt_base_url": "https://chat.openai.com"}),
        json!({"chatgpt_base_url": "https://chatgpt.com:8443/backend-api"}),
        json!({"mcp_servers": {"codex_apps": {"url": "https://a.example", "auth": "oauth"}}}),
    ] {
        is_built(rule, &host, |server| {
            assert_eq!(server["auth"], "chatgpt");
            server
        });
    }
    // Beside the bearer variable.
    let host = json!({"env": {"CODEX_CONNECTORS_TOKEN": "t"}});
    is_built(rule, &host, |server| {
        with(&server, "bearer_token_env_var", json!("CODEX_CONNECTORS_TOKEN"))
    });
    // A server of that name which the host did not build has what is written.
    let mine = json!({"url": "https://chatgpt.com/mine"});
    let list = json!([set("codex_apps", &mine)]);
    check_with(
        rule,
        json!({"auth": "chatgpt", "contributors": [contributor("x", list)]}),
        json!({"runtime": {"codex_apps": mine}, "effective": {"codex_apps": mine}}),
    );
}

/// In every profile with the rule, the Apps server of a host, by the legacy loader and by the hosted
/// contributor, is the plain one with `change` made to it.
#[track_caller]
fn is_built(rule: Rule, host: &Value, change: impl Fn(Value) -> Value) {
    let base = match host["chatgpt_base_url"].as_str() {
        None | Some("https://chatgpt.com") => "https://chatgpt.com/backend-api".to_string(),
        Some(base) if base.ends_with("/backend-api") => base.to_string(),
        Some("https://chat.openai.com") => "https://chat.openai.com/backend-api".to_string(),
        Some(base) => format!("{base}/api/codex"),
    };
    let legacy = if base.ends_with("/backend-api") { "wham/apps" } else { "apps" };
    for profile in profiles(rule) {
        let server = |path: &str| change(apps_server_in(profile, &format!("{base}/{path}")));
        let early = profile.has(Rule::LegacyFirstInRuntime);
        check(
            in_profile(profile, json!({"auth": "chatgpt", "host": host})),
            json!({if early { "runtime" } else { "effective" }: {"codex_apps": server(legacy)}}),
        );
        let path = if profile.has(Rule::HostedAtPsMcp) { "ps/mcp" } else { legacy };
        check(
            in_profile(profile, json!({"host": host, "contributors": [hosted()]})),
            json!({"runtime": {"codex_apps": server(path)}}),
        );
    }
}

/// Rule `apps-server.bearer-env`: With `CODEX_CONNECTORS_TOKEN` set to a value that is not blank,
/// the Apps server's `bearer_token_env_var` MUST be that variable's name; unset or blank, absent.
#[test]
fn the_bearer_variable_is_named_when_it_holds_a_token() {
    for token in ["t", " t ", "0", "\u{200b}"] {
        let mut server = apps_server();
        server["bearer_token_env_var"] = json!("CODEX_CONNECTORS_TOKEN");
        apps_server_is(json!({"env": {"CODEX_CONNECTORS_TOKEN": token}}), server);
    }
    for blank in ["", " ", "\t\r\n", "\u{a0}", "\u{2003}\u{3000}"] {
        apps_server_is(json!({"env": {"CODEX_CONNECTORS_TOKEN": blank}}), apps_server());
    }
    let others = json!({"codex_connectors_token": "t", "CODEX_CONNECTORS_TOKEN_2": "t"});
    for env in [json!({}), json!(null), others] {
        apps_server_is(json!({"env": env}), apps_server());
    }
    // With the SKU, both.
    let mut server = apps_server();
    server["http_headers"] = json!({"X-OpenAI-Product-Sku": "tpp"});
    server["bearer_token_env_var"] = json!("CODEX_CONNECTORS_TOKEN");
    apps_server_is(
        json!({"env": {"CODEX_CONNECTORS_TOKEN": "t"}, "apps_mcp_product_sku": "tpp"}),
        server,
    );
}
