//! Faults of `gate.*` and `effective.*`; the entries in `gate.rs` list them. A comment names the public
//! report in which such a mistake was seen.

use mcp_overlay_model::origin::is_chatgpt_origin;
use mcp_overlay_model::{Answer, Auth, CODEX_APPS, Case, Rule};
use serde_json::Value;

use super::fault::change::with_views;
use super::fault::reading::with_auth_where;
use super::fault::{Change, Fault};

const fn signed_in(
    name: &'static str,
    what: &'static str,
    change: fn(&Case) -> Option<Case>,
) -> Fault {
    Fault::new(name, Rule::GateOpen, what, Change::Resolves(change))
}

pub(super) const PERSONAL_TOKEN_SHUT_OUT: Fault =
    signed_in("personal-token-shut-out", "a personal access token opens no gate", |case| {
        taken_for(case, Some(Auth::PersonalAccessToken), Some(Auth::ApiKey))
    });

pub(super) const GIVEN_TOKENS_SHUT_OUT: Fault =
    signed_in("given-tokens-shut-out", "tokens of an embedding program open no gate", |case| {
        taken_for(case, Some(Auth::ChatGptAuthTokens), None)
    });

/// The first value of an enumeration, where none is set.
pub(super) const NOBODY_PASSES: Fault =
    signed_in("nobody-passes-gate", "no auth counts as a ChatGPT account", |case| {
        taken_for(case, None, Some(Auth::ChatGpt))
    });

// Hmbown/Codewhale#4729: names that are alike are taken for one.
pub(super) const LOOK_ALIKES_REMOVED: Fault = Fault::new(
    "closed-gate-removes-look-alikes",
    Rule::EffectiveOthersPass,
    "a closed gate removes `Codex_Apps` and `codex-apps` too",
    Change::Answers(|case, answer| {
        let closed = !case.auth.is_some_and(Auth::is_backend);
        let is_alike = |name: &str| {
            name != CODEX_APPS && name.to_lowercase().replace(['-', ' '], "_") == CODEX_APPS
        };
        let remove =
            || with_views(answer, |views| views.effective.retain(|name, _| !is_alike(name)));
        closed.then(remove).flatten()
    }),
);

pub(super) const BEARER_UNSET_LEFT_OUT: Fault = Fault::new(
    "server-without-its-token-left-out",
    Rule::EffectiveOthersPass,
    "a server whose bearer variable the host does not have is left out of effective",
    Change::Answers(|case, answer| {
        let variables = case.host.get("env").and_then(Value::as_object);
        let is_set = |name: &str| variables.is_some_and(|env| env.contains_key(name));
        with_views(answer, |views| {
            views.effective.retain(|name, server| {
                let variable = server.get("bearer_token_env_var").and_then(Value::as_str);
                name == CODEX_APPS || variable.is_none_or(is_set)
            });
        })
    }),
);

pub(super) const REMOTE_LEFT_OUT: Fault = Fault::new(
    "remote-stdio-left-out-of-effective",
    Rule::EffectiveOthersPassButAuth,
    "a stdio server of another environment is not in effective",
    Change::Answers(|_, answer| {
        let is_here = |server: &Value| {
            server.get("environment_id").is_none() || server.get("command").is_none()
        };
        with_views(answer, |views| {
            views.effective.retain(|name, server| name == CODEX_APPS || is_here(server));
        })
    }),
);

pub(super) const GATE_NEEDS_URL: Fault = Fault::new(
    "gate-needs-a-url",
    Rule::GateOpen,
    "the gate is closed to a codex_apps that is a command",
    Change::Answers(apps_must_have_url),
);

const fn at_origin(
    name: &'static str,
    what: &'static str,
    keeps: fn(&Case, &Answer) -> Option<Answer>,
) -> Fault {
    Fault::new(name, Rule::EffectiveAuthAtChatgptOnly, what, Change::Answers(keeps))
}

pub(super) const PORT_AS_TEXT: Fault =
    at_origin("auth-port-as-text", "the port `0443` is not the default one", |_, answer| {
        with_auth_where(answer, |url| is_chatgpt_origin(url) && !url.contains(":0"))
    });

pub(super) const HOST_NOT_DECODED: Fault =
    at_origin("auth-host-not-decoded", "a host is compared as it is written", |_, answer| {
        with_auth_where(answer, |url| {
            is_chatgpt_origin(url) && url.to_ascii_lowercase().contains("chatgpt.com")
        })
    });

pub(super) const AT_TRAILING_DOT: Fault =
    at_origin("auth-at-trailing-dot", "`chatgpt.com.` is at that origin too", |_, answer| {
        with_auth_where(answer, |url| is_chatgpt_origin(&url.replacen(".com.", ".com", 1)))
    });

pub(super) const AT_SUBDOMAINS: Fault =
    at_origin("auth-at-subdomains", "subdomains of chatgpt.com are at that origin", |_, answer| {
        with_auth_where(answer, |url| {
            let rest = url.strip_prefix("https://").unwrap_or_default();
            let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
            let host = rest.get(..end).unwrap_or_default();
            is_chatgpt_origin(url) || host.ends_with(".chatgpt.com")
        })
    });

pub(super) const OVER_PLAIN_HTTP: Fault =
    at_origin("auth-over-plain-http", "the scheme does not count", |_, answer| {
        with_auth_where(answer, |url| {
            let rest = url.strip_prefix("http:");
            rest.map_or_else(
                || is_chatgpt_origin(url),
                |rest| is_chatgpt_origin(&format!("https:{rest}")),
            )
        })
    });

pub(super) const LOST_WITH_USERINFO: Fault =
    at_origin("auth-lost-with-userinfo", "a URL with a user is at no origin", |_, answer| {
        with_auth_where(answer, |url| is_chatgpt_origin(url) && !url.contains('@'))
    });

pub(super) const USERINFO_TO_THE_FIRST_AT: Fault = at_origin(
    "auth-userinfo-ends-at-the-first-at",
    "the host begins after the first `@`",
    |_, answer| {
        with_auth_where(answer, |url| {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
            is_chatgpt_origin(url) && authority.matches('@').count() < 2
        })
    },
);

pub(super) const NEEDS_CLEAN_URL: Fault = at_origin(
    "auth-needs-a-clean-url",
    "a URL with blanks or tabs is at no origin",
    |_, answer| {
        with_auth_where(answer, |url| is_chatgpt_origin(url) && !url.contains(|c: char| c <= ' '))
    },
);

pub(super) const NEEDS_TWO_SLASHES: Fault =
    at_origin("auth-needs-two-slashes", "`https:chatgpt.com` is at no origin", |_, answer| {
        with_auth_where(answer, |url| is_chatgpt_origin(url) && url.contains("://"))
    });

fn taken_for(case: &Case, auth: Option<Auth>, other: Option<Auth>) -> Option<Case> {
    (case.auth == auth).then(|| Case { auth: other, ..case.clone() })
}

fn apps_must_have_url(_: &Case, answer: &Answer) -> Option<Answer> {
    with_views(answer, |views| {
        if views.effective.get(CODEX_APPS).is_some_and(|server| server.get("command").is_some()) {
            views.effective.remove(CODEX_APPS);
        }
    })
}
