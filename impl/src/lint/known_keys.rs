//! Which keys Codex knows, and which one a misspelled key was meant to be.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use toml::de::{DeTable, DeValue};

use super::carried_over;
use super::spelling::{MAX_COMPARED, closest, squeezed};

/// The data and where it comes from.
const DATA: &str = include_str!("codex-keys.toml");

/// The keys of each table, by its pattern.
static KEYS: LazyLock<BTreeMap<String, Vec<String>>> =
    LazyLock::new(|| read(DATA).unwrap_or_default());

/// Where a key leads.
pub(super) enum Known {
    /// To a table with this pattern, or to a value.
    Yes(String),
    /// Nowhere: the table has no such key.
    No,
}

/// Whether the table with this pattern has the key; a key that holds a table may be a name that the
/// user chooses.
pub(super) fn look_up(pattern: &str, key: &str, holds_table: bool) -> Known {
    let child = |step: &str| match pattern {
        "" => step.to_owned(),
        pattern => format!("{pattern}.{step}"),
    };
    let chosen = child("*");
    let named = child(key);
    match KEYS.get(pattern) {
        Some(keys) if keys.iter().any(|known| known == key) => Known::Yes(named),
        Some(_) if !(holds_table && KEYS.contains_key(&chosen)) => Known::No,
        _ if KEYS.contains_key(&named) => Known::Yes(named),
        _ => Known::Yes(chosen),
    }
}

/// Whether a table below this pattern has listed keys.
pub(super) fn leads_to_keys(pattern: &str) -> bool {
    let below = |known: &String| {
        known.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    pattern.is_empty() || KEYS.keys().any(below)
}

/// Whether a table below this key of the table with this pattern has listed keys.
pub(super) fn has_keys_below(pattern: &str, key: &str) -> bool {
    matches!(look_up(pattern, key, true), Known::Yes(child) if leads_to_keys(&child))
}

/// Whether the table with this pattern is a server, or a user's settings for one.
pub(super) fn is_of_server(pattern: &str) -> bool {
    matches!(pattern, "mcp_servers.*" | "plugins.*.mcp_servers.*")
}

/// Whether this is a key of a server.
pub(super) fn is_server_key(key: &str) -> bool {
    KEYS.get("mcp_servers.*").is_some_and(|keys| keys.iter().any(|known| known == key))
}

/// Whether this is a key at the top of the file.
pub(super) fn is_top_key(key: &str) -> bool {
    KEYS.get("").is_some_and(|keys| keys.iter().any(|known| known == key))
}

/// The key of this table that a name was meant to be.
pub(super) fn meant(pattern: &str, name: &str) -> Option<&'static str> {
    if name.len() > MAX_COMPARED {
        return None;
    }
    if pattern.is_empty() && name == "mcp" {
        return Some("mcp_servers");
    }
    let keys = KEYS.get(pattern)?;
    if is_of_server(pattern)
        && let Some(key) = carried_over::key(name).filter(|key| keys.iter().any(|own| own == key))
    {
        return Some(key);
    }
    let plain = squeezed(name);
    if let Some(key) = keys.iter().find(|key| squeezed(key) == plain) {
        return Some(key);
    }
    let (nearest, key) = closest(name, keys.iter().map(String::as_str))?;
    // One of two characters is another word, not a mistake.
    (nearest < key.len().div_ceil(2)).then_some(key)
}

/// The unit that the name of a time ends with.
pub(super) fn unit(name: &str) -> Option<&'static str> {
    let name = name.replace('-', "_");
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if ends(&["_ms", "_millis", "_milliseconds", "Ms", "Millis", "Milliseconds"]) {
        Some("milliseconds")
    } else if ends(&["_s", "_sec", "_secs", "_seconds", "Sec", "Secs", "Seconds"]) {
        Some("seconds")
    } else {
        None
    }
}

/// Whether a key of a server takes a value of this type; renaming another would make Codex refuse a
/// file that it takes.
pub(super) fn takes(key: &str, value: &DeValue<'_>) -> bool {
    match key {
        "command" | "url" | "cwd" | "bearer_token_env_var" | "environment_id" => value.is_str(),
        "env" | "http_headers" | "env_http_headers" | "tools" => value.is_table(),
        "args" | "env_vars" | "enabled_tools" | "disabled_tools" | "scopes" => value.is_array(),
        "enabled" | "required" => value.is_bool(),
        "startup_timeout_sec" | "tool_timeout_sec" => value.is_integer() || value.is_float(),
        "mcp_servers" | "features" => value.is_table(),
        _ => true,
    }
}

fn read(data: &str) -> Option<BTreeMap<String, Vec<String>>> {
    let root = DeTable::parse(data).ok()?.into_inner();
    let keys = root.into_iter().find(|(name, _)| name.get_ref() == "keys")?.1.into_inner();
    let DeValue::Table(tables) = keys else { return None };
    let names = |value: DeValue<'_>| match value {
        DeValue::Array(values) => {
            values.iter().filter_map(|name| Some(name.get_ref().as_str()?.to_owned())).collect()
        }
        _ => Vec::new(),
    };
    Some(
        tables
            .into_iter()
            .map(|(pattern, value)| (pattern.into_inner().into_owned(), names(value.into_inner())))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_read() {
        assert!(KEYS.len() > 15);
        assert!(is_top_key("mcp_servers") && !is_top_key("mcp_server"));
        assert!(KEYS.values().all(|keys| !keys.is_empty()));
    }

    #[test]
    fn a_misspelled_key_is_recognised_and_another_word_is_not() {
        for (pattern, name, key) in [
            ("mcp_servers.*", "enabeld", Some("enabled")),
            ("mcp_servers.*", "comand", Some("command")),
            ("mcp_servers.*", "bearerTokenEnvVar", Some("bearer_token_env_var")),
            ("mcp_servers.*", "headers", Some("http_headers")),
            ("mcp_servers.*", "cmd", Some("command")),
            ("mcp_servers.*", "working_directory", Some("cwd")),
            ("mcp_servers.*", "token_env_var", Some("bearer_token_env_var")),
            ("plugins.*.mcp_servers.*", "allowedTools", Some("enabled_tools")),
            ("plugins.*.mcp_servers.*", "cmd", None),
            ("mcp_servers.*", "type", None),
            ("mcp_servers.*", "description", None),
            ("mcp_servers.*", "ur", Some("url")),
            ("mcp_servers.*", "startup_timeout", Some("startup_timeout_sec")),
            ("mcp_servers.*", "tool_timeout", Some("tool_timeout_sec")),
            ("", "mcp_server", Some("mcp_servers")),
            ("", "mcpServers", Some("mcp_servers")),
            ("", "my_own_notes", None),
            ("features", "ap", None),
        ] {
            assert_eq!(meant(pattern, name), key, "{name}");
        }
        assert_eq!(meant("", &"m".repeat(1_000_000)), None);
    }

    #[test]
    fn a_name_that_the_user_chooses_is_known() {
        let known = |pattern, key, table| match look_up(pattern, key, table) {
            Known::Yes(child) => Some(child),
            Known::No => None,
        };
        assert_eq!(known("mcp_servers", "docs", true), Some("mcp_servers.*".into()));
        assert_eq!(known("apps", "_default", true), Some("apps._default".into()));
        assert_eq!(known("mcp_servers.*", "env", true), Some("mcp_servers.*.env".into()));
        assert_eq!(known("mcp_servers.*", "enabeld", false), None);
        assert_eq!(known("desktop", "any", false), Some("desktop.*".into()));
    }
}
