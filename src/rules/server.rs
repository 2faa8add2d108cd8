//! Server entries: `server.*`, but for what an invalid one does to its config.

use mcp_overlay_model::field::field;
use mcp_overlay_model::server::read;
use mcp_overlay_model::{Case, Profile, Rule};
use serde_json::{Value, json};

use super::entry::{Entry, Fields, Reached, Rewrite, Shows, Step};
use super::fault::change::{Entry as Table, with_entries};
use super::fault::{Change, Fault};
use super::rewriting::tables;
use super::server_faults::{durations, fields, transport, types};
use super::{features_faults, warning_faults};

/// Fields that hold a time.
const TIMES: &[&str] = &["startup_timeout_sec", "startup_timeout_ms", "tool_timeout_sec"];

/// Fields that hold an approval mode.
const MODES: &[&str] = &["default_tools_approval_mode", "tools"];

pub(super) const RULES: &[Entry] = &[
    Entry {
        reached: Reached::When(|situation| situation.written.unknown),
        rewrite: Some(Rewrite { step: Step::Value, write: drop_unknown_fields }),
        faults: &[
            Fault {
                name: "unknown-field-refused",
                rule: Some(Rule::ServerUnknownField),
                what: "a field that nobody knows makes a server invalid",
                also: &[],
                change: Change::Reads(|case| {
                    let rules = case.profile.rules();
                    let has_unknown =
                        |entry: &Table| entry.keys().any(|name| field(name, rules).is_none());
                    with_entries(case, has_unknown, |entry| {
                        drop(entry.insert("enabled".into(), REFUSED))
                    })
                }),
            },
            warning_faults::FIELD,
            warning_faults::LEGACY_NAME,
            warning_faults::NESTED_KEY,
            warning_faults::CONTRIBUTED_FIELD,
            types::ARGS_TEXT_SPLIT,
            types::NUMBERS_IN_ARGS_TAKEN,
            types::NUMBERS_IN_ENV_TAKEN,
            types::NUMBERS_IN_HEADERS_TAKEN,
            types::ANYTHING_ENABLES,
            types::SCOPES_TEXT_TAKEN,
            types::ONE_IS_TRUE,
            types::WORDS_ARE_SWITCHES,
            types::NAME_OF_ANY_TYPE,
            types::ENVIRONMENT_OF_ANY_TYPE,
            types::CLIENT_ID_NUMBER_TAKEN,
            types::OAUTH_SWITCH_TAKEN,
            types::TOOLS_LIST_TAKEN,
            types::TOOL_NAME_ALONE_TAKEN,
            types::UNKNOWN_REFUSED_OVER_HTTP,
            features_faults::NULL_IN_LIST_EMPTY,
            features_faults::NULL_IN_MAP_DROPPED,
            transport::TYPE_DECIDES,
        ],
        ..Entry::of(Rule::ServerUnknownField)
    },
    Entry {
        reached: Reached::When(|situation| situation.written.more_than_transport),
        faults: &[
            fields::OAUTH_LOST_WITH_UNKNOWN_KEY,
            fields::CWD_LOST,
            fields::CWD_RESOLVED,
            fields::BLANK_ARGS_DROPPED,
            fields::REPEATED_ARGS_DROPPED,
            fields::PLACEHOLDERS_EXPANDED,
            fields::EMPTY_TABLES_LOST,
            fields::EMPTY_OAUTH_LOST,
            fields::EMPTY_ALLOW_LIST_LOST,
            fields::EMPTY_SCOPES_LOST,
            fields::EMPTY_TEXTS_LOST,
            fields::COMMAND_TRIMMED,
            fields::URL_SLASH_STRIPPED,
            fields::URL_GETS_A_SLASH,
            fields::HEADERS_LOWER_CASED,
            fields::HEADER_TWINS_LOST,
            fields::CUSTOM_HEADERS_DROPPED,
            fields::BEARER_TWICE,
            fields::ENV_HEADERS_LOST,
            fields::TOOLS_BUT_ONE_LOST,
            fields::TOOL_LISTS_SORTED,
            fields::DISABLED_TOOLS_LOST,
            fields::PROTO_KEYS_LOST,
            fields::ENV_NAMES_RAISED,
            fields::OAUTH_RESOURCE_LOST,
            fields::SCOPES_LOST_BESIDE_OAUTH,
            fields::REQUIRED_LOST_WHEN_DISABLED,
            fields::DEFAULT_MODE_COPIED,
        ],
        ..Entry::of(Rule::ServerFieldsKept)
    },
    Entry {
        reached: Reached::ByField,
        shows: Shows::InViews,
        rewrite: Some(Rewrite { step: Step::Value, write: write_seconds }),
        fields: Fields { refused: TIMES, in_views: TIMES, ..Fields::NONE },
        faults: &[
            Fault {
                name: "milliseconds-taken-for-seconds",
                rule: Some(Rule::ServerDurations),
                what: "startup_timeout_ms is read as seconds",
                also: &[],
                change: Change::Reads(|case| {
                    let only_ms = |entry: &Table| {
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
            durations::TRUE_IS_A_SECOND,
            durations::ZERO_TIMEOUT_LOST,
            durations::TIMEOUT_PAST_INT32,
            durations::FRACTIONS_CUT_OFF,
            durations::ROUNDED_TO_MILLISECONDS,
            durations::NANOSECONDS_CUT_OFF,
            durations::CAPPED_AT_292_YEARS,
            durations::MILLISECONDS_WIN,
            durations::TIMES_ADDED,
            durations::UNUSED_MILLISECONDS_UNCHECKED,
            durations::WHOLE_FLOAT_TAKEN,
            durations::UNSAFE_MILLISECONDS_REFUSED,
            durations::TEXT_TIMEOUT_TAKEN,
            durations::NEGATIVE_TIMEOUT_CLAMPED,
            durations::MINUS_ZERO_REFUSED,
            durations::TWO_TO_THE_64_TAKEN,
            durations::TOOL_TIMEOUT_CAPPED,
            durations::TOOL_TIMEOUT_LOST_OVER_HTTP,
            durations::UNIT_TAKEN,
        ],
        ..Entry::of(Rule::ServerDurations)
    },
    Entry {
        reached: Reached::When(|situation| situation.written.any),
        faults: &[
            Fault {
                name: "transport-unchecked",
                rule: Some(Rule::ServerTransport),
                what: "with both transports `command` counts, with neither the server has an empty one",
                also: &[Rule::ConfiguredInvalidPluginServerDropped, Rule::ServerUnknownField],
                change: Change::Reads(|case| {
                    let unsure =
                        |entry: &Table| is_present(entry, "command") == is_present(entry, "url");
                    with_entries(case, unsure, |entry| {
                        entry.remove("url");
                        entry.entry("command").or_insert(json!(""));
                    })
                }),
            },
            transport::EMPTY_COMMAND_ABSENT,
        ],
        ..Entry::of(Rule::ServerTransport)
    },
    Entry {
        faults: &[
            Fault {
                name: "foreign-fields-ignored",
                rule: Some(Rule::ServerForeignField),
                what: "fields of the other transport are passed over",
                // One of the wrong type is passed over all the same.
                also: &[Rule::ServerUnknownField, Rule::ConfiguredInvalidPluginServerDropped],
                change: Change::Reads(|case| {
                    let has_foreign =
                        |entry: &Table| foreign_fields(entry).any(|f| entry.contains_key(f));
                    with_entries(case, has_foreign, |entry| {
                        let fields: Vec<&str> = foreign_fields(entry).collect();
                        fields.into_iter().for_each(|field| drop(entry.remove(field)));
                    })
                }),
            },
            transport::EMPTY_FOREIGN_TAKEN,
            transport::BEARER_TOKEN_DROPPED,
        ],
        ..Entry::of(Rule::ServerForeignField)
    },
    Entry {
        reached: Reached::ByField,
        fields: Fields { refused: &["auth"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "auth-word-unchecked",
                rule: Some(Rule::ServerAuth),
                what: "any `auth` that is not `chatgpt` means `oauth`",
                also: &[Rule::ConfiguredInvalidPluginServerDropped],
                change: Change::Reads(auth_word_unchecked),
            },
            transport::AUTH_IN_ANY_CASE,
        ],
        ..Entry::of(Rule::ServerAuth)
    },
    Entry {
        reached: Reached::ByField,
        fields: Fields { refused: MODES, ..Fields::NONE },
        faults: &[
            Fault {
                name: "writes-accepted-early",
                rule: Some(Rule::ServerApprovalModes),
                what: "the approval mode `writes` is taken for `prompt`",
                also: &[Rule::ConfiguredInvalidPluginServerDropped],
                change: Change::Reads(writes_accepted_early),
            },
            transport::MODE_IN_ANY_CASE,
            transport::TOOL_MODE_UNCHECKED,
        ],
        ..Entry::of(Rule::ServerApprovalModes)
    },
    Entry {
        succeeds: Some(Rule::ServerApprovalModes),
        reached: Reached::ByField,
        fields: Fields { refused: MODES, ..Fields::NONE },
        faults: &[
            Fault {
                name: "writes-refused",
                rule: Some(Rule::ServerApprovalWrites),
                what: "the approval mode `writes` makes a server invalid",
                also: &[Rule::ConfiguredUnion],
                change: Change::Reads(|case| {
                    with_entries(case, has_writes, |entry| {
                        drop(entry.insert("enabled".into(), REFUSED))
                    })
                }),
            },
            transport::MODE_NEVER_TAKEN,
        ],
        ..Entry::of(Rule::ServerApprovalWrites)
    },
    Entry {
        reached: Reached::ByField,
        shows: Shows::InViews,
        fields: Fields { refused: &["env_vars"], in_views: &["env_vars"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "env-var-source-forgotten",
                rule: Some(Rule::ServerEnvVars),
                what: "of an env_vars entry only the name is kept",
                also: &[],
                change: Change::Reads(|case| {
                    let has_tables = |entry: &Table| {
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
            transport::SOURCE_UNCHECKED,
            transport::EXTRA_KEY_TAKEN,
            transport::VARIABLES_SORTED,
            transport::VARIABLES_UNIQUE,
        ],
        ..Entry::of(Rule::ServerEnvVars)
    },
    Entry {
        reached: Reached::When(|situation| situation.written.remote_stdio),
        shows: Shows::InViews,
        fields: Fields { refused: &["environment_id", "cwd"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "local-cwd-must-be-absolute",
                rule: Some(Rule::ServerRemoteStdioCwd),
                what: "a relative cwd is refused for a local server too",
                also: &[],
                change: Change::Reads(|case| {
                    let relative = |entry: &Table| {
                        entry
                            .get("cwd")
                            .and_then(Value::as_str)
                            .is_some_and(|cwd| !cwd.starts_with('/'))
                    };
                    with_entries(case, relative, |entry| drop(entry.insert("cwd".into(), REFUSED)))
                }),
            },
            transport::ENVIRONMENT_FOLDED,
            transport::WINDOWS_CWD_ABSOLUTE,
        ],
        ..Entry::of(Rule::ServerRemoteStdioCwd)
    },
    Entry {
        succeeds: Some(Rule::ServerRemoteStdioCwd),
        reached: Reached::When(|situation| situation.written.remote_stdio),
        shows: Shows::InViews,
        fields: Fields { refused: &["environment_id", "cwd"], ..Fields::NONE },
        faults: &[
            Fault {
                name: "remote-cwd-still-checked",
                rule: Some(Rule::ServerRemoteStdioUnchecked),
                what: "a remote stdio server without an absolute cwd is refused",
                also: &[Rule::ConfiguredUnion],
                change: Change::Reads(|case| {
                    with_entries(case, lacks_absolute_cwd, |entry| {
                        entry.insert("cwd".into(), REFUSED);
                    })
                }),
            },
            transport::REMOTE_CWD_EMPTY_REFUSED,
        ],
        ..Entry::of(Rule::ServerRemoteStdioUnchecked)
    },
];

/// A value that neither `cwd` nor `enabled` takes.
const REFUSED: Value = Value::Array(Vec::new());

fn is_present(entry: &Table, field: &str) -> bool {
    entry.get(field).is_some_and(|value| !value.is_null())
}

fn foreign_fields(entry: &Table) -> impl Iterator<Item = &'static str> + use<> {
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
    let server = json!({"command": "c", "env_vars": [variable]});
    let is_valid = read(&server, Profile::default().rules()).is_ok();
    is_valid.then(|| table.get("name").cloned()).flatten()
}

fn auth_word_unchecked(case: &Case) -> Option<Case> {
    let is_unknown = |entry: &Table| {
        let word = entry.get("auth").filter(|auth| !auth.is_null()).map(Value::as_str);
        is_present(entry, "url") && word.is_some_and(|word| word != Some("chatgpt"))
    };
    with_entries(case, is_unknown, |entry| drop(entry.insert("auth".into(), json!("oauth"))))
}

fn writes_accepted_early(case: &Case) -> Option<Case> {
    with_entries(case, has_writes, |entry| {
        let tools = entry.get_mut("tools").and_then(Value::as_object_mut);
        for tool in tools.into_iter().flat_map(|tools| tools.values_mut()) {
            write_prompt(tool.get_mut("approval_mode"));
        }
        write_prompt(entry.get_mut("default_tools_approval_mode"));
    })
}

fn write_prompt(mode: Option<&mut Value>) {
    if let Some(mode) = mode.filter(|mode| **mode == json!("writes")) {
        *mode = json!("prompt");
    }
}

fn has_writes(entry: &Table) -> bool {
    let tools = entry.get("tools").and_then(Value::as_object).into_iter().flatten();
    let mut modes = tools.filter_map(|(_, tool)| tool.get("approval_mode"));
    entry.get("default_tools_approval_mode") == Some(&json!("writes"))
        || modes.any(|mode| *mode == json!("writes"))
}

fn lacks_absolute_cwd(entry: &Table) -> bool {
    let text = |field: &str| entry.get(field).and_then(Value::as_str);
    is_present(entry, "command")
        && text("environment_id").is_some_and(|environment| environment != "local")
        && text("cwd").is_none_or(|cwd| !cwd.starts_with('/'))
}

fn drop_unknown_fields(case: &mut Case) {
    let rules = case.profile.rules();
    tables(case).for_each(|entry| entry.retain(|name, _| field(name, rules).is_some()));
}

fn write_seconds(case: &mut Case) {
    for entry in tables(case) {
        if let Some(milliseconds) = entry.remove("startup_timeout_ms").and_then(|v| v.as_u64()) {
            let seconds = std::time::Duration::from_millis(milliseconds).as_secs_f64();
            entry.entry("startup_timeout_sec").or_insert(json!(seconds));
        }
    }
}
