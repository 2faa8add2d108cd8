//! Reading one server entry: bytes of a user become the canonical form or a broken rule.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::RuleId;

/// A valid server, in canonical form: the fields that differ from their default.
pub type Server = Arc<Value>;

/// Why an entry is not a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The rule that the entry breaks.
    pub rule: RuleId,
    /// For people; never a value that could be secret.
    pub reason: String,
}

fn invalid<T>(rule: RuleId, reason: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { rule, reason: reason.into() })
}

/// The type of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Texts,
    TextTable,
    Switch,
    Seconds,
    Milliseconds,
    EnvVars,
    ApprovalMode,
    OAuth,
    Tools,
}

/// Which transport a field belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Stdio,
    Http,
    Both,
    Neither,
}

/// What an absent field means; a field with that value is left out of the canonical form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Default {
    Absent,
    True,
    False,
    Local,
    Empty,
}

/// The table "Fields" of `docs/semantics.md`.
const FIELDS: [(&str, Kind, Of, Default); 25] = [
    ("command", Kind::Text, Of::Stdio, Default::Absent),
    ("args", Kind::Texts, Of::Stdio, Default::Empty),
    ("env", Kind::TextTable, Of::Stdio, Default::Absent),
    ("env_vars", Kind::EnvVars, Of::Stdio, Default::Empty),
    ("cwd", Kind::Text, Of::Stdio, Default::Absent),
    ("url", Kind::Text, Of::Http, Default::Absent),
    ("bearer_token_env_var", Kind::Text, Of::Http, Default::Absent),
    ("http_headers", Kind::TextTable, Of::Http, Default::Absent),
    ("env_http_headers", Kind::TextTable, Of::Http, Default::Absent),
    ("oauth", Kind::OAuth, Of::Http, Default::Absent),
    ("oauth_resource", Kind::Text, Of::Http, Default::Absent),
    ("environment_id", Kind::Text, Of::Both, Default::Local),
    ("enabled", Kind::Switch, Of::Both, Default::True),
    ("required", Kind::Switch, Of::Both, Default::False),
    ("supports_parallel_tool_calls", Kind::Switch, Of::Both, Default::False),
    ("startup_timeout_sec", Kind::Seconds, Of::Both, Default::Absent),
    ("startup_timeout_ms", Kind::Milliseconds, Of::Both, Default::Absent),
    ("tool_timeout_sec", Kind::Seconds, Of::Both, Default::Absent),
    ("default_tools_approval_mode", Kind::ApprovalMode, Of::Both, Default::Absent),
    ("enabled_tools", Kind::Texts, Of::Both, Default::Absent),
    ("disabled_tools", Kind::Texts, Of::Both, Default::Absent),
    ("scopes", Kind::Texts, Of::Both, Default::Absent),
    ("tools", Kind::Tools, Of::Both, Default::Empty),
    ("name", Kind::Text, Of::Both, Default::Absent),
    ("bearer_token", Kind::Text, Of::Neither, Default::Absent),
];

/// Whether the specification has a field of this name.
pub fn is_known_field(name: &str) -> bool {
    FIELDS.iter().any(|(known, ..)| *known == name)
}

/// Whether only stdio or only HTTP has a field of this name.
pub fn belongs_to_one_transport(name: &str) -> bool {
    FIELDS.iter().any(|(known, _, of, _)| *known == name && *of != Of::Both)
}

/// Reads a server entry.
///
/// # Errors
/// The first rule that the entry breaks: the type of each field, then the transport, then the
/// rules that need the transport.
pub fn read(entry: &Value) -> Result<Server, Invalid> {
    let Value::Object(entry) = entry else {
        return invalid("server.unknown-field", "a server must be a table");
    };
    let mut fields = Map::new();
    for (name, value) in entry {
        // Rule `value.null-is-absent`: A JSON null as the value of an optional key MUST mean that
        // the key is absent; a null inside a list or as the value of a free-form map MUST be a
        // value of the wrong type.
        if value.is_null() {
            continue;
        }
        // Rule `server.unknown-field`: An unknown field MUST be ignored with a warning; the legacy
        // `name` field too. A known field of the wrong type is invalid.
        let Some((_, kind, _, _)) = FIELDS.iter().find(|(known, ..)| known == name) else {
            continue;
        };
        fields.insert(name.clone(), read_value(name, *kind, value)?);
    }
    check_transport(&fields)?;
    check_remote_cwd(&fields)?;
    Ok(Arc::new(Value::Object(canonical(fields))))
}

/// The value of a field as the canonical form writes it, or the rule that it breaks.
fn read_value(field: &str, kind: Kind, value: &Value) -> Result<Value, Invalid> {
    let well_typed = match kind {
        Kind::Seconds | Kind::Milliseconds => return read_duration(field, kind, value),
        Kind::EnvVars => return read_env_vars(value),
        Kind::OAuth => return read_table_of(field, &["client_id"], value, Value::is_string),
        Kind::Tools => return read_tools(value),
        Kind::Text => value.is_string(),
        Kind::Switch => value.is_boolean(),
        Kind::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        Kind::TextTable => value.as_object().is_some_and(|t| t.values().all(Value::is_string)),
        Kind::ApprovalMode => is_approval_mode(value),
    };
    if well_typed { Ok(value.clone()) } else { wrong_type(field) }
}

fn wrong_type<T>(field: &str) -> Result<T, Invalid> {
    invalid("server.unknown-field", format!("`{field}` has a value of the wrong type"))
}

fn is_approval_mode(value: &Value) -> bool {
    matches!(value.as_str(), Some("auto" | "prompt" | "approve"))
}

/// Rule `server.durations`: `startup_timeout_sec` and `tool_timeout_sec` MUST be seconds, finite
/// and not negative; `startup_timeout_ms` MUST be whole milliseconds and counts only without
/// `startup_timeout_sec`; anything else is invalid.
fn read_duration(field: &str, kind: Kind, value: &Value) -> Result<Value, Invalid> {
    let duration = match kind {
        Kind::Milliseconds => value.as_u64().map(Duration::from_millis),
        _ => value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    };
    match duration {
        Some(duration) => Ok(Value::from(duration.as_secs_f64())),
        None => invalid("server.durations", format!("`{field}` is not a duration")),
    }
}

/// Rule `server.env-vars`: `env_vars` entries MUST be a name or `{name, source?}` with `source`
/// `local` or `remote`; anything else is invalid.
fn read_env_vars(value: &Value) -> Result<Value, Invalid> {
    let Value::Array(entries) = value else {
        return wrong_type("env_vars");
    };
    let mut read = Vec::with_capacity(entries.len());
    for entry in entries {
        read.push(match entry {
            Value::String(_) => entry.clone(),
            Value::Object(table) if is_env_var_table(table) => without_nulls(table),
            _ => return invalid("server.env-vars", "`env_vars` needs a name or {name, source?}"),
        });
    }
    Ok(Value::Array(read))
}

fn is_env_var_table(table: &Map<String, Value>) -> bool {
    let source_is_known = match table.get("source") {
        None | Some(Value::Null) => true,
        Some(source) => matches!(source.as_str(), Some("local" | "remote")),
    };
    table.get("name").is_some_and(Value::is_string)
        && source_is_known
        && table.keys().all(|key| key == "name" || key == "source")
}

fn without_nulls(table: &Map<String, Value>) -> Value {
    let present = table.iter().filter(|(_, value)| !value.is_null());
    Value::Object(present.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// A table of optional keys; the unknown ones are ignored.
fn read_table_of(
    field: &str,
    known: &[&str],
    value: &Value,
    well_typed: fn(&Value) -> bool,
) -> Result<Value, Invalid> {
    let Value::Object(table) = value else {
        return wrong_type(field);
    };
    let mut read = Map::new();
    for (key, value) in table {
        if value.is_null() || !known.contains(&key.as_str()) {
            continue;
        }
        if !well_typed(value) {
            return wrong_type(field);
        }
        read.insert(key.clone(), value.clone());
    }
    Ok(Value::Object(read))
}

fn read_tools(value: &Value) -> Result<Value, Invalid> {
    let Value::Object(tools) = value else {
        return wrong_type("tools");
    };
    let mut read = Map::new();
    for (tool, settings) in tools {
        let settings = read_table_of("tools", &["approval_mode"], settings, is_approval_mode)?;
        read.insert(tool.clone(), settings);
    }
    Ok(Value::Object(read))
}

/// Rule `server.transport`: A server MUST have exactly one of `command` and `url`; with neither or
/// both it is invalid.
fn check_transport(fields: &Map<String, Value>) -> Result<(), Invalid> {
    match (fields.contains_key("command"), fields.contains_key("url")) {
        (true, false) => check_foreign_fields(fields, "stdio", Of::Stdio),
        (false, true) => check_foreign_fields(fields, "HTTP", Of::Http),
        (true, true) => invalid("server.transport", "both `command` and `url` are given"),
        (false, false) => invalid("server.transport", "neither `command` nor `url` is given"),
    }
}

/// Rule `server.foreign-field`: stdio MUST refuse `bearer_token_env_var`, `bearer_token`,
/// `http_headers`, `env_http_headers`, `oauth`, `oauth_resource`; HTTP MUST refuse `args`, `env`,
/// `env_vars`, `cwd`, `bearer_token` (a secret belongs in the environment).
fn check_foreign_fields(
    fields: &Map<String, Value>,
    transport: &str,
    own: Of,
) -> Result<(), Invalid> {
    let foreign = FIELDS
        .iter()
        .find(|(name, _, of, _)| *of != own && *of != Of::Both && fields.contains_key(*name));
    match foreign {
        Some((name, ..)) => {
            invalid("server.foreign-field", format!("`{name}` is not a field of {transport}"))
        }
        None => Ok(()),
    }
}

/// Rule `server.remote-stdio-cwd`: A stdio server with `environment_id` other than `local` MUST
/// have an absolute `cwd`.
fn check_remote_cwd(fields: &Map<String, Value>) -> Result<(), Invalid> {
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let remote = text("environment_id").is_some_and(|environment| environment != "local");
    let absolute = text("cwd").is_some_and(|cwd| cwd.starts_with('/'));
    if fields.contains_key("command") && remote && !absolute {
        return invalid("server.remote-stdio-cwd", "a remote stdio server needs an absolute `cwd`");
    }
    Ok(())
}

/// Leaves out what differs in no way from its default, and folds the two startup timeouts.
fn canonical(mut fields: Map<String, Value>) -> Map<String, Value> {
    fields.remove("name");
    if let Some(from_milliseconds) = fields.remove("startup_timeout_ms") {
        fields.entry("startup_timeout_sec").or_insert(from_milliseconds);
    }
    fields.retain(|name, value| !is_default(name, value));
    fields
}

fn is_default(field: &str, value: &Value) -> bool {
    let default = FIELDS.iter().find(|(name, ..)| *name == field).map(|(.., default)| default);
    match default {
        Some(Default::True) => *value == Value::Bool(true),
        Some(Default::False) => *value == Value::Bool(false),
        Some(Default::Local) => value.as_str() == Some("local"),
        Some(Default::Empty) => {
            value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(Map::is_empty)
        }
        Some(Default::Absent) | None => false,
    }
}
