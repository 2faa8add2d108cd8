//! Rules `endpoint.*`, `apps-server.*` and `features.*`.

use mcp_overlay_host::{Environment, HostConfig, hosted_apps};
use serde_json::{Value, json};

use crate::support::{host, rejected_at};

fn endpoint(host_config: Value) -> String {
    host(host_config).apps_endpoint()
}

#[test]
fn the_endpoint_of_each_base_url() {
    let cases = [
        ("https://chatgpt.com/backend-api/", "https://chatgpt.com/backend-api/wham/apps"),
        ("https://chatgpt.com", "https://chatgpt.com/backend-api/wham/apps"),
        ("https://chatgpt.com///", "https://chatgpt.com/backend-api/wham/apps"),
        ("HTTPS://ChatGPT.com:8443/x/", "HTTPS://ChatGPT.com:8443/x/backend-api/wham/apps"),
        ("https://chat.openai.com", "https://chat.openai.com/backend-api/wham/apps"),
        ("http://chatgpt.com", "http://chatgpt.com/api/codex/apps"),
        ("https://chatgpt.com.example.net", "https://chatgpt.com.example.net/api/codex/apps"),
        ("https://chatgpt.com.", "https://chatgpt.com./api/codex/apps"),
        ("https://x.example/a/backend-api/b", "https://x.example/a/backend-api/b/wham/apps"),
        ("https://x.example/backend-apis", "https://x.example/backend-apis/api/codex/apps"),
        ("https://x.example/Backend-API", "https://x.example/Backend-API/api/codex/apps"),
        ("https://x.example/a/api/codex/b", "https://x.example/a/api/codex/b/apps"),
        ("https://x.example/api/x/codex", "https://x.example/api/x/codex/api/codex/apps"),
        ("https://x.example/backend%2Dapi", "https://x.example/backend%2Dapi/api/codex/apps"),
        ("http://[::1]:8080", "http://[::1]:8080/api/codex/apps"),
        ("http://x.example:", "http://x.example:/api/codex/apps"),
    ];
    for (base, expected) in cases {
        assert_eq!(endpoint(json!({ "chatgpt_base_url": base })), expected);
    }
    assert_eq!(endpoint(json!({})), "https://chatgpt.com/backend-api/wham/apps");
    assert_eq!(host(json!({})).chatgpt_base_url(), "https://chatgpt.com/backend-api/");
}

#[test]
fn an_invalid_base_url_is_rejected() {
    let cases = [
        "",
        "chatgpt.com",
        "/backend-api",
        "ftp://chatgpt.com",
        "https:",
        "https://",
        "https:///x",
        "https://:443",
        "https://user@chatgpt.com",
        "https://@chatgpt.com",
        "https://a:b@c.example",
        "https://chatgpt.com?",
        "https://chatgpt.com?q",
        "https://chatgpt.com#",
        "https://x#y",
        " https://chatgpt.com",
        "https://chatgpt.com ",
        "https://chat gpt.com",
        "https:\\\\x.example",
        "https://chatgpt.com\\@evil.example",
        "https://x.example:65536",
        "https://x.example:-1",
        "https://x.example:8a",
        "https://ex%61mple.com",
        "https://[v1.x]",
        "https://[::1",
        "https://[]",
        "https://x.example/%zz",
        "https://x.example/\u{e9}",
        "https://\u{e9}.example",
        "https://x\n.example",
        "https://x.example/\"",
        "https:x.example",
        "https:/x.example",
    ];
    for base in cases {
        let config = json!({ "chatgpt_base_url": base });
        assert_eq!(rejected_at(&config), "host.chatgpt_base_url", "{base:?}");
    }
}

#[test]
fn a_rejection_does_not_quote_the_base_url() {
    let config = json!({ "chatgpt_base_url": "https://user:secret@chatgpt.com" });
    let error = HostConfig::from_json(&config, Environment::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "chatgpt_base_url: found a URL with a user or password, expected an absolute http or https \
         URL without user, query or fragment, for example https://chatgpt.com/backend-api/"
    );
    assert!(!format!("{error:?}").contains("secret"));
}

#[test]
fn a_path_override_replaces_the_default_path() {
    let base = "https://chatgpt.com";
    let with = |over: Value| {
        endpoint(json!({
            "chatgpt_base_url": base,
            "features": { "apps_mcp_path_override": over },
        }))
    };
    let (default, standard) = ("/wham/apps", "/ps/mcp");
    let cases = [
        (json!(true), standard),
        (json!(false), default),
        (json!(null), default),
        (json!({}), default),
        (json!({ "enabled": true }), standard),
        (json!({ "enabled": null, "path": null }), default),
        (json!({ "enabled": true, "path": null }), standard),
        (json!({ "path": "/custom/mcp" }), "/custom/mcp"),
        (json!({ "path": "//a//b/" }), "/a//b/"),
        (json!({ "path": "a" }), "/a"),
        (json!({ "enabled": false, "path": "/custom" }), default),
        (json!({ "enabled": false, "path": "/" }), default),
    ];
    for (over, path) in cases {
        let expected = format!("{base}/backend-api{path}");
        assert_eq!(with(over.clone()), expected, "{over}");
    }
}

#[test]
fn an_invalid_path_override_is_rejected() {
    let cases = [
        json!(1),
        json!("/x"),
        json!([]),
        json!({ "path": "" }),
        json!({ "path": "///" }),
        json!({ "enabled": true, "path": "/" }),
        json!({ "path": 3, "enabled": false }),
        json!({ "enabled": "yes" }),
        json!({ "enabled": true, "other": 1 }),
        json!({ "other": null }),
    ];
    for over in cases {
        for apps in [true, false] {
            let config = json!({ "features": { "apps": apps, "apps_mcp_path_override": over } });
            assert_eq!(rejected_at(&config), "host.features.apps_mcp_path_override", "{over}");
        }
    }
}

#[test]
fn the_apps_server_has_its_url_timeout_and_sku_header() {
    let plain = hosted_apps::apps_server(&host(json!({})));
    let expected = json!({
        "url": "https://chatgpt.com/backend-api/wham/apps",
        "startup_timeout_sec": 30.0,
    });
    assert_eq!(plain.to_canonical_json(), expected);

    for sku in ["tpp", ""] {
        let with_sku = hosted_apps::apps_server(&host(json!({ "apps_mcp_product_sku": sku })));
        let headers = &with_sku.to_canonical_json()["http_headers"];
        assert_eq!(*headers, json!({ "X-OpenAI-Product-Sku": sku }));
    }
}

#[test]
fn a_connectors_token_that_is_not_blank_sets_the_bearer_variable() {
    let variable = |value: Option<std::ffi::OsString>| {
        let env = Environment::from_pairs(value.map(|v| ("CODEX_CONNECTORS_TOKEN", v)));
        let host = HostConfig::from_json(&json!({}), env).unwrap().value;
        hosted_apps::apps_server(&host).to_canonical_json()["bearer_token_env_var"].clone()
    };
    assert_eq!(variable(None), json!(null));
    for blank in ["", " \t\n", "\u{a0}"] {
        assert_eq!(variable(Some(blank.into())), json!(null));
    }
    assert_eq!(variable(Some(" x ".into())), json!("CODEX_CONNECTORS_TOKEN"));
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        let not_utf8 = std::ffi::OsString::from_vec(vec![0xff]);
        assert_eq!(variable(Some(not_utf8)), json!("CODEX_CONNECTORS_TOKEN"));
    }
}

#[test]
fn the_environment_has_the_variables_of_the_process() {
    let env = Environment::from_process();
    let path = std::env::var_os("PATH");
    assert!(path.is_some() && env.get("PATH") == path.as_deref());
    assert_eq!(env.get("NO_SUCH VARIABLE"), None);
    assert!(env.is_set("PATH") && !env.is_set("NO_SUCH VARIABLE"));
}

#[test]
fn debug_of_an_environment_shows_no_values() {
    let env = Environment::from_pairs([("CODEX_CONNECTORS_TOKEN", "secret")]);
    let host = HostConfig::from_json(&json!({}), env).unwrap().value;
    let shown = format!("{host:?}");
    assert!(shown.contains("CODEX_CONNECTORS_TOKEN") && !shown.contains("secret"), "{shown}");
}
