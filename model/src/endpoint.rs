//! The URL of the Apps server.

use std::net::Ipv6Addr;

/// What an absent `chatgpt_base_url` means.
pub const DEFAULT_BASE_URL: &str = "https://chatgpt.com/backend-api/";

/// The parts of a base URL that the rules look at.
struct Base<'a> {
    https: bool,
    host: &'a str,
    path: &'a str,
}

/// Rule `endpoint.base-valid`: `chatgpt_base_url` MUST be an absolute `http` or `https` URL without
/// userinfo, query or fragment; anything else rejects the host config at `host.chatgpt_base_url`.
/// Absent means `https://chatgpt.com/backend-api/`.
pub fn is_valid_base(base_url: &str) -> bool {
    split(base_url).is_some()
}

/// The Apps server's URL for a valid base and the path override, if one is on.
pub fn apps_url(base_url: &str, path_override: Option<&str>) -> String {
    let mut base = trimmed(base_url).to_string();
    if is_chatgpt(&base) && !has_segment(&base, "backend-api") {
        base.push_str("/backend-api");
    }
    if !has_segment(&base, "backend-api") && !has_api_codex(&base) {
        // Rule `endpoint.other-host`: A base then without a `backend-api` segment and without the
        // segments `api`,`codex` in a row MUST get `/api/codex` appended.
        base.push_str("/api/codex");
    }
    let path = path_override.map_or_else(|| default_path(&base), override_path);
    format!("{base}/{path}")
}

/// Rule `endpoint.base-trimmed`: Trailing slashes of the base MUST be dropped; the rest is kept as
/// written, never re-serialised.
fn trimmed(base_url: &str) -> &str {
    base_url.trim_end_matches('/')
}

/// Rule `endpoint.chatgpt-host`: A base whose scheme is `https` and whose host is exactly
/// `chatgpt.com` or `chat.openai.com`, and whose path has no `backend-api` segment, MUST get
/// `/backend-api` appended. The host is compared without case and whatever the port; a look-alike
/// such as `chatgpt.com.example.net` is not that host.
pub(crate) fn is_chatgpt(base: &str) -> bool {
    split(base).is_some_and(|base| {
        base.https
            && ["chatgpt.com", "chat.openai.com"]
                .iter()
                .any(|host| base.host.eq_ignore_ascii_case(host))
    })
}

/// Rule `endpoint.default-path`: Without an override the path MUST be `wham/apps` under
/// `backend-api`, else `apps`.
fn default_path(base: &str) -> &'static str {
    if has_segment(base, "backend-api") { "wham/apps" } else { "apps" }
}

/// Rule `endpoint.override-path`: With an override its leading slashes MUST be dropped and the rest
/// used as the path, so that `https://chatgpt.com` with the default override gives
/// `https://chatgpt.com/backend-api/ps/mcp`. An override empty after that rejects the host config
/// at `host.features.apps_mcp_path_override`.
pub fn override_path(path: &str) -> &str {
    path.trim_start_matches('/')
}

fn segments(base: &str) -> Vec<&str> {
    split(base).map(|base| base.path.split('/').collect()).unwrap_or_default()
}

fn has_segment(base: &str, segment: &str) -> bool {
    segments(base).contains(&segment)
}

fn has_api_codex(base: &str) -> bool {
    segments(base).windows(2).any(|pair| pair == ["api", "codex"])
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
