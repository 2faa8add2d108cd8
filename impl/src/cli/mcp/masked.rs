//! What may be shown of values that may be secrets.

use reqwest::Url;

/// What stands for a value that is not shown.
pub(super) const MASK: &str = "*****";

/// Words that name a secret, or what holds one.
const SECRETS: [&str; 9] =
    ["token", "key", "secret", "passw", "auth", "credential", "bearer", "header", "cookie"];

/// How well-known kinds of tokens begin.
const TOKENS: [&str; 8] = ["sk-", "ghp_", "gho_", "ghs_", "github_pat_", "xoxb-", "xoxp-", "eyJ"];

/// A URL without its user, query and fragment. A text that is no URL is not shown at all: nobody
/// knows what is in it.
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

/// A command's arguments without what looks like a secret: values of options and variables named
/// like one (`--api-key X`, `--token=X`, `API_KEY=X`, `Authorization: X`), well-known kinds of
/// tokens, and what `url` masks.
pub(super) fn arguments(args: &[String]) -> Vec<String> {
    let mut out = Vec::with_capacity(args.len());
    let mut value_of_secret = false;
    for arg in args {
        // A value may begin with a dash, an option that follows begins with two.
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
    // What stands before the first `=` or `:` may name the value; the colon of a URL does not.
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
