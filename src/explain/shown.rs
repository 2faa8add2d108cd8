//! A server as it may be shown: without values that are a secret or could be one by mistake.

use serde_json::{Map, Value};

const HIDDEN: &str = "***";

/// The canonical form without anything that is a secret or could be one by mistake.
///
/// It shows fields that cannot hold a secret, names of tables and environment variables, the
/// program of a command, and the origin of a URL (a URL path can be a token).
pub(super) fn without_secrets(server: &Value, whole_url: bool) -> Value {
    let Value::Object(fields) = server else {
        return Value::Null;
    };
    let shown = fields.iter().map(|(field, value)| (field.clone(), shown(field, value, whole_url)));
    Value::Object(shown.collect::<Map<_, _>>())
}

fn shown(field: &str, value: &Value, whole_url: bool) -> Value {
    match (field, value) {
        (
            "enabled"
            | "required"
            | "supports_parallel_tool_calls"
            | "startup_timeout_sec"
            | "tool_timeout_sec"
            | "default_tools_approval_mode"
            | "environment_id"
            | "cwd"
            | "enabled_tools"
            | "disabled_tools"
            | "scopes"
            | "tools",
            value,
        ) => value.clone(),
        ("bearer_token_env_var", Value::String(name)) => shown_variable(name),
        ("env_http_headers", Value::Object(table)) => {
            let named = table.iter().map(|(header, name)| {
                (header.clone(), shown_variable(name.as_str().unwrap_or_default()))
            });
            Value::Object(named.collect())
        }
        ("env" | "http_headers" | "oauth", Value::Object(table)) => {
            Value::Object(table.keys().map(|key| (key.clone(), HIDDEN.into())).collect())
        }
        ("command", Value::String(command)) => shown_command(command).into(),
        ("url", Value::String(url)) => shown_url(url, whole_url).into(),
        ("oauth_resource", Value::String(url)) => shown_url(url, false).into(),
        (_, Value::Array(list)) => list.iter().map(|_| Value::from(HIDDEN)).collect(),
        _ => HIDDEN.into(),
    }
}

/// The name of an environment variable. A text that cannot be a name is most likely a misplaced
/// value, and is hidden.
fn shown_variable(name: &str) -> Value {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) { name.into() } else { HIDDEN.into() }
}

/// The program of a command that may contain arguments.
fn shown_command(command: &str) -> String {
    match command.split_once(char::is_whitespace) {
        Some((program, _)) => format!("{program} …"),
        None => command.to_string(),
    }
}

fn shown_url(url: &str, whole: bool) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return HIDDEN.into();
    };
    let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_end);
    // A later `@` may mean that a password contains a slash.
    if tail.contains('@') {
        return HIDDEN.into();
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = match tail {
        "" | "/" => tail.to_string(),
        _ if whole => match tail.split_once(['?', '#']) {
            Some((path, _)) => format!("{path}…"),
            None => tail.to_string(),
        },
        _ => "/…".to_string(),
    };
    format!("{scheme}://{host}{path}")
}

/// A server as it is written, in a few words without secrets. Empty if it is none.
pub(super) fn short(server: &Value, whole_url: bool) -> String {
    let is_server = ["url", "command"].into_iter().any(|key| server.get(key).is_some());
    if is_server { summary(&without_secrets(server, whole_url)) } else { String::new() }
}

/// Whether a server is disabled.
pub(super) fn is_disabled(server: &Value) -> bool {
    server.get("enabled") == Some(&Value::Bool(false))
}

/// A server in a few words.
pub(super) fn summary(server: &Value) -> String {
    let text = |field: &str| server.get(field).and_then(Value::as_str).unwrap_or_default();
    let mut summary = match server.get("args").and_then(Value::as_array) {
        _ if server.get("url").is_some() => format!("http {}", text("url").escape_debug()),
        None => format!("stdio {}", text("command").escape_debug()),
        Some(args) => {
            let many = if args.len() == 1 { "argument" } else { "arguments" };
            format!("stdio {} ({} {many})", text("command").escape_debug(), args.len())
        }
    };
    if server.get("enabled") == Some(&Value::Bool(false)) {
        summary.push_str(", disabled");
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_possible_secrets() {
        let shown = |url| shown_url(url, false);
        assert_eq!(shown("https://user:pw@d.example:8/s/SECRET?t=1"), "https://d.example:8/…");
        assert_eq!(shown("https://d.example"), "https://d.example");
        assert_eq!(shown("https://d.example?token=1"), "https://d.example/…");
        assert_eq!(shown("sk-not-a-url"), "***");
        assert_eq!(shown("https://user:pa/ss@d.example/x"), "***");
        assert_eq!(shown_url("https://h/api/codex/apps?x=1", true), "https://h/api/codex/apps…");
    }

    #[test]
    fn misplaced_values_are_not_shown() {
        let server = serde_json::json!({
            "command": "env KEY=SECRET srv",
            "bearer_token_env_var": "sk-SECRET",
            "env_http_headers": {"Authorization": "Bearer SECRET", "X-Key": "KEY_VARIABLE"},
            "env_vars": ["TOKEN=SECRET"],
            "oauth": {"client_id": "SECRET"},
            "oauth_resource": "https://u:SECRET@r.example/SECRET",
            "a_field_of_tomorrow": "SECRET",
        });
        let shown = without_secrets(&server, false).to_string();
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(shown.contains("KEY_VARIABLE") && shown.contains("env …"), "{shown}");
    }

    #[test]
    fn a_summary_has_no_control_characters() {
        let server = serde_json::json!({"command": "srv\u{1b}[31m\n"});
        assert!(!summary(&server).contains(['\u{1b}', '\n']));
        assert_eq!(crate::display::printable("a\nb"), "\"a\\nb\"");
    }
}
