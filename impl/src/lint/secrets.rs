//! What looks like a secret, and which parts of a text are hidden when a line of it is shown.

use std::ops::Range;

use toml::de::{DeTable, DeValue};
use url::Url;

use super::parsed::{Value, entries};
use super::recognised::{Text, has_variable, is_token, named};
use super::starting::is_whole_header;

/// What of a URL is a secret, in words.
pub(super) fn in_url(text: &str) -> Option<&'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let is_open = |part: &str| !part.is_empty() && !is_replaced(part);
    if url.password().is_some_and(is_open) {
        return Some("a user and a password");
    }
    if is_open(url.username()) {
        return Some("a user");
    }
    let named = url.query_pairs().any(|(name, value)| named(&name, &value) == Text::Secret);
    let token = url.path_segments().is_some_and(|mut segments| segments.any(is_token));
    if named || token { Some("a secret") } else { None }
}

/// Whether a part of a URL, in which braces are encoded, is a variable.
fn is_replaced(part: &str) -> bool {
    has_variable(&part.replace("%7B", "{").replace("%7D", "}"))
}

/// Keys whose texts are shown: they choose among words, or name things.
const SHOWN: [&str; 13] = [
    "approval_mode",
    "auth",
    "default_tools_approval_mode",
    "disabled_tools",
    "enabled_tools",
    "environment_id",
    "model",
    "name",
    "sandbox_mode",
    "scopes",
    "source",
    "approval_policy",
    "trust_level",
];

/// Those of them that choose among words: any other text may be a secret in the wrong place.
const CHOICES: [&str; 7] = [
    "approval_mode",
    "approval_policy",
    "auth",
    "default_tools_approval_mode",
    "sandbox_mode",
    "source",
    "trust_level",
];

/// Their words.
const WORDS: [&str; 16] = [
    "approve",
    "auto",
    "chatgpt",
    "danger-full-access",
    "local",
    "never",
    "oauth",
    "on-failure",
    "on-request",
    "prompt",
    "read-only",
    "remote",
    "trusted",
    "untrusted",
    "workspace-write",
    "writes",
];

fn is_shown(key: &str, text: &str) -> bool {
    let is_choice = CHOICES.contains(&key);
    SHOWN.contains(&key)
        && (!is_choice || WORDS.contains(&text))
        && !text.split_whitespace().any(is_token)
}

/// Whether a number as it is written may be one that opens something: it is long, and its key is not
/// that of a time or a port.
fn is_long_number(key: &str, raw: &str) -> bool {
    let is_amount = ["_sec", "_ms", "_port"].iter().any(|end| key.ends_with(end));
    raw.len() > 5 && !is_amount
}

/// The bytes of a parsed text that are not shown: every text but those that are known to be harmless.
/// In order.
pub(super) fn hidden(text: &str, root: &DeTable<'_>) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut open: Vec<(&str, &Value<'_>)> = entries(root).map(|e| (e.key, e.value)).collect();
    while let Some((key, value)) = open.pop() {
        match value.get_ref() {
            // Each value of a table of texts is under its own key, which says nothing.
            DeValue::Table(table) => {
                open.extend(entries(table).map(|e| (below(key, e.key), e.value)));
                let of_headers = key.to_ascii_lowercase().contains("header");
                let is_whole = |name: &str| of_headers && is_whole_header(name);
                hidden.extend(entries(table).filter(|e| is_whole(e.key)).map(|e| e.key_span));
            }
            DeValue::Array(values) => open.extend(values.iter().map(|value| (key, value))),
            DeValue::Integer(_) | DeValue::Float(_) => {
                let span = value.span();
                let raw = text.get(span.clone()).unwrap_or_default();
                hidden.extend(is_long_number(key, raw).then_some(span));
            }
            DeValue::String(word) if !is_shown(key, word) => {
                let span = value.span();
                let raw = text.get(span.clone()).unwrap_or_default();
                let parts = hidden_parts(key, raw).into_iter().flatten();
                hidden.extend(parts.map(|part| span.start + part.start..span.start + part.end));
            }
            _ => {}
        }
    }
    hidden.sort_by_key(|range| range.start);
    hidden
}

/// The key that decides about a value of a table: of a table of secrets, its own.
fn below<'t>(table: &'t str, key: &'t str) -> &'t str {
    let name = table.to_ascii_lowercase();
    // However it is spelled: a misspelled table is shown because it is.
    let of_secrets = name.contains("header")
        || (name.starts_with("env") && name != "env_vars")
        || matches!(table, "set" | "query_params");
    if of_secrets { table } else { key }
}

/// What is hidden of a text as it is written, quotes included.
fn hidden_parts(key: &str, raw: &str) -> [Option<Range<usize>>; 2] {
    let quotes = raw.len() - raw.trim_start_matches(['"', '\'']).len();
    let inner = quotes..raw.len().saturating_sub(quotes).max(quotes);
    let words = raw.get(inner.clone()).unwrap_or_default();
    match key {
        "bearer_token_env_var" if is_variable(words) => [None, None],
        "command" => {
            let program = words.find(char::is_whitespace).unwrap_or(words.len());
            // A shell would take `NAME=value` before a program for a variable.
            let is_program = !words.get(..program).unwrap_or_default().contains('=');
            let program = if is_program { program } else { 0 };
            [Some(inner.start + program..inner.end), None]
        }
        "url" | "oauth_resource" | "chatgpt_base_url" => {
            let path_is_shown = key == "chatgpt_base_url";
            url_parts(words, path_is_shown)
                .map(|part| part.map(|part| inner.start + part.start..inner.start + part.end))
        }
        _ => [Some(inner), None],
    }
}

pub(super) fn is_variable(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.chars().all(plain) && !is_token(text)
}

/// The user of a URL, and all from its path on.
fn url_parts(url: &str, path_is_shown: bool) -> [Option<Range<usize>>; 2] {
    let Some(authority) = url.find("://").map(|at| at + 3) else {
        let plain = |c: char| c.is_ascii_lowercase() || ".-:/".contains(c);
        let is_host = path_is_shown && url.contains('.') && url.chars().all(plain);
        return [(!is_host && !url.is_empty()).then_some(0..url.len()), None];
    };
    let rest = url.get(authority..).unwrap_or_default();
    // A later `@` may mean that a password contains a slash.
    let host = rest.rfind('@').map_or(authority, |at| authority + at + 1);
    let user = (host > authority).then(|| authority..host - 1);
    let tail = url.get(host..).unwrap_or_default();
    let stops: &[char] = if path_is_shown { &['?', '#'] } else { &['/', '?', '#', '\\'] };
    let path = tail.find(stops).map(|at| host + at + 1..url.len());
    [user, path.filter(|path| !path.is_empty())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_its_secrets_away() {
        assert_eq!(in_url("https://u:p@a.example/"), Some("a user and a password"));
        assert_eq!(in_url("https://u@a.example/"), Some("a user"));
        assert_eq!(in_url("https://a.example/?api_key=abc"), Some("a secret"));
        for harmless in [
            "https://a.example/?page=1",
            "https://a.example/?api_key=${KEY}",
            "https://${USER}:${PASSWORD}@a.example/",
            "postgresql://ada@localhost/app",
        ] {
            assert_eq!(in_url(harmless), None, "{harmless}");
        }
    }

    #[test]
    fn only_harmless_parts_are_shown() {
        let text = "[mcp_servers.a]\nurl = \"https://u:SECRET@a.example/SECRET?x=SECRET\"\n\
                    command = \"npx SECRET\"\nargs = [\"SECRET\"]\nauth = \"chatgpt\"\n\
                    http_headers = { name = \"SECRET\", auth = 'SECRET' }\nenv.model = \"SECRET\"\n\
                    bearer_token_env_var = \"sk-SECRET\"\nunheard = \"\"\"\nSECRET\n\"\"\"\n\
                    [mcp_servers.b]\nauth = \"SECRET7\"\ndefault_tools_approval_mode = \"SECRET7\"\n\
                    env_vars = [{ name = \"T\", source = \"SECRET7\" }]\n\
                    httpHeaders = { name = \"SECRET\" }\nenviroment = { model = \"SECRET\" }\n\
                    http_headers = { \"X-Key: SECRET\" = \"\" }\n\
                    command = \"KEY=SECRET npx\"\nchatgpt_base_url = \"SG.SECRET.x\"\n";
        let root = DeTable::parse(text).unwrap().into_inner();
        let mut shown = text.to_owned();
        for range in hidden(text, &root).into_iter().rev() {
            shown.replace_range(range, "*");
        }
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(
            shown.contains("https://*@a.example/*") && shown.contains("\"chatgpt\""),
            "{shown}"
        );
        assert!(shown.contains("\"npx*\""), "{shown}");
    }
}
