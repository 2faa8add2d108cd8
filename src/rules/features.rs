//! Features, and what a null means: `features.*` and `value.*`.

use mcp_overlay_model::{Answer, Case, Rule};
use serde_json::{Map, Value, json};

use super::entry::{Entry, Fields, Reached, Rewrite, Step};
use super::fault::change::{edited, features, with_feature, with_url};
use super::fault::{Change, Fault};
use super::features_faults;
use super::rewriting::{host, tables, write_override_as_table};

pub(super) const RULES: &[Entry] = &[
    Entry {
        reached: Reached::When(|situation| {
            let has_null = |table: &Map<String, Value>| table.values().any(Value::is_null);
            let features = situation.host("features").and_then(Value::as_object);
            situation.written.null
                || situation.case.host.as_object().is_some_and(has_null)
                || features.is_some_and(has_null)
        }),
        rewrite: Some(Rewrite { step: Step::Value, write: drop_nulls }),
        faults: &[
            Fault {
                name: "null-feature-is-off",
                rule: Some(Rule::ValueNullIsAbsent),
                what: "a null for the Apps feature switches it off",
                also: &[],
                change: Change::Reads(|case| {
                    let null = features(case)?.get("apps")?.is_null();
                    null.then(|| with_feature(case, "apps", json!(false))).flatten()
                }),
            },
            features_faults::NULL_BASE_REFUSED,
            features_faults::NULL_ENABLED_IS_OFF,
        ],
        ..Entry::of(Rule::ValueNullIsAbsent)
    },
    Entry {
        reached: Reached::When(|situation| situation.feature("apps_mcp_path_override").is_some()),
        rewrite: Some(Rewrite { step: Step::Value, write: write_override_as_table }),
        fields: Fields { of_host: &["host.features.apps_mcp_path_override"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "override-needs-enabled",
                rule: Some(Rule::FeaturesOverrideForms),
                what: "an override that only has a path is off",
                also: &[],
                change: Change::Reads(|case| {
                    let mut table =
                        features(case)?.get("apps_mcp_path_override")?.as_object()?.clone();
                    let only_path = table.contains_key("path") && !table.contains_key("enabled");
                    table.insert("enabled".into(), json!(false));
                    let off = || with_feature(case, "apps_mcp_path_override", Value::Object(table));
                    only_path.then(off).flatten()
                }),
            },
            features_faults::OTHER_KEY_IGNORED,
        ],
        ..Entry::of(Rule::FeaturesOverrideForms)
    },
    Entry {
        succeeds: Some(Rule::FeaturesOverrideForms),
        reached: Reached::When(|situation| situation.feature("apps_mcp_path_override").is_some()),
        rewrite: Some(Rewrite { step: Step::Value, write: drop_override }),
        fields: Fields { of_host: &["host.features.apps_mcp_path_override"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "override-still-counts",
                rule: Some(Rule::FeaturesOverrideIgnored),
                what: "a path override that is on gives the legacy loader its path",
                also: &[],
                change: Change::Answers(override_still_counts),
            },
            features_faults::IGNORED_UNCHECKED,
        ],
        ..Entry::of(Rule::FeaturesOverrideIgnored)
    },
    Entry {
        reached: Reached::When(|situation| {
            situation.case.host.is_object() && situation.feature("apps").is_none()
        }),
        rewrite: Some(Rewrite { step: Step::AppsServer, write: write_apps_on }),
        faults: &[
            Fault {
                name: "apps-off-unless-on",
                rule: Some(Rule::FeaturesAppsDefaultOn),
                what: "without a word about it the Apps feature is off",
                also: &[],
                change: Change::Resolves(|case| {
                    let said = features(case).is_some_and(|features| features.contains_key("apps"));
                    (!said).then(|| with_feature(case, "apps", json!(false))).flatten()
                }),
            },
            features_faults::OTHERS_SWITCH_OFF,
        ],
        ..Entry::of(Rule::FeaturesAppsDefaultOn)
    },
    Entry {
        reached: Reached::When(|situation| situation.feature("connectors").is_some()),
        rewrite: Some(Rewrite { step: Step::Value, write: write_connectors_as_apps }),
        fields: Fields { of_host: &["host.features.connectors"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "connectors-ignored",
                rule: Some(Rule::FeaturesConnectorsAlias),
                what: "`features.connectors` does not count",
                also: &[],
                change: Change::Resolves(|case| {
                    edited(case, |case| {
                        let features = features_mut(case);
                        features.map(|features| features.remove("connectors"));
                    })
                }),
            },
            features_faults::BOTH_MUST_BE_ON,
        ],
        ..Entry::of(Rule::FeaturesConnectorsAlias)
    },
    Entry {
        faults: &[
            Fault {
                name: "unknown-feature-of-any-type",
                rule: Some(Rule::FeaturesBoolean),
                what: "an unknown feature may be anything",
                also: &[],
                change: Change::Reads(unknown_feature_of_any_type),
            },
            features_faults::UNKNOWN_FEATURE_NUMBER,
        ],
        ..Entry::of(Rule::FeaturesBoolean)
    },
];

fn features_mut(case: &mut Case) -> Option<&mut Map<String, Value>> {
    host(case)?.get_mut("features")?.as_object_mut()
}

fn override_still_counts(case: &Case, answer: &Answer) -> Option<Answer> {
    let written = features(case)?.get("apps_mcp_path_override")?;
    let path = written.get("path").and_then(Value::as_str);
    let is_on = match written {
        Value::Bool(on) => *on,
        table => table.get("enabled").and_then(Value::as_bool).unwrap_or(path.is_some()),
    };
    let path = path.unwrap_or("/ps/mcp").trim_start_matches('/');
    if !is_on {
        return None;
    }
    with_url(case, answer, |url| {
        let base = url.strip_suffix("/wham/apps").or_else(|| url.strip_suffix("/apps"));
        base.map_or(url.into(), |base| format!("{base}/{path}"))
    })
}

fn unknown_feature_of_any_type(case: &Case) -> Option<Case> {
    let known = ["apps", "connectors", "apps_mcp_path_override"];
    edited(case, |case| {
        if let Some(features) = features_mut(case) {
            features.retain(|name, _| known.contains(&name.as_str()));
        }
    })
}

fn drop_nulls(case: &mut Case) {
    tables(case).for_each(|entry| entry.retain(|_, value| !value.is_null()));
    if let Some(host) = host(case) {
        host.retain(|_, value| !value.is_null());
    }
    if let Some(features) = features_mut(case) {
        features.retain(|_, value| !value.is_null());
    }
}

fn drop_override(case: &mut Case) {
    if let Some(features) = features_mut(case) {
        features.remove("apps_mcp_path_override");
    }
}

fn write_connectors_as_apps(case: &mut Case) {
    if let Some(features) = features_mut(case)
        && let Some(connectors) = features.remove("connectors")
    {
        features.insert("apps".into(), connectors);
    }
}

fn write_apps_on(case: &mut Case) {
    if let Some(host) = host(case)
        && let Value::Object(features) = host.entry("features").or_insert_with(|| json!({}))
    {
        features.entry("apps").or_insert(Value::Bool(true));
    }
}
