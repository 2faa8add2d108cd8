//! The URL of the Apps server.

use std::net::Ipv6Addr;

use crate::rule::{Rule, RuleSet};

/// Rule `endpoint.base-default`: An absent `chatgpt_base_url` MUST mean
/// `https://chatgpt.com/backend-api/`.
pub const DEFAULT_BASE_URL: &str = "https://chatgpt.com/backend-api/";

/// The parts of a base URL that the rules look at.
struct Base<'a> {
    https: bool,
    host: &'a str,
    path: &'a str,
}

/// Rule `endpoint.base-valid`: A `chatgpt_base_url` that is not an absolute `http` or `https` URL
/// without userinfo, query or fragment SHOULD reject the host config at `host.chatgpt_base_url`.
pub fn is_valid_base(base_url: &str) -> bool {
    split(base_url).is_some()
}

/// The Apps server's URL for a base, at a path or at the default one.
pub fn apps_url(base_url: &str, path: Option<&str>, rules: RuleSet) -> String {
    // Rule `endpoint.base-trimmed`: Trailing slashes of the base MUST be dropped; the rest is kept
    // as written, never re-serialised.
    let base = base_url.trim_end_matches('/');
    let url = split(base);
    let is_at_chatgpt = is_at_chatgpt(base, url.as_ref(), rules);
    let read = match &url {
        Some(url) if rules.has(Rule::EndpointWholeSegments) => Read::Segments(url.path),
        _ => Read::Text(base),
    };
    let suffix = if read.has_backend_api() {
        ""
    } else if is_at_chatgpt {
        // Rule `endpoint.chatgpt-host`: A base that is at ChatGPT and has no `backend-api` MUST get
        // `/backend-api` appended.
        "/backend-api"
    } else if read.has_api_codex() {
        ""
    } else {
        // Rule `endpoint.other-host`: A base then without `backend-api` and without `api/codex`
        // MUST get `/api/codex` appended.
        "/api/codex"
    };
    let path = path.unwrap_or_else(|| default_path(read.has_backend_api() || is_at_chatgpt));
    format!("{base}{suffix}/{path}")
}

/// Rule `endpoint.whole-host`: Whether a base is at ChatGPT SHOULD be decided by its scheme, which
/// is `https`, and its whole host, which is `chatgpt.com` or `chat.openai.com` without regard to
/// case and whatever the port, and not by how its text begins.
fn is_at_chatgpt(base: &str, url: Option<&Base<'_>>, rules: RuleSet) -> bool {
    let mut hosts = ["chatgpt.com", "chat.openai.com"].into_iter();
    match url {
        Some(url) if rules.has(Rule::EndpointWholeHost) => {
            url.https && hosts.any(|host| url.host.eq_ignore_ascii_case(host))
        }
        // As upstream reads it; nothing else is to be had of a base that is no URL.
        _ => {
            let rest = base.strip_prefix("https://");
            rest.is_some_and(|rest| hosts.any(|host| rest.starts_with(host)))
        }
    }
}

/// Rule `endpoint.whole-segments`: `backend-api` and `api/codex` SHOULD be looked for as whole
/// segments of the base's path, not as text.
enum Read<'a> {
    Segments(&'a str),
    Text(&'a str),
}

impl Read<'_> {
    fn has_backend_api(&self) -> bool {
        match self {
            Self::Segments(path) => path.split('/').any(|segment| segment == "backend-api"),
            Self::Text(base) => base.contains("/backend-api"),
        }
    }

    fn has_api_codex(&self) -> bool {
        match self {
            Self::Segments(path) => {
                let mut pairs = path.split('/').zip(path.split('/').skip(1));
                pairs.any(|pair| pair == ("api", "codex"))
            }
            Self::Text(base) => base.contains("/api/codex"),
        }
    }
}

/// Rule `endpoint.default-path`: Without an override the path MUST be `wham/apps` if the base has
/// `backend-api`, else `apps`.
///
/// Rule `endpoint.legacy-path`: The legacy Apps loader MUST set the Apps server at the path
/// `wham/apps` if the base has `backend-api`, else `apps`.
fn default_path(has_backend_api: bool) -> &'static str {
    if has_backend_api { "wham/apps" } else { "apps" }
}

/// Rule `endpoint.override-path`: With an override its leading slashes MUST be dropped and the rest
/// used as the path.
pub fn override_path(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// Takes an absolute http(s) URL of RFC 3986 apart; nothing is repaired.
fn split(url: &str) -> Option<Base<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let https = scheme.eq_ignore_ascii_case("https");
    if !https && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host_of(authority)?;
    is_path(path).then_some(Base { https, host, path })
}

/// The host of an authority that has no userinfo.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = if authority.starts_with('[') {
        let (host, port) = authority.split_at(authority.find(']')? + 1);
        (host, port.strip_prefix(':').or(port.is_empty().then_some(""))?)
    } else {
        authority.split_once(':').unwrap_or((authority, ""))
    };
    (is_host(host) && is_port(port)).then_some(host)
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(literal) => {
            literal.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
        }
        None => !host.is_empty() && host.bytes().all(is_unreserved_or_sub_delim),
    }
}

fn is_port(port: &str) -> bool {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let significant = port.trim_start_matches('0');
    digits && (significant.is_empty() || significant.parse::<u16>().is_ok())
}

/// `path-abempty` of RFC 3986: `pchar` and slashes, with whole percent-encodings.
fn is_path(path: &str) -> bool {
    let plain = |byte: u8| is_unreserved_or_sub_delim(byte) || b":@/".contains(&byte);
    let mut pieces = path.split('%');
    let first = pieces.next().unwrap_or_default();
    first.bytes().all(plain)
        && pieces.all(|piece| {
            let (hex, rest) = piece.as_bytes().split_at(piece.len().min(2));
            hex.len() == 2
                && hex.iter().all(u8::is_ascii_hexdigit)
                && rest.iter().copied().all(plain)
        })
}

fn is_unreserved_or_sub_delim(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}
