//! Faults of `host.*`, `server.invalid-rejects-config` and `rejection.*`; the entries in `host.rs`
//! list them. A comment names the public report in which such a mistake was seen.

use std::cmp::Ordering;

use mcp_overlay_model::{Answer, Case, Contribution, ContributorKind, Outcome, Rule, resolve};
use serde_json::{Value, json};

use super::fault::change::{edited, features, host_entries, is_disabled, is_hosted, is_valid};
use super::fault::{Change, Fault};

const fn read(
    name: &'static str,
    rule: Rule,
    what: &'static str,
    change: fn(&Case) -> Option<Case>,
) -> Fault {
    Fault::new(name, rule, what, Change::Reads(change))
}

const fn sorted(
    name: &'static str,
    what: &'static str,
    order: fn(&Case, &Answer) -> Option<Answer>,
) -> Fault {
    Fault::new(name, Rule::RejectionSmallestPath, what, Change::Answers(order))
}

// wso2/carbon-apimgt#13858: `Boolean.parseBoolean`.
pub(super) const FEATURE_WORD_TAKEN: Fault = read(
    "feature-in-quotes-taken",
    Rule::HostWrongType,
    "the Apps feature may be `\"true\"` or `\"false\"`",
    |case| {
        let word = features(case)?.get("apps")?.as_str()?;
        let is_on = word.parse::<bool>().ok()?;
        with_feature(case, json!(is_on))
    },
);

pub(super) const FEATURE_NUMBER_TAKEN: Fault =
    read("feature-number-taken", Rule::HostWrongType, "the Apps feature may be 0 or 1", |case| {
        match features(case)?.get("apps")?.as_f64() {
            Some(0.0) => with_feature(case, json!(false)),
            Some(1.0) => with_feature(case, json!(true)),
            _ => None,
        }
    });

// coleam00/Archon#1456: `String(val)`.
pub(super) const VARIABLE_NUMBER_TAKEN: Fault = read(
    "variable-number-taken",
    Rule::HostWrongType,
    "a variable of the host's env may be a number or a boolean",
    |case| {
        let is_taken = |value: &Value| value.is_number() || value.is_boolean();
        let any = case.host.get("env")?.as_object()?.values().any(is_taken);
        any.then(|| {
            edited(case, |case| {
                let env = case.host.get_mut("env").and_then(Value::as_object_mut);
                for value in env.into_iter().flat_map(|env| env.values_mut()) {
                    if is_taken(value) {
                        *value = Value::from(value.to_string());
                    }
                }
            })
        })
        .flatten()
    },
);

pub(super) const SKU_NUMBER_TAKEN: Fault =
    read("sku-number-taken", Rule::HostWrongType, "a product SKU may be a number", |case| {
        let sku = case.host.get("apps_mcp_product_sku")?;
        let text = sku.is_number().then(|| Value::from(sku.to_string()))?;
        with_key(case, "apps_mcp_product_sku", text)
    });

pub(super) const SERVER_LIST_TAKEN: Fault = read(
    "empty-list-of-servers-taken",
    Rule::HostWrongType,
    "`mcp_servers` may be an empty list",
    // An empty array of PHP is a list and a map.
    |case| {
        let is_empty = case.host.get("mcp_servers")?.as_array()?.is_empty();
        is_empty.then(|| with_key(case, "mcp_servers", json!({}))).flatten()
    },
);

pub(super) const UNKNOWN_KEY_REFUSED: Fault = read(
    "unknown-host-key-refused",
    Rule::HostWrongType,
    "an unknown key of the host config refuses it",
    |case| {
        let known = ["chatgpt_base_url", "apps_mcp_product_sku", "features", "mcp_servers", "env"];
        let mut keys = case.host.as_object()?.keys();
        let any = keys.any(|key| !known.contains(&key.as_str()));
        any.then(|| with_key(case, "features", json!(1))).flatten()
    },
)
.also(&[Rule::ValueNullIsAbsent]);

pub(super) const INVALID_CONTRIBUTION_SKIPPED: Fault = read(
    "invalid-contribution-skipped",
    Rule::ServerInvalidRejectsConfig,
    "a `Set` of an invalid server is passed over",
    |case| {
        let is_invalid = |c: &Contribution| matches!(c, Contribution::Set { server, .. } if !is_valid(case, server));
        edited(case, |case| {
            for contributor in &mut case.contributors {
                if let ContributorKind::Scripted(list) = &mut contributor.kind {
                    list.retain(|contribution| !is_invalid(contribution));
                }
            }
        })
    },
);

pub(super) const DISABLED_UNCHECKED: Fault = read(
    "disabled-server-unchecked",
    Rule::ServerInvalidRejectsConfig,
    "an invalid server of the host config is dropped if it is disabled",
    |case| {
        let is_dropped = |entry: &Value| is_disabled(entry) && !is_valid(case, entry);
        host_entries(case).any(|(_, entry)| is_dropped(entry)).then(|| {
            edited(case, |case| {
                let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
                own.into_iter().for_each(|own| own.retain(|_, entry| !is_dropped(entry)));
            })
        })?
    },
);

pub(super) const HOSTED_NOT_COUNTED: Fault = Fault::new(
    "hosted-contributor-not-counted",
    Rule::ServerInvalidRejectsConfig,
    "the hosted-apps contributor does not count in the path of an invalid contribution",
    Change::Answers(|case, answer| {
        let path = path_of(answer)?;
        let (index, rest) = path.strip_prefix("contributors[")?.split_once(']')?;
        let index: usize = index.parse().ok()?;
        let hosted = case.contributors.iter().take(index).filter(|c| is_hosted(c)).count();
        let path = format!("contributors[{}]{rest}", index.saturating_sub(hosted));
        (hosted > 0).then(|| rejected_at(answer, path)).flatten()
    }),
)
.also(&[Rule::RejectionSmallestPath]);

pub(super) const NUMBER_ORDER: Fault = sorted(
    "paths-in-order-of-numbers",
    "`contributors[2]` comes before `contributors[10]`",
    |case, answer| first_by(case, answer, |a, b| numbers_of(a).cmp(&numbers_of(b))),
);

pub(super) const HOST_FIRST: Fault = sorted(
    "host-rejected-before-contributors",
    "`host` comes before contributors",
    |case, answer| {
        let is_of_host = |path: &str| path.starts_with("host");
        first_by(case, answer, |a, b| is_of_host(b).cmp(&is_of_host(a)))
    },
);

/// JavaScript's `localeCompare`, and a database's order of texts.
pub(super) const DICTIONARY_ORDER: Fault =
    sorted("paths-in-dictionary-order", "`a` comes before `B`", |case, answer| {
        first_by(case, answer, |a, b| a.to_lowercase().cmp(&b.to_lowercase()))
    });

/// The order of texts in JavaScript, Java and C#.
pub(super) const UTF16_ORDER: Fault =
    sorted("paths-in-order-of-utf16", "a path is compared by its UTF-16 units", |case, answer| {
        first_by(case, answer, |a, b| a.encode_utf16().cmp(b.encode_utf16()))
    });

pub(super) const SHORTEST_FIRST: Fault = sorted(
    "shortest-path-named",
    "of several invalid places the one with the shortest path is named",
    |case, answer| first_by(case, answer, |a, b| a.len().cmp(&b.len())),
);

fn with_key(case: &Case, key: &str, value: Value) -> Option<Case> {
    edited(case, |case| {
        if let Some(host) = case.host.as_object_mut() {
            host.insert(key.into(), value);
        }
    })
}

fn with_feature(case: &Case, value: Value) -> Option<Case> {
    super::fault::change::with_feature(case, "apps", value)
}

fn path_of(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Rejected { rejected } => Some(&rejected.path),
        _ => None,
    }
}

fn rejected_at(answer: &Answer, path: String) -> Option<Answer> {
    let mut other = answer.clone();
    if let Answer::Rejected { rejected } = &mut other {
        rejected.path = path;
    }
    (other != *answer).then_some(other)
}

/// The rejection at the place that is first in another order.
fn first_by(
    case: &Case,
    answer: &Answer,
    order: impl Fn(&str, &str) -> Ordering,
) -> Option<Answer> {
    path_of(answer)?;
    let Outcome::Rejected(places) = resolve(case) else {
        return None;
    };
    let first = places.iter().min_by(|a, b| order(&a.path, &b.path))?;
    rejected_at(answer, first.path.clone())
}

/// A path in which numbers in brackets are numbers.
fn numbers_of(path: &str) -> Vec<(u64, &str)> {
    let numbered = |piece| match str::split_once(piece, ']') {
        Some((index, rest)) => (index.parse().unwrap_or_default(), rest),
        None => (0, piece),
    };
    path.split('[').map(numbered).collect()
}
