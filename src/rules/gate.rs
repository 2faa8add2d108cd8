//! From `runtime` to `effective`: `gate.*` and `effective.*`.

use mcp_overlay_model::origin::is_chatgpt_origin;
use mcp_overlay_model::{Answer, Auth, CODEX_APPS, Case, Resolution, Rule};

use super::entry::{Entry, Fields, Reached, Rewrite, Shows, Step};
use super::fault::change::{
    changed, fallback_revived_after_remove, is_disabled, put_back, with_views,
};
use super::fault::reading::with_auth_where;
use super::fault::{Change, Fault};
use super::gate_faults;

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
            gate_faults::PERSONAL_TOKEN_SHUT_OUT,
            gate_faults::GIVEN_TOKENS_SHUT_OUT,
            gate_faults::NOBODY_PASSES,
            gate_faults::GATE_NEEDS_URL,
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
        faults: &[
            Fault {
                name: "disabled-left-out-of-effective",
                rule: Some(Rule::EffectiveOthersPass),
                what: "a disabled server is not in the effective view",
                also: &[],
                change: Change::Answers(disabled_left_out),
            },
            gate_faults::LOOK_ALIKES_REMOVED,
            gate_faults::BEARER_UNSET_LEFT_OUT,
        ],
        ..Entry::of(Rule::EffectiveOthersPass)
    },
    Entry {
        succeeds: Some(Rule::EffectiveOthersPass),
        reached: Reached::When(|situation| {
            situation.resolved(|views| views.effective.keys().any(|name| name != CODEX_APPS))
        }),
        shows: Shows::InViews,
        faults: &[
            Fault {
                name: "disabled-hidden-from-effective",
                rule: Some(Rule::EffectiveOthersPassButAuth),
                what: "a disabled server is not in the effective view",
                also: &[],
                change: Change::Answers(disabled_left_out),
            },
            gate_faults::REMOTE_LEFT_OUT,
        ],
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
            gate_faults::PORT_AS_TEXT,
            gate_faults::HOST_NOT_DECODED,
            gate_faults::AT_TRAILING_DOT,
            gate_faults::AT_SUBDOMAINS,
            gate_faults::OVER_PLAIN_HTTP,
            gate_faults::LOST_WITH_USERINFO,
            gate_faults::USERINFO_TO_THE_FIRST_AT,
            gate_faults::NEEDS_CLEAN_URL,
            gate_faults::NEEDS_TWO_SLASHES,
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

fn without_port(url: &str) -> String {
    let at = "https://chatgpt.com";
    match url.strip_prefix(at).and_then(|rest| rest.strip_prefix(':')) {
        Some(rest) => format!("{at}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => url.into(),
    }
}
