//! Reading one server entry: what a user wrote becomes the canonical form or a broken rule.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::duration;
use crate::field::{Default, Field, Kind, Of, field};
use crate::rule::{Rule, RuleSet};

/// A valid server, in canonical form: the fields that differ from their default.
pub type Server = Arc<Value>;

/// Why an entry is not a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The rule that the entry breaks.
    pub rule: Rule,
    /// For people; never a value that could be secret.
    pub reason: String,
}

fn invalid<T>(rule: Rule, reason: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { rule, reason: reason.into() })
}

/// Reads a server entry.
///
/// # Errors
/// The first rule that the entry breaks: the type of each field, then the transport, then the
/// rules that need the transport.
pub fn read(entry: &Value, rules: RuleSet) -> Result<Server, Invalid> {
    let Value::Object(entry) = entry else {
        return invalid(Rule::ServerUnknownField, "a server must be a table");
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
        let Some(field) = field(name, rules) else { continue };
        fields.insert(name.clone(), read_value(field, value, rules)?);
    }
    check_transport(&fields, rules)?;
    check_remote_cwd(&fields, rules)?;
    Ok(Arc::new(Value::Object(canonical(fields, rules))))
}

/// The value of a field as the canonical form writes it, or the rule that it breaks.
fn read_value(field: &Field, value: &Value, rules: RuleSet) -> Result<Value, Invalid> {
    let well_typed = match field.kind {
        Kind::Seconds | Kind::Milliseconds => return read_duration(field, value),
        Kind::EnvVars => return read_env_vars(value),
        Kind::OAuth => return read_table_of(field.name, value, read_client_id),
        Kind::Tools => return read_tools(value, rules),
        Kind::ApprovalMode => return read_approval_mode(value, rules),
        Kind::Auth => return read_auth(value),
        Kind::Text => value.is_string(),
        Kind::Switch => value.is_boolean(),
        Kind::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        Kind::TextTable => value.as_object().is_some_and(|t| t.values().all(Value::is_string)),
    };
    if well_typed { Ok(value.clone()) } else { wrong_type(field.name) }
}

fn wrong_type<T>(field: &str) -> Result<T, Invalid> {
    invalid(Rule::ServerUnknownField, format!("`{field}` has a value of the wrong type"))
}

/// Rule `server.approval-modes`: An approval mode, of a server or of a tool, MUST be `auto`,
/// `prompt` or `approve`; anything else is invalid.
///
/// Rule `server.approval-writes`: An approval mode, of a server or of a tool, MUST be `auto`,
/// `prompt`, `writes` or `approve`; anything else is invalid.
fn read_approval_mode(value: &Value, rules: RuleSet) -> Result<Value, Invalid> {
    let has_writes = rules.has(Rule::ServerApprovalWrites);
    match value.as_str() {
        Some("auto" | "prompt" | "approve") => Ok(value.clone()),
        Some("writes") if has_writes => Ok(value.clone()),
        _ if has_writes => invalid(Rule::ServerApprovalWrites, "unknown approval mode"),
        _ => invalid(Rule::ServerApprovalModes, "unknown approval mode"),
    }
}

/// Rule `server.auth`: An HTTP server's `auth` MUST be `oauth`, the default, or `chatgpt`; anything
/// else is invalid.
fn read_auth(value: &Value) -> Result<Value, Invalid> {
    match value.as_str() {
        Some("oauth" | "chatgpt") => Ok(value.clone()),
        _ => invalid(Rule::ServerAuth, "`auth` is neither `oauth` nor `chatgpt`"),
    }
}

/// Rule `server.durations`: `startup_timeout_sec` and `tool_timeout_sec` MUST be seconds, finite,
/// not negative and less than 2^64; `startup_timeout_ms` MUST be whole milliseconds and counts only
/// without `startup_timeout_sec`; anything else is invalid; a time is rounded to whole nanoseconds.
fn read_duration(field: &Field, value: &Value) -> Result<Value, Invalid> {
    let duration = match field.kind {
        Kind::Milliseconds => value.as_u64().map(std::time::Duration::from_millis),
        _ => duration::from_seconds(value),
    };
    match duration {
        Some(duration) => Ok(duration::in_seconds(duration)),
        None => invalid(Rule::ServerDurations, format!("`{}` is not a duration", field.name)),
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
            _ => return invalid(Rule::ServerEnvVars, "`env_vars` needs a name or {name, source?}"),
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

/// A table of optional keys, of which one is known; the others are ignored.
fn read_table_of(
    field: &str,
    value: &Value,
    read_known: impl Fn(&str, &Value) -> Option<Result<Value, Invalid>>,
) -> Result<Value, Invalid> {
    let Value::Object(table) = value else {
        return wrong_type(field);
    };
    let mut read = Map::new();
    for (key, value) in table.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(value) = read_known(key, value) {
            read.insert(key.clone(), value?);
        }
    }
    Ok(Value::Object(read))
}

fn read_client_id(key: &str, value: &Value) -> Option<Result<Value, Invalid>> {
    let read = || if value.is_string() { Ok(value.clone()) } else { wrong_type("oauth") };
    (key == "client_id").then(read)
}

fn read_tools(value: &Value, rules: RuleSet) -> Result<Value, Invalid> {
    let Value::Object(tools) = value else {
        return wrong_type("tools");
    };
    let read_mode = |key: &str, value: &Value| {
        (key == "approval_mode").then(|| read_approval_mode(value, rules))
    };
    let mut read = Map::new();
    for (tool, settings) in tools {
        read.insert(tool.clone(), read_table_of("tools", settings, read_mode)?);
    }
    Ok(Value::Object(read))
}

/// Rule `server.transport`: A server MUST have exactly one of `command` and `url`; with neither or
/// both it is invalid.
fn check_transport(fields: &Map<String, Value>, rules: RuleSet) -> Result<(), Invalid> {
    match (fields.contains_key("command"), fields.contains_key("url")) {
        (true, false) => check_foreign_fields(fields, "stdio", Of::Stdio, rules),
        (false, true) => check_foreign_fields(fields, "HTTP", Of::Http, rules),
        (true, true) => invalid(Rule::ServerTransport, "both `command` and `url` are given"),
        (false, false) => invalid(Rule::ServerTransport, "neither `command` nor `url` is given"),
    }
}

/// Rule `server.foreign-field`: A server that has a field of the other transport, or
/// `bearer_token`, MUST be invalid.
fn check_foreign_fields(
    fields: &Map<String, Value>,
    transport: &str,
    own: Of,
    rules: RuleSet,
) -> Result<(), Invalid> {
    let is_foreign = |name: &&String| {
        field(name, rules).is_some_and(|field| field.of != own && field.of != Of::Both)
    };
    match fields.keys().find(is_foreign) {
        Some(name) => {
            invalid(Rule::ServerForeignField, format!("`{name}` is not a field of {transport}"))
        }
        None => Ok(()),
    }
}

/// Rule `server.remote-stdio-cwd`: A stdio server with `environment_id` other than `local` MUST
/// have an absolute `cwd`.
///
/// Rule `server.remote-stdio-unchecked`: Resolution MUST NOT require a stdio server in another
/// environment than `local` to have a `cwd`, nor an absolute one.
fn check_remote_cwd(fields: &Map<String, Value>, rules: RuleSet) -> Result<(), Invalid> {
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let remote = text("environment_id").is_some_and(|environment| environment != "local");
    let absolute = text("cwd").is_some_and(|cwd| cwd.starts_with('/'));
    let is_checked = rules.has(Rule::ServerRemoteStdioCwd);
    if is_checked && fields.contains_key("command") && remote && !absolute {
        return invalid(
            Rule::ServerRemoteStdioCwd,
            "a remote stdio server needs an absolute `cwd`",
        );
    }
    Ok(())
}

/// Rule `server.fields-kept`: A view MUST have each valid field of a server as it is written, but
/// for one that equals its default and one that another rule changes.
fn canonical(mut fields: Map<String, Value>, rules: RuleSet) -> Map<String, Value> {
    fields.remove("name");
    if let Some(from_milliseconds) = fields.remove("startup_timeout_ms") {
        fields.entry("startup_timeout_sec").or_insert(from_milliseconds);
    }
    fields.retain(|name, value| field(name, rules).is_none_or(|field| !is_default(field, value)));
    fields
}

fn is_default(field: &Field, value: &Value) -> bool {
    match field.default {
        Default::Switch(default) => value.as_bool() == Some(default),
        Default::Word(default) => value.as_str() == Some(default),
        Default::Empty => {
            value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(Map::is_empty)
        }
        Default::Absent => false,
    }
}

/// The same server with another value of a field.
pub(crate) fn with_field(server: &Server, field: &str, value: Value) -> Server {
    let mut fields = server.as_object().cloned().unwrap_or_default();
    fields.insert(field.into(), value);
    Arc::new(Value::Object(fields))
}

/// The same server with a field at its default.
pub(crate) fn without_field(server: &Server, field: &str) -> Server {
    let mut fields = server.as_object().cloned().unwrap_or_default();
    fields.remove(field);
    Arc::new(Value::Object(fields))
}
