//! Faults of `features.*` and `value.*`, and of how a null is read; the entries in `features.rs`,
//! `server.rs` and `host.rs` list them. A comment names the
//! public report in which such a mistake was seen.

use mcp_overlay_model::{Case, Rule};
use serde_json::{Map, Value, json};

use super::fault::change::{edited, features, host_entries, with_feature};
use super::fault::reading::{with_lists, with_tables};
use super::fault::{Change, Fault};

const OVERRIDE: &str = "apps_mcp_path_override";

const fn read(
    name: &'static str,
    rule: Rule,
    what: &'static str,
    change: fn(&Case) -> Option<Case>,
) -> Fault {
    Fault::new(name, rule, what, Change::Reads(change))
}

/// Go's `encoding/json`.
pub(super) const NULL_IN_LIST_EMPTY: Fault = read(
    "null-in-list-is-empty-text",
    Rule::ServerUnknownField,
    "a null in a list of texts is an empty text",
    |case| {
        let fields = &["args", "enabled_tools", "disabled_tools", "scopes"];
        with_lists(case, fields, |list| {
            list.iter().map(|v| if v.is_null() { json!("") } else { v.clone() }).collect()
        })
    },
)
.also(ALSO);

pub(super) const NULL_IN_MAP_DROPPED: Fault = read(
    "null-in-map-is-absent",
    Rule::ServerUnknownField,
    "a null in env, in a table of headers or in tools is dropped",
    |case| {
        with_tables(case, &["env", "http_headers", "env_http_headers", "tools"], |table| {
            let present = table.iter().filter(|(_, value)| !value.is_null());
            present.map(|(key, value)| (key.clone(), value.clone())).collect()
        })
    },
)
.also(ALSO);

/// An entry of a plugin is dropped by rights; what is wrong of one is the type of its field.
const ALSO: &[Rule] = &[Rule::ValueNullIsAbsent, Rule::ConfiguredInvalidPluginServerDropped];

// AstrBotDevs/AstrBot#5673 skips entries that are no objects.
pub(super) const NULL_SERVER_ABSENT: Fault = read(
    "null-server-is-absent",
    Rule::ServerInvalidRejectsConfig,
    "a null among the host config's servers is dropped",
    |case| {
        host_entries(case).any(|(_, entry)| entry.is_null()).then(|| {
            edited(case, |case| {
                let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
                own.into_iter().for_each(|own| own.retain(|_, entry| !entry.is_null()));
            })
        })?
    },
)
.also(&[Rule::ServerUnknownField, Rule::ValueNullIsAbsent]);

pub(super) const NULL_BASE_REFUSED: Fault = read(
    "null-base-refused",
    Rule::ValueNullIsAbsent,
    "a null as the base URL refuses the host config",
    |case| {
        let is_null = case.host.get("chatgpt_base_url")?.is_null();
        is_null.then(|| {
            edited(case, |case| {
                if let Some(base) = case.host.get_mut("chatgpt_base_url") {
                    *base = json!(1);
                }
            })
        })?
    },
);

pub(super) const NULL_ENABLED_IS_OFF: Fault = read(
    "null-enabled-of-override-is-off",
    Rule::ValueNullIsAbsent,
    "an override whose `enabled` is null is off",
    |case| {
        with_override(case, |table| {
            if table.get("enabled").is_some_and(Value::is_null) {
                table.insert("enabled".into(), json!(false));
            }
        })
    },
)
.also(&[Rule::FeaturesOverrideForms]);

pub(super) const OTHER_KEY_IGNORED: Fault = read(
    "other-key-of-override-ignored",
    Rule::FeaturesOverrideForms,
    "an unknown key of an override is passed over",
    |case| with_override(case, |table| table.retain(|key, _| key == "enabled" || key == "path")),
);

pub(super) const TEXT_IS_AN_OVERRIDE: Fault = read(
    "override-of-text-taken",
    Rule::HostWrongType,
    "an override may be the path alone",
    |case| {
        let path = features(case)?.get(OVERRIDE)?.as_str()?;
        with_feature(case, OVERRIDE, json!({ "path": path }))
    },
)
.also(&[Rule::FeaturesOverrideForms]);

pub(super) const IGNORED_UNCHECKED: Fault = read(
    "ignored-override-unchecked",
    Rule::FeaturesOverrideIgnored,
    "an override, which has no effect, may be anything",
    |case| {
        features(case)?.get(OVERRIDE)?;
        with_feature(case, OVERRIDE, json!(true))
    },
)
.also(&[Rule::HostWrongType]);

pub(super) const BOTH_MUST_BE_ON: Fault = Fault::new(
    "connectors-cannot-switch-on",
    Rule::FeaturesConnectorsAlias,
    "`features.connectors` switches Apps off, but not on",
    Change::Resolves(|case| {
        let features = features(case)?;
        let is = |name: &str, on: bool| features.get(name) == Some(&Value::Bool(on));
        (is("apps", false) && is("connectors", true))
            .then(|| with_feature(case, "connectors", json!(false)))
            .flatten()
    }),
);

/// A table of settings that is empty holds no setting that switches on.
pub(super) const OTHERS_SWITCH_OFF: Fault = Fault::new(
    "other-features-switch-apps-off",
    Rule::FeaturesAppsDefaultOn,
    "the Apps feature is off where the features name others and not it",
    Change::Resolves(|case| {
        let features = features(case)?;
        let names_apps = ["apps", "connectors"].iter().any(|name| features.contains_key(*name));
        let is_other = |(name, value): (&String, &Value)| name != OVERRIDE && value.is_boolean();
        let names_others = features.iter().any(is_other);
        (names_others && !names_apps).then(|| with_feature(case, "apps", json!(false))).flatten()
    }),
);

pub(super) const UNKNOWN_FEATURE_NUMBER: Fault = read(
    "number-as-unknown-feature-taken",
    Rule::FeaturesBoolean,
    "an unknown feature may be 0 or 1",
    |case| {
        let is_number = |value: &Value| matches!(value.as_f64(), Some(0.0 | 1.0));
        let known = ["apps", "connectors", OVERRIDE];
        let is_meant =
            |(name, value): (&String, &Value)| !known.contains(&name.as_str()) && is_number(value);
        features(case)?.iter().any(is_meant).then(|| {
            edited(case, |case| {
                let features = case.host.get_mut("features").and_then(Value::as_object_mut);
                features.into_iter().for_each(|features| {
                    features.retain(|name, value| !is_meant((name, value)));
                });
            })
        })?
    },
);

fn with_override(case: &Case, change: fn(&mut Map<String, Value>)) -> Option<Case> {
    let mut table = features(case)?.get(OVERRIDE)?.as_object()?.clone();
    change(&mut table);
    with_feature(case, OVERRIDE, Value::Object(table))
}
