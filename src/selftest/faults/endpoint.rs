//! Faults of the Apps server and its URL: `endpoint.*`, `apps-server.*`.

use mcp_overlay_model::host::CONNECTORS_TOKEN;
use mcp_overlay_model::{Answer, Case, Rule};
use serde_json::{Value, json};

use super::change::{Entry, edited, features, with_apps_server, with_base, written_base};
use super::fault::{Change, Fault};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "base-repaired",
        rule: Some(Rule::EndpointBaseValid),
        what: "userinfo, query, fragment and blanks of a base are dropped, not refused",
        also: &[],
        change: Change::Reads(base_repaired),
    },
    Fault {
        name: "base-keeps-trailing-slash",
        rule: Some(Rule::EndpointBaseTrimmed),
        what: "a written base that ends in a slash gives a URL with two in a row",
        also: &[],
        change: Change::Answers(|case, answer| {
            let base = written_base(case)?;
            let slashed = case.host.get("chatgpt_base_url")?.as_str()?.ends_with('/');
            slashed.then(|| with_rest(case, answer, base, |rest| format!("/{rest}"))).flatten()
        }),
    },
    Fault {
        name: "look-alike-host-trusted",
        rule: Some(Rule::EndpointChatgptHost),
        what: "a host that begins like ChatGPT's is taken for it",
        also: &[],
        change: Change::Resolves(|case| {
            let base = written_base(case)?;
            let alike = base.starts_with("https://chatgpt.com.") && !base.contains("/backend-api");
            alike.then(|| with_base(case, format!("{base}/backend-api"))).flatten()
        }),
    },
    Fault {
        name: "other-host-without-api-codex",
        rule: Some(Rule::EndpointOtherHost),
        what: "a host that is not ChatGPT's gets no /api/codex",
        also: &[],
        change: Change::Answers(|case, answer| {
            with_rest(case, answer, written_base(case)?, |rest| {
                rest.strip_prefix("/api/codex/").map_or(rest.into(), |path| format!("/{path}"))
            })
        }),
    },
    Fault {
        name: "default-path-always-wham",
        rule: Some(Rule::EndpointDefaultPath),
        what: "the default path is wham/apps under /api/codex too",
        also: &[],
        change: Change::Answers(|case, answer| {
            let on = features(case).is_some_and(|f| f.contains_key("apps_mcp_path_override"));
            if on {
                return None;
            }
            with_url(case, answer, |url| {
                let base = url.strip_suffix("/api/codex/apps");
                base.map_or(url.into(), |base| format!("{base}/api/codex/wham/apps"))
            })
        }),
    },
    Fault {
        name: "override-joined-with-double-slash",
        rule: Some(Rule::EndpointOverridePath),
        what: "an override's own slash comes after the one that joins",
        also: &[],
        change: Change::Answers(override_joined_with_double_slash),
    },
    Fault {
        name: "apps-server-without-timeout",
        rule: Some(Rule::AppsServerShape),
        what: "the Apps server has no startup timeout",
        also: &[],
        change: Change::Answers(|case, answer| {
            with_apps_server(case, answer, |server| drop(server.remove("startup_timeout_sec")))
        }),
    },
    Fault {
        name: "sku-header-dropped",
        rule: Some(Rule::AppsServerSkuHeader),
        what: "the product SKU is not sent",
        also: &[],
        change: Change::Resolves(|case| without_host_key(case, "apps_mcp_product_sku")),
    },
    Fault {
        name: "blank-token-counted",
        rule: Some(Rule::AppsServerBearerEnv),
        what: "a variable that holds only blanks counts as a token",
        also: &[],
        change: Change::Resolves(|case| {
            let token = case.host.get("env")?.get(CONNECTORS_TOKEN)?.as_str()?;
            let count = |case: &mut Case| {
                if let Some(env) = case.host.get_mut("env").and_then(Value::as_object_mut) {
                    env.insert(CONNECTORS_TOKEN.into(), json!("token"));
                }
            };
            token.trim().is_empty().then(|| edited(case, count)).flatten()
        }),
    },
];

/// What a URL library that means well makes of a base that is none.
fn base_repaired(case: &Case) -> Option<Case> {
    let written = case.host.get("chatgpt_base_url")?.as_str()?;
    let base = written.trim();
    let (scheme, rest) = base.split_once("://")?;
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let repaired = format!("{scheme}://{host}{path}");
    (repaired != written).then(|| with_base(case, repaired)).flatten()
}

fn override_joined_with_double_slash(case: &Case, answer: &Answer) -> Option<Answer> {
    let written = features(case)?.get("apps_mcp_path_override")?;
    let path = written.get("path").and_then(Value::as_str).unwrap_or("/ps/mcp");
    let joined = path.trim_start_matches('/');
    if joined == path {
        return None;
    }
    with_url(case, answer, |url| {
        let base = url.strip_suffix(joined).filter(|base| base.ends_with('/'));
        base.map_or(url.into(), |base| format!("{base}{path}"))
    })
}

/// Changes the URL of the Apps server.
fn with_url(case: &Case, answer: &Answer, change: impl Fn(&str) -> String) -> Option<Answer> {
    with_apps_server(case, answer, |server: &mut Entry| {
        if let Some(Value::String(url)) = server.get_mut("url") {
            *url = change(url);
        }
    })
}

/// Changes what the URL of the Apps server has after the base.
fn with_rest(
    case: &Case,
    answer: &Answer,
    base: &str,
    change: impl Fn(&str) -> String,
) -> Option<Answer> {
    with_url(case, answer, |url| match url.strip_prefix(base) {
        Some(rest) => format!("{base}{}", change(rest)),
        None => url.into(),
    })
}

fn without_host_key(case: &Case, key: &str) -> Option<Case> {
    case.host.get(key)?;
    edited(case, |case| {
        if let Some(host) = case.host.as_object_mut() {
            host.remove(key);
        }
    })
}
