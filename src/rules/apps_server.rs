//! The Apps server that a host builds: `apps-server.*`.

use mcp_overlay_model::host::CONNECTORS_TOKEN;
use mcp_overlay_model::{Case, Rule};
use serde_json::{Value, json};

use super::apps_faults;
use super::entry::{Entry, Fields, Reached, Rewrite, Shows, Step};
use super::fault::change::{edited, with_apps_server};
use super::fault::{Change, Fault};
use super::rewriting::host;

pub(super) const RULES: &[Entry] = &[
    Entry {
        reached: Reached::When(|situation| situation.built(|_| true)),
        shows: Shows::InViews,
        faults: &[
            Fault {
                name: "apps-server-without-timeout",
                rule: Some(Rule::AppsServerShape),
                what: "the Apps server has no startup timeout",
                also: &[],
                change: Change::Answers(|case, answer| {
                    with_apps_server(case, answer, |server| {
                        drop(server.remove("startup_timeout_sec"))
                    })
                }),
            },
            apps_faults::TIMEOUT_OF_THE_USER,
            apps_faults::TOKEN_IN_ANY_CASE,
            apps_faults::LEGACY_KEEPS_DISABLED,
        ],
        ..Entry::of(Rule::AppsServerShape)
    },
    Entry {
        reached: Reached::When(|situation| situation.built(|apps| apps.host.product_sku.is_some())),
        fields: Fields { of_apps_server: &["http_headers"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "sku-header-dropped",
                rule: Some(Rule::AppsServerSkuHeader),
                what: "the product SKU is not sent",
                also: &[],
                change: Change::Resolves(|case| without_host_key(case, "apps_mcp_product_sku")),
            },
            apps_faults::EMPTY_SKU_IS_NONE,
            apps_faults::SKU_TRIMMED,
        ],
        ..Entry::of(Rule::AppsServerSkuHeader)
    },
    Entry {
        reached: Reached::When(|situation| situation.built(|apps| apps.host.product_sku.is_none())),
        fields: Fields { of_apps_server: &["http_headers"], ..Fields::NONE },
        faults: &[Fault {
            name: "header-without-sku",
            rule: Some(Rule::AppsServerNoSkuNoHeader),
            what: "without a product SKU the header says `codex`",
            also: &[],
            change: Change::Resolves(|case| {
                has_no_sku(case).then(|| edited(case, write_default_sku)).flatten()
            }),
        }],
        ..Entry::of(Rule::AppsServerNoSkuNoHeader)
    },
    Entry {
        succeeds: Some(Rule::AppsServerNoSkuNoHeader),
        reached: Reached::When(|situation| situation.built(|apps| apps.host.product_sku.is_none())),
        fields: Fields { of_apps_server: &["http_headers"], ..Fields::NONE },
        faults: &[Fault {
            name: "no-sku-by-default",
            rule: Some(Rule::AppsServerSkuDefault),
            what: "without a product SKU there is no header",
            also: &[],
            change: Change::Answers(|case, answer| {
                let without = || with_apps_server(case, answer, |s| drop(s.remove("http_headers")));
                has_no_sku(case).then(without).flatten()
            }),
        }],
        ..Entry::of(Rule::AppsServerSkuDefault)
    },
    Entry {
        reached: Reached::When(|situation| situation.built(|_| true)),
        shows: Shows::InViews,
        fields: Fields { of_apps_server: &["auth"], ..Fields::NONE },
        faults: &[Fault {
            name: "apps-server-without-auth",
            rule: Some(Rule::AppsServerAuth),
            what: "the Apps server that the host builds lacks `auth`",
            also: &[],
            change: Change::Answers(|case, answer| {
                with_apps_server(case, answer, |server| drop(server.remove("auth")))
            }),
        }],
        ..Entry::of(Rule::AppsServerAuth)
    },
    Entry {
        reached: Reached::When(|situation| {
            let token = situation.host("env").and_then(|env| env.get(CONNECTORS_TOKEN));
            token.is_some() || situation.built(|apps| apps.host.connectors_token)
        }),
        rewrite: Some(Rewrite { step: Step::AppsServer, write: drop_blank_token }),
        fields: Fields { of_apps_server: &["bearer_token_env_var"], ..Fields::NONE },
        faults: &[
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
            apps_faults::BLANK_BY_JAVASCRIPT,
            apps_faults::BLANK_BY_PYTHON,
            apps_faults::BLANK_BY_JAVA,
            apps_faults::BLANK_BY_ASCII,
            apps_faults::FIRST_VARIABLE_ONLY,
        ],
        ..Entry::of(Rule::AppsServerBearerEnv)
    },
];

fn without_host_key(case: &Case, key: &str) -> Option<Case> {
    case.host.get(key)?;
    edited(case, |case| {
        if let Some(host) = case.host.as_object_mut() {
            host.remove(key);
        }
    })
}

fn has_no_sku(case: &Case) -> bool {
    case.host.get("apps_mcp_product_sku").is_none_or(Value::is_null)
}

fn write_default_sku(case: &mut Case) {
    if let Some(host) = host(case) {
        host.insert("apps_mcp_product_sku".into(), json!("codex"));
    }
}

fn drop_blank_token(case: &mut Case) {
    let environment = host(case).and_then(|host| host.get_mut("env")?.as_object_mut());
    if let Some(environment) = environment {
        let blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        environment.retain(|name, value| name != CONNECTORS_TOKEN || !blank(value));
    }
}
