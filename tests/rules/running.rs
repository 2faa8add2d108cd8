//! What is seen of a running host. Whether hosts are seen so is tested in `tests/black_box`.

use serde_json::{Value, json};

use crate::{check, hosted};

const APPS: &str = "https://chatgpt.com/backend-api/wham/apps";

/// Hosted Apps on a host like this is seen as `seen`.
#[track_caller]
fn is_seen(auth: Option<&str>, host: Value, seen: Value) {
    check(json!({"auth": auth, "host": host, "contributors": [hosted()]}), json!({"seen": seen}));
}

fn off() -> Value {
    json!({"enabled": false, "auth_status": "unsupported"})
}

fn apps_with(bearer: &str) -> Value {
    json!({"url": APPS, "authorization": bearer, "auth_status": "bearerToken"})
}

fn apps() -> Value {
    json!({"url": APPS, "authorization": "host", "account_id": true, "auth_status": "bearerToken"})
}

/// Rule `start.exactly-enabled`: A host that is asked for the state of its servers MUST start
/// exactly the enabled servers of `effective`, and MUST list the disabled ones without starting
/// them.
#[test]
fn what_is_enabled_in_the_end_is_started() {
    let on = json!({"url": "u", "auth_status": "unsupported"});
    for (enabled, seen) in [(json!(null), &on), (json!(true), &on), (json!(false), &off())] {
        let servers = json!({"a": {"url": "u", "enabled": enabled}});
        is_seen(None, json!({"mcp_servers": servers}), json!({"a": seen}));
    }
    let stdio = json!({"command": "c", "args": ["x"], "env": {"A": "1"}});
    let seen = json!({
        "command": "c", "args": ["x"], "env": {"A": "1"}, "auth_status": "unsupported",
    });
    is_seen(None, json!({"mcp_servers": {"a": stdio}}), json!({"a": seen}));
    // The contributor's word is over the user's, and the gate's over both.
    let disabled = json!({"mcp_servers": {"codex_apps": {"url": "u", "enabled": false}}});
    is_seen(Some("chatgpt"), disabled.clone(), json!({"codex_apps": apps()}));
    is_seen(Some("api_key"), disabled, json!({}));
}

/// Rule `status.auth`: The auth status of a server MUST be `unsupported` if it is disabled or
/// speaks stdio; otherwise `bearerToken` if the host's own bearer or an environment variable's is
/// configured for it; otherwise `unsupported` if it offers no OAuth.
#[test]
fn a_status_says_whether_a_bearer_is_sent() {
    let bearer = |enabled| json!({"url": "u", "bearer_token_env_var": "TOK", "enabled": enabled});
    let sent = json!({"url": "u", "authorization": "TOK", "auth_status": "bearerToken"});
    let host = json!({
        "env": {"TOK": "t"},
        "mcp_servers": {"a": bearer(true), "b": bearer(false), "c": {"command": "c"}},
    });
    let stdio = json!({"command": "c", "auth_status": "unsupported"});
    is_seen(None, host, json!({"a": sent, "b": off(), "c": stdio}));
}

/// Rule `credentials.apps-only`: With backend auth the host's own credentials, its bearer and
/// account id, MUST be sent to the enabled HTTP server named `codex_apps` in `effective`, unless it
/// has a `bearer_token_env_var`: to no other server, no redirect and no discovery request.
#[test]
fn nobody_else_gets_the_credentials() {
    let alike = json!({"url": APPS});
    let servers = json!({"Codex_Apps": alike, "codex-apps": alike, "apps": alike});
    let seen = json!({"url": APPS, "auth_status": "unsupported"});
    let all = json!({"Codex_Apps": seen, "codex-apps": seen, "apps": seen, "codex_apps": apps()});
    is_seen(Some("chatgpt"), json!({"mcp_servers": servers}), all);
}

/// Rule `credentials.environment-instead`: A server with `bearer_token_env_var` and no
/// `Authorization` among its headers MUST be sent that variable's value as its bearer, in place of
/// the host's credentials.
#[test]
fn a_variable_is_sent_in_place_of_the_credentials() {
    let token = "CODEX_CONNECTORS_TOKEN";
    let servers = json!({"a": {"url": "u", "bearer_token_env_var": "TOK"}});
    let host = json!({"env": {token: "c", "TOK": "t"}, "mcp_servers": servers});
    let other = json!({"url": "u", "authorization": "TOK", "auth_status": "bearerToken"});
    let seen = json!({"codex_apps": apps_with(token), "a": other});
    is_seen(Some("chatgpt"), host, seen);
    // A blank one is none.
    is_seen(Some("chatgpt"), json!({"env": {token: " "}}), json!({"codex_apps": apps()}));
}

/// Rule `credentials.chatgpt-origins`: The host's own credentials MUST be sent to the Apps server
/// only where its URL has the scheme `https` and one of ChatGPT's hosts.
#[test]
fn only_chatgpt_itself_gets_the_credentials() {
    for (base, own) in [
        ("https://chatgpt.com", true),
        ("https://chat.openai.com/x", true),
        ("http://chatgpt.com", false),
        ("https://chatgpt.com.example.net", false),
        ("http://127.0.0.1", false),
    ] {
        for (profile, sent) in [("codex-pr-27414", true), ("codex-pr-29924", own)] {
            let suffix = if own { "backend-api" } else { "api/codex" };
            let mut seen = json!({
                "url": format!("{base}/{suffix}/ps/mcp"), "auth_status": "unsupported",
            });
            if sent {
                seen["authorization"] = json!("host");
                seen["account_id"] = json!(true);
                seen["auth_status"] = json!("bearerToken");
            }
            let case = json!({
                "profile": profile,
                "auth": "chatgpt",
                "host": {"chatgpt_base_url": base},
                "contributors": [hosted()],
            });
            check(case, json!({"seen": {"codex_apps": seen}}));
        }
    }
}
