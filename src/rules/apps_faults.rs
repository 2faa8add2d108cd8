//! Faults of `hosted.*`, `legacy.*` and `apps-server.*`; the entries in `apps.rs` and `apps_server.rs`
//! list them.

use mcp_overlay_model::host::CONNECTORS_TOKEN;
use mcp_overlay_model::{Answer, CODEX_APPS, Case, Rule};
use serde_json::{Value, json};

use super::fault::change::{
    edited, host_entries, is_hosted, speaks_of_apps, with_apps_server, with_views,
};
use super::fault::{Change, Fault};

pub(super) const SECOND_HOSTED_SILENT: Fault = Fault::new(
    "second-hosted-contributor-silent",
    Rule::HostedAlwaysSpeaks,
    "a second hosted-apps contributor says nothing",
    Change::Resolves(|case| {
        let mut seen = false;
        let any = case.contributors.iter().filter(|c| is_hosted(c)).count() > 1;
        let keep_first = |case: &mut Case| {
            case.contributors.retain(|c| !is_hosted(c) || !std::mem::replace(&mut seen, true));
        };
        any.then(|| edited(case, keep_first)).flatten()
    }),
)
.also(&[Rule::ContributionOrder, Rule::HostedEnabledSets, Rule::HostedDisabledRemoves]);

pub(super) const LEGACY_KEEPS_DISABLED: Fault = Fault::new(
    "fallback-keeps-it-disabled",
    Rule::AppsServerShape,
    "the Apps server that replaces a disabled one is disabled",
    Change::Answers(|case, answer| {
        let off = host_entries(case)
            .any(|(name, e)| name == CODEX_APPS && e.get("enabled") == Some(&json!(false)));
        off.then(|| {
            with_apps_server(case, answer, |server| {
                server.insert("enabled".into(), json!(false));
            })
        })?
    }),
)
.also(&[Rule::LegacySynthesizesInEffective]);

pub(super) const LOADER_OFF_KEEPS: Fault = Fault::new(
    "loader-off-keeps-the-configured",
    Rule::LegacyFirstInRuntime,
    "with the Apps feature off a configured codex_apps stays in runtime",
    Change::Answers(|case, answer| {
        if speaks_of_apps(case) {
            return None;
        }
        with_views(answer, |views| {
            if let Some(own) = views.configured.get(CODEX_APPS)
                && !views.runtime.contains_key(CODEX_APPS)
            {
                views.runtime.insert(CODEX_APPS.into(), own.clone());
            }
        })
    }),
)
.also(&[Rule::RuntimeThreePhases]);

pub(super) const TIMEOUT_OF_THE_USER: Fault = Fault::new(
    "apps-server-keeps-the-users-timeout",
    Rule::AppsServerShape,
    "the Apps server has the startup timeout of the codex_apps that the user configured",
    Change::Answers(|case, answer| {
        let Answer::Resolved { views, .. } = answer else {
            return None;
        };
        let time = views.configured.get(CODEX_APPS)?.get("startup_timeout_sec")?.clone();
        with_apps_server(case, answer, |server| {
            server.insert("startup_timeout_sec".into(), time.clone());
        })
    }),
);

pub(super) const EMPTY_SKU_IS_NONE: Fault = Fault::new(
    "empty-sku-is-none",
    Rule::AppsServerSkuHeader,
    "an empty product SKU counts as absent",
    Change::Answers(|case, answer| {
        let is_empty = case.host.get("apps_mcp_product_sku")?.as_str()?.is_empty();
        is_empty
            .then(|| with_apps_server(case, answer, |s| drop(s.remove("http_headers"))))
            .flatten()
    }),
);

pub(super) const SKU_TRIMMED: Fault = Fault::new(
    "sku-trimmed",
    Rule::AppsServerSkuHeader,
    "a product SKU loses blanks around it",
    Change::Resolves(|case| {
        let sku = case.host.get("apps_mcp_product_sku")?.as_str()?;
        let trimmed = sku.trim();
        (trimmed != sku)
            .then(|| with_host_value(case, "apps_mcp_product_sku", json!(trimmed)))
            .flatten()
    }),
);

/// JavaScript's `trim`: not U+0085, but U+FEFF.
pub(super) const BLANK_BY_JAVASCRIPT: Fault = blank(
    "blank-as-javascript-trims",
    "a token is blank if JavaScript's `trim` leaves nothing of it",
    |case| with_blank(case, |c| c == '\u{FEFF}' || (c.is_whitespace() && c != '\u{85}')),
);

/// Python's `str.strip`: U+001C to U+001F too.
pub(super) const BLANK_BY_PYTHON: Fault = blank(
    "blank-as-python-strips",
    "a token is blank if Python's `strip` leaves nothing of it",
    |case| with_blank(case, |c| c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)),
);

/// Java's `String.trim`: whatever is not above U+0020.
pub(super) const BLANK_BY_JAVA: Fault = blank(
    "blank-as-java-trims",
    "a token is blank if Java's `trim` leaves nothing of it",
    |case| with_blank(case, |c| c <= ' '),
);

/// PHP's `trim`, and C's `isspace` with it: ASCII alone.
pub(super) const BLANK_BY_ASCII: Fault = blank(
    "blank-in-ascii-only",
    "a token is blank only if it holds nothing but white space of ASCII",
    |case| with_blank(case, |c| c.is_ascii_whitespace() || c == '\u{B}'),
);

/// As Windows compares them.
pub(super) const TOKEN_IN_ANY_CASE: Fault = Fault::new(
    "token-variable-in-any-case",
    Rule::AppsServerShape,
    "the name of the token's variable is compared without case",
    Change::Resolves(|case| {
        let env = case.host.get("env")?.as_object()?;
        let is_alike = |name: &String| name.eq_ignore_ascii_case(CONNECTORS_TOKEN);
        let alike = env.iter().find(|(name, _)| is_alike(name) && *name != CONNECTORS_TOKEN);
        let (_, token) = alike.filter(|_| !env.contains_key(CONNECTORS_TOKEN))?;
        with_token(case, token.clone())
    }),
)
.also(&[Rule::AppsServerBearerEnv]);

pub(super) const FIRST_VARIABLE_ONLY: Fault = Fault::new(
    "only-the-first-variable-read",
    Rule::AppsServerBearerEnv,
    "of the host's environment the first variable is read",
    Change::Resolves(|case| {
        let env = case.host.get("env")?.as_object()?;
        env.keys().position(|name| name == CONNECTORS_TOKEN).filter(|place| *place > 0)?;
        with_token(case, json!(""))
    }),
);

/// A fault that has another idea of what is blank.
const fn blank(name: &'static str, what: &'static str, change: fn(&Case) -> Option<Case>) -> Fault {
    Fault::new(name, Rule::AppsServerBearerEnv, what, Change::Resolves(change))
}

fn with_host_value(case: &Case, key: &str, value: Value) -> Option<Case> {
    edited(case, |case| {
        if let Some(host) = case.host.as_object_mut() {
            host.insert(key.into(), value);
        }
    })
}

fn with_token(case: &Case, token: Value) -> Option<Case> {
    edited(case, |case| {
        if let Some(env) = case.host.get_mut("env").and_then(Value::as_object_mut) {
            env.insert(CONNECTORS_TOKEN.into(), token);
        }
    })
}

/// A case whose token is blank exactly where all of its characters are so in this sense.
fn with_blank(case: &Case, is_blank: fn(char) -> bool) -> Option<Case> {
    let token = case.host.get("env")?.get(CONNECTORS_TOKEN)?.as_str()?;
    let (by_rights, here) = (token.chars().all(char::is_whitespace), token.chars().all(is_blank));
    let other = if here { "" } else { "token" };
    (by_rights != here).then(|| with_token(case, json!(other))).flatten()
}
