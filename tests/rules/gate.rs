//! From `runtime` to `effective`, where the gate only removes.

use mcp_overlay::rules::profiles;
use mcp_overlay_model::Rule;
use serde_json::{Value, json};

use crate::{
    AUTHS, apps_server_in, check, check_with, contributor, hosted, in_profile, remove, set, with,
};

fn mine() -> Value {
    json!({"url": "https://mine.example"})
}

/// `codex_apps` by these contributions alone, and over others, is `decided` in both views.
#[track_caller]
fn passes(rule: Rule, contributions: &Value, decided: &Value) {
    for configured in [json!({}), json!({"codex_apps": {"command": "configured"}})] {
        for contributors in [
            json!([contributor("x", contributions)]),
            json!([hosted(), contributor("x", contributions)]),
        ] {
            check_with(
                rule,
                json!({
                    "auth": "chatgpt", "host": {"mcp_servers": configured},
                    "contributors": contributors,
                }),
                json!({"runtime": decided, "effective": decided}),
            );
        }
    }
}

/// Rule `gate.passes-runtime`: With the gate open, `effective` MUST hold `codex_apps` exactly as
/// `runtime` does, absent included.
#[test]
fn an_open_gate_passes_codex_apps_as_runtime_has_it() {
    let rule = Rule::GatePassesRuntime;
    let disabled = json!({"command": "srv", "enabled": false, "required": true});
    for (contributions, decided) in [
        (json!([set("codex_apps", mine())]), json!({"codex_apps": mine()})),
        (json!([set("codex_apps", &disabled)]), json!({"codex_apps": disabled})),
        // Nothing puts in what a contribution removed.
        (json!([remove("codex_apps")]), json!({})),
        (json!([set("codex_apps", mine()), remove("codex_apps")]), json!({})),
    ] {
        passes(rule, &contributions, &decided);
    }
    // What the loader put into `runtime` passes too.
    for profile in profiles(rule) {
        let legacy = apps_server_in(profile, "https://chatgpt.com/backend-api/wham/apps");
        check(
            in_profile(profile, json!({"auth": "chatgpt"})),
            json!({"runtime": {"codex_apps": legacy}, "effective": {"codex_apps": legacy}}),
        );
    }
}

/// Rule `gate.passes-but-auth`: With the gate open, `effective` MUST hold `codex_apps` as `runtime`
/// does, absent included, but for its field `auth`.
#[test]
fn an_open_gate_passes_codex_apps_but_for_its_auth() {
    let rule = Rule::GatePassesButAuth;
    let disabled = json!({"command": "srv", "enabled": false, "required": true});
    let at_chatgpt = json!({"url": "https://chatgpt.com/x", "auth": "chatgpt", "required": true});
    for (contributions, decided) in [
        (json!([set("codex_apps", mine())]), json!({"codex_apps": mine()})),
        (json!([set("codex_apps", &disabled)]), json!({"codex_apps": disabled})),
        (json!([set("codex_apps", &at_chatgpt)]), json!({"codex_apps": at_chatgpt})),
        (json!([remove("codex_apps")]), json!({})),
        (json!([set("codex_apps", &at_chatgpt), remove("codex_apps")]), json!({})),
    ] {
        passes(rule, &contributions, &decided);
    }
    // All but that field.
    let elsewhere = json!({
        "url": "https://mine.example", "enabled": false, "required": true, "tool_timeout_sec": 9,
        "http_headers": {"Authorization": "x"}, "bearer_token_env_var": "TOK", "scopes": [],
    });
    let contributed = with(&elsewhere, "auth", json!("chatgpt"));
    check_with(
        rule,
        json!({
            "auth": "chatgpt",
            "contributors": [contributor("x", json!([set("codex_apps", &contributed)]))],
        }),
        json!({"runtime": {"codex_apps": contributed}, "effective": {"codex_apps": elsewhere}}),
    );
}

/// Rule `effective.others-pass-but-auth`: For every other name `effective` MUST equal `runtime` but
/// for the field `auth`; a disabled server stays in all views with `enabled = false`.
#[test]
fn all_other_names_pass_into_effective_but_for_their_auth() {
    let off = |command: &str| json!({"command": command, "enabled": false});
    let elsewhere = json!({
        "url": "https://a.example", "enabled": false, "required": true, "oauth": {},
        "http_headers": {"X": "1"}, "startup_timeout_sec": 2.5,
    });
    let configured = json!({
        "a": off("a"), "b": {"command": "b"}, "codex": off("codex"), "": mine(),
        "auth": with(&elsewhere, "auth", json!("chatgpt")),
    });
    let mut runtime = configured.clone();
    runtime["p"] = off("p");
    runtime["x"] = off("x");
    runtime["Codex_Apps"] = mine();
    let effective = with(&runtime, "auth", elsewhere);
    for auth in AUTHS {
        for apps in [true, false] {
            let list = json!([set("x", off("x")), set("Codex_Apps", mine()), remove("codex_apps")]);
            check_with(
                Rule::EffectiveOthersPassButAuth,
                json!({
                    "auth": auth,
                    "host": {"features": {"apps": apps}, "mcp_servers": configured},
                    "plugins": [{"id": "q", "mcp_servers": {"p": off("p")}}],
                    "contributors": [contributor("x", list)],
                }),
                json!({"runtime": runtime, "effective": effective}),
            );
        }
    }
}

/// URLs at the origin `https://chatgpt.com`, as the WHATWG URL standard reads them.
const AT_CHATGPT: [&str; 16] = [
    "https://chatgpt.com",
    "https://chatgpt.com/",
    "https://chatgpt.com?q",
    "https://chatgpt.com#f",
    "https://chatgpt.com:443/x",
    "https://chatgpt.com:/x",
    "https://chatgpt.com:00443",
    "HTTPS://CHATGPT.COM/x",
    "https://user:pw@chatgpt.com/x",
    "https://evil.example@chatgpt.com/",
    "https:chatgpt.com",
    "https:///chatgpt.com",
    "https:\\\\chatgpt.com\\x",
    "https:chat%67pt.com",
    " https://chat\tgpt.com\n",
    "https://chatgpt.com\\@evil.example/",
];

/// URLs at other origins, or at none.
const ELSEWHERE: [&str; 24] = [
    "http://chatgpt.com",
    "http://chatgpt.com:443",
    "wss://chatgpt.com",
    "ftp://chatgpt.com",
    "https://chatgpt.com:8443/x",
    "https://chatgpt.com:80",
    "https://chatgpt.com:4430",
    "https://chatgpt.com:44 3",
    "https://chat.openai.com/x",
    "https://www.chatgpt.com",
    "https://chatgpt.com.",
    "https://chatgpt.com.evil.example",
    "https://chatgpt.comm",
    "https://evilchatgpt.com",
    "https://chatgpt.com@evil.example/",
    "https://chatgpt.com:443@evil.example/",
    "https://evil.example/https://chatgpt.com",
    "https://evil.example\\@chatgpt.com",
    "https://evil.example#@chatgpt.com",
    "https://evil.example?@chatgpt.com",
    "//chatgpt.com",
    "chatgpt.com",
    "https://[chatgpt.com]",
    "",
];

/// Rule `effective.auth-at-chatgpt-only`: In `effective` a server's `auth` `chatgpt` MUST become
/// `oauth` unless its URL, read as the WHATWG URL standard reads it, has the scheme `https`, the
/// host `chatgpt.com` and the default port, 443.
#[test]
fn auth_chatgpt_stays_at_chatgpt_only() {
    let at = AT_CHATGPT.map(|url| (url, true));
    for (url, keeps) in at.into_iter().chain(ELSEWHERE.map(|url| (url, false))) {
        let server = json!({"url": url, "auth": "chatgpt", "enabled": false});
        let without = json!({"url": url, "enabled": false});
        let runtime = json!({"a": server, "b": server, "c": server});
        let kept = if keeps { server.clone() } else { without };
        // From the host config, from a plugin and from a contribution; signed in or not.
        for auth in [None, Some("api_key"), Some("chatgpt")] {
            check_with(
                Rule::EffectiveAuthAtChatgptOnly,
                json!({
                    "auth": auth,
                    "host": {"features": {"apps": false}, "mcp_servers": {"a": server}},
                    "plugins": [{"id": "p", "mcp_servers": {"b": server}}],
                    "contributors": [contributor("x", json!([set("c", &server)]))],
                }),
                json!({"runtime": runtime, "effective": {"a": kept, "b": kept, "c": kept}}),
            );
        }
    }
    // Where the base is does not matter.
    let server = json!({"url": "https://chatgpt.com", "auth": "chatgpt"});
    let host = json!({
        "chatgpt_base_url": "http://corp.example", "features": {"apps": false},
        "mcp_servers": {"a": server},
    });
    let case = json!({"host": host});
    check_with(Rule::EffectiveAuthAtChatgptOnly, case, json!({"effective": {"a": server}}));
}
