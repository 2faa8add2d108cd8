//! What may be shown of values that may be secrets.

use reqwest::Url;

/// What stands for a value that is not shown.
pub(super) const MASK: &str = "*****";

/// Words that name a secret, or what holds one.
const SECRETS: [&str; 9] =
    ["token", "key", "secret", "passw", "auth", "credential", "bearer", "header", "cookie"];

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
/// like one (`--api-key X`, `--token=X`, `API_KEY=X`, `Authorization: X`), and what `url` masks.
pub(super) fn arguments(args: &[String]) -> Vec<String> {
    let mut out = Vec::with_capacity(args.len());
    let mut value_of_secret = false;
    for arg in args {
        let is_option = arg.starts_with('-');
        out.push(if value_of_secret && !is_option { MASK.to_owned() } else { argument(arg) });
        let names_secret = is_secret(arg) || arg == "-H";
        value_of_secret = is_option && names_secret && !arg.contains('=');
    }
    out
}

fn argument(arg: &str) -> String {
    for separator in ['=', ':'] {
        if let Some((name, value)) = arg.split_once(separator)
            && is_secret(name)
            && !value.starts_with("//")
        {
            return format!("{name}{separator}{MASK}");
        }
    }
    match arg.find("://") {
        None => arg.to_owned(),
        Some(_) => match arg.split_once('=') {
            Some((option, value)) if option.starts_with('-') => format!("{option}={}", url(value)),
            _ => url(arg),
        },
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}
