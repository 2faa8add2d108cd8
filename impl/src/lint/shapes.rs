//! What to write instead of a shape that Codex refuses: those that people carry over from other hosts, and
//! those that TOML makes easy.

use toml::de::DeTable;

use super::known_keys::is_server_key;
use super::lines::Lines;
use super::parsed::{Entry, entries, entries_of, get};
use super::path::Path;

/// Keys of a server that are also written directly below `[mcp_servers]`.
const KEYS: [&str; 8] =
    ["args", "bearer_token_env_var", "command", "cwd", "enabled", "env", "http_headers", "url"];

/// What to write instead of the value of this key, which Codex refuses; `None` if what it expects says it.
pub(super) fn help(
    key: &str,
    message: &str,
    root: &DeTable<'_>,
    lines: &Lines<'_>,
) -> Option<String> {
    let found = |kind: &str| message.contains(&format!("found {kind}"));
    if key == "mcp_servers" {
        let help = "write one table for each server: `[mcp_servers.NAME]`";
        return found("an array").then(|| help.to_owned());
    }
    let below = key.strip_prefix("mcp_servers.")?;
    if let Some(entry) = entries_of(root, "mcp_servers").find(|entry| entry.key == below) {
        return of_server(&entry, message);
    }
    if let Some(help) = of_server_below(key, root, lines) {
        return Some(help);
    }
    let (_, field) = below.split_once('.')?;
    let (field, part) = field.split_once(['.', '[']).map_or((field, None), |(f, p)| (f, Some(p)));
    let help = match (field, part) {
        ("command", None) if found("an array") => {
            "write the program in `command`, and the others in `args`"
        }
        ("args", None) if found("a string") => {
            "write each argument as a text of its own, as in `args = [\"-y\", \"docs-server\"]`"
        }
        ("env", None) if found("an array") => {
            "write `env = { NAME = \"value\" }`; variables of your own environment are named in `env_vars`"
        }
        ("env_vars", None) if found("a string") => "write `env_vars = [\"NAME\"]`",
        ("env_vars", None) if found("a table") => {
            "write the names in an array, `env_vars = [\"NAME\"]`; values belong in `env`"
        }
        ("args" | "env" | "http_headers" | "env_http_headers", Some(_))
            if found("an integer") || found("a boolean") || found("a float") =>
        {
            "write it in quotes"
        }
        ("args" | "env" | "env_vars" | "cwd", None) if message.contains("not supported") => {
            "Codex does not start a server with `url`, it connects to one"
        }
        ("auth" | "bearer_token_env_var" | "env_http_headers" | "http_headers" | "oauth", None)
            if message.contains("not supported") =>
        {
            "a server with `command` gets its secrets in variables, named in `env_vars`"
        }
        _ => return None,
    };
    Some(help.to_owned())
}

/// The help for a key of a server that stands in a table of texts of that server, as one does that is written
/// below the header of that table.
fn of_server_below(key: &str, root: &DeTable<'_>, lines: &Lines<'_>) -> Option<String> {
    let (table, name) = key.rsplit_once('.')?;
    let (server, field) = table.rsplit_once('.')?;
    let is_of_texts = matches!(field, "env" | "http_headers" | "env_http_headers");
    if !is_of_texts || !is_server_key(name) {
        return None;
    }
    let path = Path::default().with("mcp_servers");
    entries_of(root, "mcp_servers").find(|entry| path.with(entry.key).to_string() == server)?;
    let header = format!("[{table}]");
    let has_header = lines.text().lines().any(|line| line.trim_start().starts_with(&header));
    let how = if has_header { format!("above `{header}`") } else { format!("out of `{field}`") };
    Some(format!("`{name}` is a key of the server: move it {how}"))
}

/// The help for what stands in the place of a server.
fn of_server(entry: &Entry<'_, '_>, message: &str) -> Option<String> {
    if message.contains("found an array") {
        return Some(match entry.key {
            key if KEYS.contains(&key) => one_level_up(key),
            _ => "write the header with one bracket on each side: `[mcp_servers.NAME]`".to_owned(),
        });
    }
    let Some(table) = entry.table() else {
        return KEYS.contains(&entry.key).then(|| one_level_up(entry.key));
    };
    if message.contains("both") {
        return Some("keep one of the two: `command` for a program that Codex starts, `url` for a server that \
                     runs already".to_owned());
    }
    let is_dotted = !table.is_empty()
        && entries(table).all(|inner| {
            inner
                .table()
                .is_some_and(|table| get(table, "command").is_some() || get(table, "url").is_some())
        });
    if is_dotted {
        return Some(
            "a dot separates tables, and this header names a table of the server before the dot: write a name \
             with `-` instead of `.`"
                .to_owned(),
        );
    }
    table.is_empty().then(|| "write `command` or `url` below the header, or remove it".to_owned())
}

fn one_level_up(key: &str) -> String {
    format!("`{key}` is a key of a server: write it below `[mcp_servers.NAME]`")
}
