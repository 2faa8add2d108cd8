//! Faults of the other rules `server.*`. A comment names the public report in which such a mistake
//! was seen.

use mcp_overlay_model::{Case, Rule};
use serde_json::{Map, Value, json};

use crate::rules::fault::change::{Entry as Table, with_entries};
use crate::rules::fault::reading::{with_fields, with_lists, with_tables, with_texts};
use crate::rules::fault::{Change, Fault};

/// A fault that takes what is invalid: of a plugin it takes what is to be dropped.
const fn taken(
    name: &'static str,
    rule: Rule,
    what: &'static str,
    read: fn(&Case) -> Option<Case>,
) -> Fault {
    Fault::new(name, rule, what, Change::Reads(read))
        .also(&[Rule::ConfiguredInvalidPluginServerDropped])
}

/// A truth test, where an empty text counts as absent.
pub(in crate::rules) const EMPTY_COMMAND_ABSENT: Fault = taken(
    "empty-command-is-none",
    Rule::ServerTransport,
    "an empty `command` beside a `url` counts as absent",
    |case| {
        let is_both = |entry: &Table| entry.get("command") == Some(&json!("")) && has(entry, "url");
        with_entries(case, is_both, |entry| drop(entry.remove("command")))
    },
);

/// Real hosts have `type` beside the transport, and follow it.
pub(in crate::rules) const TYPE_DECIDES: Fault = taken(
    "type-picks-the-transport",
    Rule::ServerUnknownField,
    "with both transports `type` says which one counts",
    |case| {
        let is_both = |entry: &Table| {
            let names_http =
                matches!(entry.get("type").and_then(Value::as_str), Some("http" | "stdio"));
            names_http && has(entry, "command") && has(entry, "url")
        };
        with_entries(case, is_both, |entry| {
            let is_http = entry.get("type") == Some(&json!("http"));
            entry.remove(if is_http { "command" } else { "url" });
        })
    },
)
.also(&[Rule::ServerTransport, Rule::ConfiguredInvalidPluginServerDropped]);

pub(in crate::rules) const EMPTY_FOREIGN_TAKEN: Fault = taken(
    "empty-foreign-field-taken",
    Rule::ServerForeignField,
    "an empty list or table of the other transport is passed over",
    |case| {
        let fields = ["args", "env", "env_vars", "http_headers", "env_http_headers", "oauth"];
        with_entries(
            case,
            |entry| {
                let (command, url) = (has(entry, "command"), has(entry, "url"));
                command != url && fields.iter().any(|field| is_empty(entry.get(*field)))
            },
            |entry| {
                let of_other: &[&str] = match has(entry, "url") {
                    true => &["args", "env", "env_vars"],
                    false => &["http_headers", "env_http_headers", "oauth"],
                };
                entry.retain(|field, value| {
                    !(of_other.contains(&field.as_str()) && is_empty(Some(value)))
                });
            },
        )
    },
);

pub(in crate::rules) const BEARER_TOKEN_DROPPED: Fault = taken(
    "bearer-token-passed-over",
    Rule::ServerForeignField,
    "a `bearer_token` is dropped, and the server stays",
    |case| with_fields(case, &["bearer_token"], |_| Some(Value::Null)),
);

const MODES: [&str; 3] = ["auto", "prompt", "approve"];

pub(in crate::rules) const MODE_IN_ANY_CASE: Fault = taken(
    "approval-mode-in-any-case",
    Rule::ServerApprovalModes,
    "the approval mode `Approve` means `approve`",
    |case| {
        with_texts(case, &["default_tools_approval_mode"], |mode| {
            let lower = mode.to_ascii_lowercase();
            (lower != mode && MODES.contains(&lower.as_str())).then_some(lower)
        })
    },
);

pub(in crate::rules) const TOOL_MODE_UNCHECKED: Fault = taken(
    "tool-approval-mode-unchecked",
    Rule::ServerApprovalModes,
    "an unknown approval mode of a tool is dropped",
    |case| {
        let is_unknown = |mode: &Value| mode.as_str().is_some_and(|mode| !MODES.contains(&mode));
        with_tables(case, &["tools"], |tools| {
            let mut tools = tools.clone();
            for tool in tools.values_mut().filter_map(Value::as_object_mut) {
                tool.retain(|key, mode| key != "approval_mode" || !is_unknown(mode));
            }
            tools
        })
    },
);

pub(in crate::rules) const MODE_NEVER_TAKEN: Fault = taken(
    "approval-mode-never-taken",
    Rule::ServerApprovalWrites,
    "the approval mode `never` is taken for `approve`",
    |case| {
        with_texts(case, &["default_tools_approval_mode"], |mode| {
            (mode == "never").then(|| "approve".into())
        })
    },
);

pub(in crate::rules) const AUTH_IN_ANY_CASE: Fault = taken(
    "auth-word-in-any-case",
    Rule::ServerAuth,
    "the `auth` `ChatGPT` means `chatgpt`",
    |case| {
        with_texts(case, &["auth"], |auth| {
            let lower = auth.to_ascii_lowercase();
            (lower != auth && ["oauth", "chatgpt"].contains(&lower.as_str())).then_some(lower)
        })
    },
);

pub(in crate::rules) const SOURCE_UNCHECKED: Fault = taken(
    "env-var-source-unchecked",
    Rule::ServerEnvVars,
    "an unknown source of an env_vars entry means `local`",
    |case| {
        with_each_variable(case, |variable| {
            let source = variable.get_mut("source").filter(|source| source.is_string());
            if let Some(source) = source.filter(|source| **source != "remote") {
                *source = json!("local");
            }
        })
    },
);

pub(in crate::rules) const EXTRA_KEY_TAKEN: Fault = taken(
    "env-var-extra-key-ignored",
    Rule::ServerEnvVars,
    "an unknown key of an env_vars entry is passed over",
    |case| with_each_variable(case, |variable| variable.retain(|key, _| is_of_variable(key))),
);

pub(in crate::rules) const VARIABLES_SORTED: Fault = Fault::new(
    "env-vars-sorted",
    Rule::ServerEnvVars,
    "env_vars are sorted by name",
    Change::Resolves(|case| {
        with_lists(case, &["env_vars"], |list| {
            let mut sorted = list.to_vec();
            sorted.sort_by(|a, b| variable_name(a).cmp(&variable_name(b)));
            sorted
        })
    }),
);

pub(in crate::rules) const VARIABLES_UNIQUE: Fault = Fault::new(
    "env-vars-of-one-name-lost",
    Rule::ServerEnvVars,
    "of several env_vars entries for a name the last one stays",
    Change::Resolves(|case| {
        with_lists(case, &["env_vars"], |list| {
            let is_last = |index: usize, variable: &Value| {
                let later = list.iter().skip(index + 1);
                !later.into_iter().any(|other| variable_name(other) == variable_name(variable))
            };
            let kept = list.iter().enumerate().filter(|(index, v)| is_last(*index, v));
            kept.map(|(_, variable)| variable.clone()).collect()
        })
    }),
)
.also(&[Rule::ConfiguredInvalidPluginServerDropped]);

pub(in crate::rules) const ENVIRONMENT_FOLDED: Fault = taken(
    "environment-id-in-any-case",
    Rule::ServerRemoteStdioCwd,
    "the environment `Local` means `local`",
    |case| {
        with_texts(case, &["environment_id"], |id| {
            (id != "local" && id.eq_ignore_ascii_case("local")).then(|| "local".into())
        })
    },
)
.also(&[Rule::ServerUnknownField, Rule::ConfiguredInvalidPluginServerDropped]);

/// `path.isAbsolute` on the platform of the host.
pub(in crate::rules) const WINDOWS_CWD_ABSOLUTE: Fault = taken(
    "windows-cwd-is-absolute",
    Rule::ServerRemoteStdioCwd,
    "a remote cwd such as `C:\\x` counts as absolute",
    |case| {
        let is_meant = |entry: &Table| {
            let mut letters = entry.get("cwd").and_then(Value::as_str).unwrap_or_default().chars();
            has(entry, "environment_id")
                && entry.get("environment_id") != Some(&json!("local"))
                && letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
                && letters.as_str().starts_with(":\\")
        };
        with_entries(case, is_meant, |entry| drop(entry.insert("cwd".into(), json!("/x"))))
    },
);

pub(in crate::rules) const REMOTE_CWD_EMPTY_REFUSED: Fault = Fault::new(
    "remote-cwd-must-not-be-empty",
    Rule::ServerRemoteStdioUnchecked,
    "an empty cwd of a remote stdio server is refused",
    Change::Reads(|case| {
        let is_refused = |entry: &Table| {
            has(entry, "environment_id")
                && entry.get("environment_id") != Some(&json!("local"))
                && entry.get("cwd") == Some(&json!(""))
        };
        with_entries(case, is_refused, |entry| drop(entry.insert("cwd".into(), json!([]))))
    }),
);

fn has(entry: &Table, field: &str) -> bool {
    entry.get(field).is_some_and(|value| !value.is_null())
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(table)) => table.is_empty(),
        _ => false,
    }
}

fn is_of_variable(key: &str) -> bool {
    key == "name" || key == "source"
}

fn variable_name(variable: &Value) -> Option<&str> {
    variable.as_str().or_else(|| variable.get("name")?.as_str())
}

/// A case in which the tables among `env_vars` are read otherwise.
fn with_each_variable(case: &Case, read: fn(&mut Map<String, Value>)) -> Option<Case> {
    with_lists(case, &["env_vars"], |list| {
        let mut list = list.to_vec();
        list.iter_mut().filter_map(Value::as_object_mut).for_each(read);
        list
    })
}
