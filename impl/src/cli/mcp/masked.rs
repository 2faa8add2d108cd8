//! Masks values that may be secrets.

use reqwest::Url;

/// Replaces a value that is not shown.
pub(super) const MASK: &str = "*****";

/// Words in the names of secrets.
const SECRETS: [&str; 9] =
    ["token", "key", "secret", "passw", "auth", "credential", "bearer", "header", "cookie"];

/// Prefixes of well-known kinds of tokens.
const TOKENS: [&str; 8] = ["sk-", "ghp_", "gho_", "ghs_", "github_pat_", "xoxb-", "xoxp-", "eyJ"];

/// A URL without its user, query and fragment. A text that is not a URL is masked completely: it may
/// hold anything.
pub(super) fn url(text: &str) -> String {
    let Ok(url) = Url::parse(text) else { return MASK.to_owned() };
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !has_user && url.query().is_none() && url.fragment().is_none() {
        return text.to_owned();
    }
    let user = if has_user { format!("{MASK}@") } else { String::new() };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = if url.query().is_some() { format!("?{MASK}") } else { String::new() };
    format!("{}://{user}{host}{port}{}{query}", url.scheme(), url.path())
}

/// A command's arguments with likely secrets masked: values of options and variables with the name
/// of a secret (`--api-key X`, `--token=X`, `API_KEY=X`, `Authorization: X`), well-known kinds of
/// tokens, and parts of URLs.
pub(super) fn arguments(args: &[String]) -> Vec<String> {
    let mut out = Vec::with_capacity(args.len());
    let mut value_of_secret = false;
    for arg in args {
        // A value may begin with one dash, a following option begins with two.
        let is_value = value_of_secret && !arg.starts_with("--");
        out.push(if is_value { MASK.to_owned() } else { argument(arg) });
        let names_secret = arg.starts_with('-') && (is_secret(arg) || arg == "-H");
        value_of_secret = names_secret && !is_value && !arg.contains('=');
    }
    out
}

fn argument(arg: &str) -> String {
    if TOKENS.iter().any(|prefix| arg.starts_with(prefix)) {
        return MASK.to_owned();
    }
    // The text before the first `=` or `:` may name the value, except in a URL.
    let end = arg.find(['=', ':']).unwrap_or(arg.len());
    let (name, rest) = arg.split_at_checked(end).unwrap_or((arg, ""));
    let is_url = rest.starts_with("://");
    let mut separated = rest.chars();
    match separated.next() {
        Some(separator) if !is_url && is_secret(name) => format!("{name}{separator}{MASK}"),
        Some(separator) if !is_url && rest.contains("://") => {
            format!("{name}{separator}{}", url(separated.as_str()))
        }
        _ if is_url => url(arg),
        _ => arg.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}
