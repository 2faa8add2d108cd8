//! Faults of reading what users write: `features.*`, `value.*`, `server.*`, `host.*`,
//! `rejection.*`.

use mcp_overlay_model::field::field;
use mcp_overlay_model::{Answer, Case, Outcome, Rule, resolve};
use serde_json::{Value, json};

use super::change::{Entry, edited, features, host_entries, is_valid, with_entries, with_feature};
use super::fault::{Change, Fault};

pub(super) const FAULTS: &[Fault] = &[
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
    Fault {
        name: "override-needs-enabled",
        rule: Some(Rule::FeaturesOverrideForms),
        what: "an override that only has a path is off",
        also: &[],
        change: Change::Reads(|case| {
            let mut table = features(case)?.get("apps_mcp_path_override")?.as_object()?.clone();
            let only_path = table.contains_key("path") && !table.contains_key("enabled");
            table.insert("enabled".into(), json!(false));
            let off = || with_feature(case, "apps_mcp_path_override", Value::Object(table));
            only_path.then(off).flatten()
        }),
    },
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
    Fault {
        name: "transport-unchecked",
        rule: Some(Rule::ServerTransport),
        what: "with both transports `command` counts, with neither the server has an empty one",
        also: &[Rule::ConfiguredInvalidPluginServerDropped],
        change: Change::Reads(|case| {
            let unsure = |entry: &Entry| is_present(entry, "command") == is_present(entry, "url");
            with_entries(case, unsure, |entry| {
                entry.remove("url");
                entry.entry("command").or_insert(json!(""));
            })
        }),
    },
    Fault {
        name: "foreign-fields-ignored",
        rule: Some(Rule::ServerForeignField),
        what: "fields of the other transport are passed over",
        // One of the wrong type is passed over all the same.
        also: &[Rule::ServerUnknownField, Rule::ConfiguredInvalidPluginServerDropped],
        change: Change::Reads(|case| {
            let has_foreign = |entry: &Entry| foreign_fields(entry).any(|f| entry.contains_key(f));
            with_entries(case, has_foreign, |entry| {
                let fields: Vec<&str> = foreign_fields(entry).collect();
                fields.into_iter().for_each(|field| drop(entry.remove(field)));
            })
        }),
    },
    Fault {
        name: "milliseconds-taken-for-seconds",
        rule: Some(Rule::ServerDurations),
        what: "startup_timeout_ms is read as seconds",
        also: &[],
        change: Change::Reads(|case| {
            let only_ms = |entry: &Entry| {
                entry.get("startup_timeout_ms").is_some_and(Value::is_u64)
                    && !is_present(entry, "startup_timeout_sec")
            };
            with_entries(case, only_ms, |entry| {
                if let Some(time) = entry.remove("startup_timeout_ms") {
                    entry.insert("startup_timeout_sec".into(), time);
                }
            })
        }),
    },
    Fault {
        name: "env-var-source-forgotten",
        rule: Some(Rule::ServerEnvVars),
        what: "of an env_vars entry only the name is kept",
        also: &[],
        change: Change::Reads(|case| {
            let has_tables = |entry: &Entry| {
                let list = entry.get("env_vars").and_then(Value::as_array);
                list.into_iter().flatten().any(|var| name_of_valid(var).is_some())
            };
            with_entries(case, has_tables, |entry| {
                let list = entry.get_mut("env_vars").and_then(Value::as_array_mut);
                for variable in list.into_iter().flatten() {
                    if let Some(name) = name_of_valid(variable) {
                        *variable = name;
                    }
                }
            })
        }),
    },
    Fault {
        name: "local-cwd-must-be-absolute",
        rule: Some(Rule::ServerRemoteStdioCwd),
        what: "a relative cwd is refused for a local server too",
        also: &[],
        change: Change::Reads(|case| {
            let relative = |entry: &Entry| {
                entry.get("cwd").and_then(Value::as_str).is_some_and(|cwd| !cwd.starts_with('/'))
            };
            with_entries(case, relative, |entry| drop(entry.insert("cwd".into(), REFUSED)))
        }),
    },
    Fault {
        name: "unknown-field-refused",
        rule: Some(Rule::ServerUnknownField),
        what: "a field that nobody knows makes a server invalid",
        also: &[],
        change: Change::Reads(|case| {
            let rules = case.profile.rules();
            let has_unknown = |entry: &Entry| entry.keys().any(|name| field(name, rules).is_none());
            with_entries(case, has_unknown, |entry| drop(entry.insert("enabled".into(), REFUSED)))
        }),
    },
    Fault {
        name: "wrong-type-passed-over",
        rule: Some(Rule::HostWrongType),
        what: "a host key with a value of the wrong type counts as absent",
        also: &[],
        change: Change::Reads(wrong_type_passed_over),
    },
    Fault {
        name: "invalid-server-left-out",
        rule: Some(Rule::ServerInvalidRejectsConfig),
        what: "an invalid server of the host config is dropped like a plugin's",
        also: &[],
        change: Change::Reads(|case| {
            let any = host_entries(case).any(|(_, entry)| !is_valid(entry));
            let drop_them = |case: &mut Case| {
                let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
                own.into_iter().for_each(|own| own.retain(|_, entry| is_valid(entry)));
            };
            any.then(|| edited(case, drop_them)).flatten()
        }),
    },
    Fault {
        name: "largest-path-named",
        rule: Some(Rule::RejectionSmallestPath),
        what: "of several invalid places the last one is named",
        also: &[],
        change: Change::Answers(|case, answer| match (answer, resolve(case)) {
            (Answer::Rejected { .. }, Outcome::Rejected(mut places)) => {
                places.reverse();
                Some(Outcome::Rejected(places).answer()).filter(|other| other != answer)
            }
            _ => None,
        }),
    },
];

/// A value that neither `cwd` nor `enabled` takes.
const REFUSED: Value = Value::Array(Vec::new());

fn is_present(entry: &Entry, field: &str) -> bool {
    entry.get(field).is_some_and(|value| !value.is_null())
}

fn foreign_fields(entry: &Entry) -> impl Iterator<Item = &'static str> + use<> {
    let of_http: &[&str] =
        &["bearer_token_env_var", "http_headers", "env_http_headers", "oauth", "oauth_resource"];
    let of_stdio: &[&str] = &["args", "env", "env_vars", "cwd"];
    let foreign = match (is_present(entry, "command"), is_present(entry, "url")) {
        (true, false) => of_http,
        (false, true) => of_stdio,
        _ => &[],
    };
    foreign.iter().copied()
}

/// The name of an `env_vars` entry that is a valid table.
fn name_of_valid(variable: &Value) -> Option<Value> {
    let table = variable.as_object()?;
    let only = is_valid(&json!({"command": "c", "env_vars": [variable]}));
    only.then(|| table.get("name").cloned()).flatten()
}

fn wrong_type_passed_over(case: &Case) -> Option<Case> {
    let host = case.host.as_object()?;
    let fits = |key: &str, value: &Value| match key {
        "chatgpt_base_url" | "apps_mcp_product_sku" => value.is_string(),
        "features" | "mcp_servers" | "env" => value.is_object(),
        _ => true,
    };
    let apps_fit = |features: &Value| features.get("apps").is_none_or(Value::is_boolean);
    let misfits = host.iter().any(|(key, value)| !fits(key, value))
        || host.get("features").is_some_and(|features| !apps_fit(features));
    misfits
        .then(|| {
            edited(case, |case| {
                if let Some(host) = case.host.as_object_mut() {
                    host.retain(|key, value| fits(key, value));
                    let features = host.get_mut("features").filter(|features| !apps_fit(features));
                    features.and_then(Value::as_object_mut).into_iter().for_each(|features| {
                        features.remove("apps");
                    });
                }
            })
        })
        .flatten()
}
