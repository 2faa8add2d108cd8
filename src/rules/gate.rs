//! From `runtime` to `effective`: `gate.*` and `effective.*`.

use mcp_overlay_model::origin::is_chatgpt_origin;
use mcp_overlay_model::{Answer, Auth, CODEX_APPS, Case, Resolution, Rule};
use serde_json::Value;

use super::entry::{Entry, Fields, Reached, Rewrite, Shows, Step};
use super::fault::change::{
    changed, fallback_revived_after_remove, is_disabled, put_back, with_views,
};
use super::fault::{Change, Fault};

pub(super) const RULES: &[Entry] = &[
    Entry {
        reached: Reached::When(|situation| situation.resolution.is_some()),
        rewrite: Some(Rewrite { step: Step::Auth, write: sign_in }),
        faults: &[
            Fault {
                name: "api-key-passes-gate",
                rule: Some(Rule::GateOpen),
                what: "an API key counts as a ChatGPT account",
                also: &[],
                change: Change::Resolves(|case| {
                    let passes = case.auth == Some(Auth::ApiKey);
                    passes.then(|| Case { auth: Some(Auth::ChatGpt), ..case.clone() })
                }),
            },
            Fault {
                name: "agent-identity-shut-out",
                rule: Some(Rule::GateOpen),
                what: "an agent identity counts as no ChatGPT account",
                also: &[],
                change: Change::Resolves(|case| {
                    let stays = case.auth == Some(Auth::AgentIdentity);
                    stays.then(|| Case { auth: None, ..case.clone() })
                }),
            },
        ],
        ..Entry::of(Rule::GateOpen)
    },
    Entry {
        faults: &[Fault {
            name: "closed-gate-lets-through",
            rule: Some(Rule::GateClosedRemoves),
            what: "a closed gate adds nothing, but takes nothing away either",
            also: &[],
            change: Change::Answers(|_, answer| {
                with_views(answer, |views| {
                    put_back(&mut views.effective, &views.runtime, |name| name == CODEX_APPS);
                })
            }),
        }],
        ..Entry::of(Rule::GateClosedRemoves)
    },
    Entry {
        faults: &[Fault {
            name: "gate-enables-the-disabled",
            rule: Some(Rule::GateNeverSynthesizes),
            what: "an open gate enables a codex_apps that was set disabled",
            also: &[],
            change: Change::Answers(gate_enables_the_disabled),
        }],
        ..Entry::of(Rule::GateNeverSynthesizes)
    },
    Entry {
        succeeds: Some(Rule::GateNeverSynthesizes),
        faults: &[Fault {
            name: "gate-loads-the-removed",
            rule: Some(Rule::GatePassesRuntime),
            what: "an open gate loads a codex_apps that was removed",
            also: &[],
            change: Change::Answers(fallback_revived_after_remove),
        }],
        ..Entry::of(Rule::GatePassesRuntime)
    },
    Entry {
        succeeds: Some(Rule::GatePassesRuntime),
        // Where the field `auth` goes, that is the reason; the other fields pass all the same.
        reached: Reached::When(|situation| {
            let in_runtime = situation.resolved(|views| views.runtime.contains_key(CODEX_APPS));
            in_runtime && situation.gate_is_open()
        }),
        shows: Shows::InViews,
        faults: &[Fault {
            name: "gate-starts-the-disabled",
            rule: Some(Rule::GatePassesButAuth),
            what: "an open gate enables a codex_apps that is disabled in runtime",
            also: &[],
            change: Change::Answers(gate_enables_the_disabled),
        }],
        ..Entry::of(Rule::GatePassesButAuth)
    },
    Entry {
        faults: &[Fault {
            name: "disabled-left-out-of-effective",
            rule: Some(Rule::EffectiveOthersPass),
            what: "a disabled server is not in the effective view",
            also: &[],
            change: Change::Answers(disabled_left_out),
        }],
        ..Entry::of(Rule::EffectiveOthersPass)
    },
    Entry {
        succeeds: Some(Rule::EffectiveOthersPass),
        reached: Reached::When(|situation| {
            situation.resolved(|views| views.effective.keys().any(|name| name != CODEX_APPS))
        }),
        shows: Shows::InViews,
        faults: &[Fault {
            name: "disabled-hidden-from-effective",
            rule: Some(Rule::EffectiveOthersPassButAuth),
            what: "a disabled server is not in the effective view",
            also: &[],
            change: Change::Answers(disabled_left_out),
        }],
        ..Entry::of(Rule::EffectiveOthersPassButAuth)
    },
    Entry {
        reached: Reached::When(|situation| situation.resolved(has_auth)),
        shows: Shows::InViews,
        fields: Fields { in_views: &["auth"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "auth-kept-everywhere",
                rule: Some(Rule::EffectiveAuthAtChatgptOnly),
                what: "`auth` counts at every origin",
                also: &[],
                change: Change::Answers(|_, answer| with_auth_where(answer, |_| true)),
            },
            Fault {
                name: "auth-by-prefix",
                rule: Some(Rule::EffectiveAuthAtChatgptOnly),
                what: "any URL that begins with `https://chatgpt.com` is at that origin",
                also: &[],
                change: Change::Answers(|_, answer| {
                    with_auth_where(answer, |url| url.starts_with("https://chatgpt.com"))
                }),
            },
            Fault {
                name: "auth-by-host-alone",
                rule: Some(Rule::EffectiveAuthAtChatgptOnly),
                what: "any port of chatgpt.com is at that origin",
                also: &[],
                change: Change::Answers(|_, answer| {
                    with_auth_where(answer, |url| is_chatgpt_origin(&without_port(url)))
                }),
            },
            Fault {
                name: "auth-by-another-reader",
                rule: Some(Rule::EffectiveAuthAtChatgptOnly),
                what: "a backslash does not end the host, as in RFC 3986",
                also: &[],
                change: Change::Answers(|_, answer| {
                    with_auth_where(answer, |url| is_chatgpt_origin(url) && !url.contains('\\'))
                }),
            },
            Fault {
                name: "auth-at-the-old-host",
                rule: Some(Rule::EffectiveAuthAtChatgptOnly),
                what: "chat.openai.com is at that origin too",
                also: &[],
                change: Change::Answers(|_, answer| {
                    with_auth_where(answer, |url| {
                        is_chatgpt_origin(&url.replacen("chat.openai.com", "chatgpt.com", 1))
                    })
                }),
            },
        ],
        ..Entry::of(Rule::EffectiveAuthAtChatgptOnly)
    },
];

/// One backend auth is as good as another.
fn sign_in(case: &mut Case) {
    case.auth = Some(Auth::ChatGpt);
}

fn has_auth(views: &Resolution) -> bool {
    let mut servers = views.runtime.values().filter_map(|decided| decided.server.as_ref());
    servers.any(|server| server.get("auth").is_some())
}

fn gate_enables_the_disabled(_: &Case, answer: &Answer) -> Option<Answer> {
    with_views(answer, |views| {
        if let Some(server) = views.effective.get_mut(CODEX_APPS)
            && is_disabled(server)
        {
            *server = changed(server, |server| drop(server.remove("enabled")));
        }
    })
}

fn disabled_left_out(_: &Case, answer: &Answer) -> Option<Answer> {
    with_views(answer, |views| {
        views.effective.retain(|name, server| name == CODEX_APPS || !is_disabled(server));
    })
}

/// The `auth` of `runtime` in `effective`, where `keeps` says so of the URL.
fn with_auth_where(answer: &Answer, keeps: fn(&str) -> bool) -> Option<Answer> {
    with_views(answer, |views| {
        for (name, server) in &mut views.effective {
            let before = views.runtime.get(name).and_then(|server| server.get("auth")).cloned();
            let url = server.get("url").and_then(Value::as_str).unwrap_or_default();
            let auth = before.filter(|_| keeps(url));
            if auth.as_ref() != server.get("auth") {
                *server = changed(server, |server| match auth {
                    Some(auth) => drop(server.insert("auth".into(), auth)),
                    None => drop(server.remove("auth")),
                });
            }
        }
    })
}

fn without_port(url: &str) -> String {
    let at = "https://chatgpt.com";
    match url.strip_prefix(at).and_then(|rest| rest.strip_prefix(':')) {
        Some(rest) => format!("{at}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => url.into(),
    }
}
