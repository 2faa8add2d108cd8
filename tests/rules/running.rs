//! What is seen of a running host. Whether hosts are seen so is tested in `tests/black_box`.

use mcp_overlay_model::observe::observed;
use mcp_overlay_model::{Case, Outcome, Rule, resolve_by};
use serde_json::{Value, json};

use crate::{AUTHS, check, check_with, contributor, hosted, set, with};

const APPS: &str = "https://chatgpt.com/backend-api/wham/apps";

/// Hosted Apps on a host like this is seen as `seen`.
#[track_caller]
fn is_seen(auth: Option<&str>, host: Value, seen: Value) {
    check(json!({"auth": auth, "host": host, "contributors": [hosted()]}), json!({"seen": seen}));
}

fn off() -> Value {
    json!({"enabled": false, "auth_status": "unsupported"})
}

/// A server that is sent the value of a variable.
fn sent_variable(url: &str, variable: &str) -> Value {
    json!({"url": url, "authorization": {"variable": variable}, "auth_status": "bearerToken"})
}

fn apps() -> Value {
    json!({"url": APPS, "authorization": "host", "account_id": "host", "auth_status": "bearerToken"})
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

/// Released hosts do not follow `endpoint.base-valid`, and cannot ask an Apps server at such a base.
#[test]
fn an_apps_server_without_an_http_url_shows_its_status_only() {
    let apps = |base: &str| {
        let case = json!({
            "auth": "chatgpt", "host": {"chatgpt_base_url": base}, "contributors": [hosted()],
        });
        let case: Case = serde_json::from_value(case).unwrap();
        let rules = case.profile.rules().without(Rule::EndpointBaseValid);
        let Outcome::Observed(seen) = observed(&case, &resolve_by(&case, rules)) else {
            panic!("{base}: not resolved");
        };
        serde_json::to_value(&seen.present()["codex_apps"]).unwrap()
    };
    let unreached = json!({"enabled": false, "auth_status": "bearerToken"});
    assert_eq!(apps("ftp://127.0.0.1/"), unreached);
    assert_eq!(apps(""), unreached);
    assert_eq!(apps("http://user@127.0.0.1/")["authorization"], "host");
}

/// Rule `status.auth`: The auth status of a server MUST be `unsupported` if it is disabled or
/// speaks stdio; otherwise `bearerToken` if the host's own bearer or an environment variable's is
/// configured for it; otherwise `unsupported` if it offers no OAuth.
#[test]
fn a_status_says_whether_a_bearer_is_sent() {
    let bearer = |enabled| json!({"url": "u", "bearer_token_env_var": "TOK", "enabled": enabled});
    let sent = sent_variable("u", "TOK");
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
    let other = sent_variable("u", "TOK");
    let seen = json!({"codex_apps": sent_variable(APPS, token), "a": other});
    is_seen(Some("chatgpt"), host, seen);
    // A blank one is none.
    is_seen(Some("chatgpt"), json!({"env": {token: " "}}), json!({"codex_apps": apps()}));
}

/// Rule `credentials.where-auth-says`: With backend auth the host's own credentials MUST be sent to
/// exactly the enabled HTTP servers that have `auth` `chatgpt` in `effective`, no
/// `bearer_token_env_var` and no `Authorization` among their headers: to no other server, no
/// redirect and no discovery request.
#[test]
fn exactly_the_servers_that_say_so_get_the_credentials() {
    let at = |url: &str| json!({"url": url, "auth": "chatgpt"});
    let seen = |url: &str| json!({"url": url, "auth_status": "unsupported"});
    let sent = |url: &str| {
        json!({
            "url": url, "authorization": "host", "account_id": "host", "auth_status": "bearerToken",
        })
    };
    // By the field and the origin, whichever source the server is from and whatever its name.
    let servers = json!({
        "a": at("https://chatgpt.com/a"),
        "elsewhere": at("https://b.example"),
        "without": {"url": "https://chatgpt.com/w"},
        "oauth": {"url": "https://chatgpt.com/o", "auth": "oauth"},
        "off": with(&at("https://chatgpt.com/off"), "enabled", json!(false)),
        "stdio": {"command": "srv"},
    });
    let plugins = json!([{"id": "p", "mcp_servers": {"p": at("https://chatgpt.com/p")}}]);
    let list = json!([
        set("x", at("https://chatgpt.com/x")),
        // The name alone gets nothing any more.
        set("codex_apps", json!({"url": "https://chatgpt.com/c"})),
    ]);
    let case = json!({
        "host": {"mcp_servers": servers}, "plugins": plugins,
        "contributors": [contributor("x", list)],
    });
    let all = |credentials: &dyn Fn(&str) -> Value| {
        json!({
            "a": credentials("https://chatgpt.com/a"), "elsewhere": seen("https://b.example"),
            "without": seen("https://chatgpt.com/w"), "oauth": seen("https://chatgpt.com/o"),
            "off": off(), "stdio": {"command": "srv", "auth_status": "unsupported"},
            "p": credentials("https://chatgpt.com/p"), "x": credentials("https://chatgpt.com/x"),
        })
    };
    for auth in AUTHS {
        let is_backend = !matches!(auth, None | Some("api_key"));
        let seen = if is_backend {
            with(&all(&sent), "codex_apps", seen("https://chatgpt.com/c"))
        } else {
            all(&seen)
        };
        sees(&with(&case, "auth", json!(auth)), seen);
    }
}

#[track_caller]
fn sees(case: &Value, seen: Value) {
    check_with(Rule::CredentialsWhereAuthSays, case, json!({"seen": seen}));
}

/// A bearer that the server's own config names is sent in their place.
#[test]
fn a_configured_bearer_keeps_the_credentials_away() {
    let url = "https://chatgpt.com/a";
    let server = json!({"url": url, "auth": "chatgpt"});
    let headers = |name: &str| json!({"url": url, "http_headers": {name: "Bearer t"}, "auth_status": "bearerToken"});
    let sent = json!({
        "url": url, "authorization": "host", "account_id": "host", "auth_status": "bearerToken",
    });
    for (field, value, seen) in [
        ("bearer_token_env_var", json!("TOK"), sent_variable(url, "TOK")),
        ("http_headers", json!({"Authorization": "Bearer t"}), headers("authorization")),
        ("http_headers", json!({"aUTHORIZATION": "Bearer t"}), headers("authorization")),
        ("env_http_headers", json!({"Authorization": "TOK"}), headers("authorization")),
        // A variable that is not set is no header.
        ("env_http_headers", json!({"Authorization": "UNSET"}), sent.clone()),
        ("http_headers", json!({"X": "1"}), with(&sent, "http_headers", json!({"x": "1"}))),
    ] {
        let host = json!({
            "env": {"TOK": "Bearer t"}, "features": {"apps": false},
            "mcp_servers": {"a": with(&server, field, value)},
        });
        sees(&json!({"auth": "chatgpt", "host": host}), json!({"a": seen}));
    }
}

/// The Apps server gets them at ChatGPT only, and nowhere else is it listed with a bearer.
#[test]
fn the_apps_server_gets_the_credentials_at_chatgpt_only() {
    for (base, at_chatgpt) in [
        ("https://chatgpt.com/backend-api", true),
        ("https://chat.openai.com/backend-api", false),
        ("http://chatgpt.com/backend-api", false),
        ("https://chatgpt.com.example.net/backend-api", false),
        ("http://127.0.0.1/backend-api", false),
    ] {
        let url = format!("{base}/ps/mcp");
        let headers = json!({"x-openai-product-sku": "tpp"});
        let mut seen = json!({"url": url, "http_headers": headers, "auth_status": "unsupported"});
        if at_chatgpt {
            seen["authorization"] = json!("host");
            seen["account_id"] = json!("host");
            seen["auth_status"] = json!("bearerToken");
        }
        let host = json!({"chatgpt_base_url": base, "apps_mcp_product_sku": "tpp"});
        sees(
            &json!({"auth": "chatgpt", "host": host, "contributors": [hosted()]}),
            json!({"codex_apps": seen}),
        );
    }
}
