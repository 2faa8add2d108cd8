//! The field `auth`: rules `server.auth`, `apps-server.auth`, `effective.auth-at-chatgpt-only`,
//! `gate.passes-but-auth` and `effective.others-pass-but-auth`.

use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay_host::{
    Auth, Environment, HostConfig, McpRuntimeConfig, Profile, ServerConfig, hosted_apps,
};
use serde_json::{Value, json};

use crate::support::{canonical, manager, set_by};

const WITH_FIELD: [Profile; 3] =
    [Profile::CodexPr29924, Profile::CodexPr31803, Profile::CodexPr31481];
const WITHOUT_FIELD: [Profile; 3] =
    [Profile::CodexPr27191, Profile::CodexPr27198, Profile::CodexPr27414];

fn host(profile: Profile, config: &Value) -> Arc<HostConfig> {
    let environment = Environment::default().with_profile(profile);
    Arc::new(HostConfig::from_json(config, environment).unwrap().value)
}

fn resolved(profile: Profile, config: &Value, hosted: bool) -> Arc<McpRuntimeConfig> {
    let manager = manager(vec![], hosted);
    block_on(manager.runtime_config(&host(profile, config), &Arc::default()))
}

fn chatgpt(url: &str) -> Value {
    json!({ "url": url, "auth": "chatgpt" })
}

#[test]
fn auth_is_oauth_or_chatgpt_on_http_servers() {
    let read = |auth: Value, profile| {
        let server = json!({ "url": "https://a.example", "auth": auth });
        let read = ServerConfig::from_json(&server, profile);
        read.map(|loaded| (loaded.value.to_canonical_json().get("auth").cloned(), loaded.warnings))
    };
    for profile in WITH_FIELD {
        assert_eq!(read(json!("chatgpt"), profile).unwrap(), (Some(json!("chatgpt")), vec![]));
        for default in [json!("oauth"), json!(null)] {
            assert_eq!(read(default, profile).unwrap(), (None, vec![]));
        }
        for wrong in ["", "ChatGPT", "bearer", "chatgpt "].map(Value::from) {
            let error = read(wrong, profile).unwrap_err();
            assert_eq!(error.key(), "auth");
            assert!(error.message().ends_with("expected \"oauth\" or \"chatgpt\""), "{error}");
        }
        for wrong in [json!(1), json!({}), json!(["chatgpt"]), json!(true)] {
            assert_eq!(read(wrong, profile).unwrap_err().key(), "auth");
        }
        // It is a field of HTTP servers only.
        let stdio = json!({ "command": "srv", "auth": "oauth" });
        assert_eq!(ServerConfig::from_json(&stdio, profile).unwrap_err().key(), "auth");
    }
    for profile in WITHOUT_FIELD {
        for unknown in [json!("chatgpt"), json!("bearer"), json!(1)] {
            let (field, warnings) = read(unknown, profile).unwrap();
            assert_eq!((field, &*warnings[0].key), (None, "auth"), "{profile}");
        }
        let stdio = json!({ "command": "srv", "auth": 1 });
        assert!(ServerConfig::from_json(&stdio, profile).is_ok(), "{profile}");
    }
}

#[test]
fn the_apps_server_has_auth_chatgpt_in_runtime() {
    for hosted in [true, false] {
        for base in ["https://chatgpt.com", "https://chat.openai.com", "http://localhost:1"] {
            let config = json!({ "chatgpt_base_url": base });
            for profile in WITH_FIELD {
                let resolved = resolved(profile, &config, hosted);
                let runtime = canonical(resolved.runtime());
                assert_eq!(runtime["codex_apps"]["auth"], "chatgpt", "{profile}");
                let effective = canonical(&resolved.effective(Some(Auth::ChatGpt)));
                let expected =
                    if base == "https://chatgpt.com" { json!("chatgpt") } else { json!(null) };
                assert_eq!(effective["codex_apps"]["auth"], expected, "{profile}");
                // Nothing else differs.
                let mut same = effective.clone();
                same["codex_apps"]["auth"] = json!("chatgpt");
                assert_eq!(same, runtime);
            }
            for profile in WITHOUT_FIELD {
                let server = hosted_apps::apps_server(&host(profile, &config));
                assert_eq!(server.to_canonical_json().get("auth"), None, "{profile}");
            }
        }
    }
}

/// URLs at ChatGPT's origin as the WHATWG URL standard reads them.
const AT_CHATGPT: [&str; 14] = [
    "https://chatgpt.com",
    "https://chatgpt.com/",
    "https://chatgpt.com:443/x",
    "https://chatgpt.com:0443/x",
    "https://chatgpt.com:/x",
    "HTTPS://user:pw@ChatGPT.com:443/x?q#f",
    "https:chatgpt.com/x",
    "https:/chatgpt.com/x",
    "https:\\\\chatgpt.com\\x",
    "https://chatgpt.com\\@evil.example/",
    "  https://chatgpt.com/x\n",
    "https://chat\tgpt.com/x",
    "https://chatgpt%2ecom/x",
    "https://\u{ff43}hatgpt\u{3002}com/x",
];

const ELSEWHERE: [&str; 22] = [
    "http://chatgpt.com/x",
    "http://chatgpt.com:443/x",
    "wss://chatgpt.com/x",
    "https://chatgpt.com:8443/x",
    "https://chatgpt.com:80/x",
    "https://chat.openai.com/x",
    "https://www.chatgpt.com/x",
    "https://chatgpt.com./x",
    "https://chatgpt.com.evil.example/x",
    "https://chatgpt.com@evil.example/",
    "https://chatgpt.com:443@evil.example/",
    "https://evil.example/https://chatgpt.com/",
    "https://evil.example\\@chatgpt.com/",
    "https://evil.example?@chatgpt.com/",
    "https://evil.example#@chatgpt.com/",
    "https://\u{441}hatgpt.com/x",
    "https://chatgpt.com%00/x",
    "https://chatgpt.com:65536/x",
    "file://chatgpt.com/x",
    "//chatgpt.com/x",
    "chatgpt.com",
    "",
];

#[test]
fn effective_keeps_auth_chatgpt_at_chatgpts_origin_only() {
    let urls = AT_CHATGPT.iter().chain(&ELSEWHERE);
    let servers = urls.map(|url| ((*url).to_owned(), chatgpt(url)));
    let config = json!({ "mcp_servers": Value::Object(servers.collect()) });
    for profile in WITH_FIELD {
        let resolved = resolved(profile, &config, true);
        for auth in [None, Some(Auth::ApiKey), Some(Auth::ChatGpt)] {
            let effective = canonical(&resolved.effective(auth));
            for url in AT_CHATGPT {
                assert_eq!(effective[url], chatgpt(url));
            }
            for url in ELSEWHERE {
                assert_eq!(effective[url], json!({ "url": url }));
            }
        }
        assert_eq!(canonical(resolved.configured()), config["mcp_servers"]);
    }
}

#[test]
fn auth_of_a_contributed_server_is_limited_to_the_origin() {
    for profile in WITH_FIELD {
        let contributions = vec![
            set_by(profile, "codex_apps", &chatgpt("https://evil.example")),
            set_by(profile, "a", &chatgpt("https://evil.example")),
            set_by(profile, "b", &chatgpt("https://chatgpt.com/b")),
        ];
        let manager = manager(vec![contributions], false);
        let (host, plugins) = (host(profile, &json!({})), Arc::default());
        let effective = manager.effective_servers(&host, &plugins, Some(Auth::ChatGpt));
        let expected = json!({
            "codex_apps": { "url": "https://evil.example" }, "a": { "url": "https://evil.example" },
            "b": chatgpt("https://chatgpt.com/b"),
        });
        assert_eq!(canonical(&block_on(effective)), expected);
    }
}

#[test]
fn only_servers_that_change_are_copied() {
    let servers = json!({
        "at": chatgpt("https://chatgpt.com/a"), "elsewhere": chatgpt("https://a.example"),
        "other": { "url": "https://b.example" }, "stdio": { "command": "srv" },
    });
    let config = json!({ "mcp_servers": servers });
    for profile in WITH_FIELD {
        let both = resolved(profile, &config, true);
        for auth in [None, Some(Auth::ChatGpt)] {
            let effective = both.effective(auth);
            assert!(effective.ptr_eq(&both.effective(auth)), "made once");
            for (name, shared) in
                [("at", true), ("elsewhere", false), ("other", true), ("stdio", true)]
            {
                let (mine, theirs) =
                    (effective.get(name).unwrap(), both.runtime().get(name).unwrap());
                assert_eq!(Arc::ptr_eq(mine, theirs), shared, "{name}");
            }
        }
        // At ChatGPT nothing changes, and the view is the same one.
        let config = json!({ "mcp_servers": { "at": chatgpt("https://chatgpt.com/a") } });
        let unchanged = resolved(profile, &config, true);
        assert!(unchanged.effective(Some(Auth::ChatGpt)).ptr_eq(unchanged.runtime()));
    }
}
