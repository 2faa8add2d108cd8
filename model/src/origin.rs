//! Whether a URL is at ChatGPT's origin, read as the WHATWG URL standard reads it.
//!
//! A URL library reads the whole URL; this file reads only what decides the origin, so that it can
//! be held against the standard's text: <https://url.spec.whatwg.org/#concept-basic-url-parser>.

use idna::{AsciiDenyList, domain_to_ascii_cow};

/// Whether the URL's origin is `https://chatgpt.com:443`.
pub fn is_chatgpt_origin(url: &str) -> bool {
    // "Remove any leading and trailing C0 control or space", then "all ASCII tab or newline".
    let trimmed = url.trim_matches(|c: char| c <= ' ');
    let cleaned: String = trimmed.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let Some((scheme, rest)) = cleaned.split_once(':') else { return false };
    if !scheme.eq_ignore_ascii_case("https") {
        return false;
    }
    // A special scheme's authority begins after any number of slashes of either kind.
    let authority = rest.trim_start_matches(['/', '\\']);
    let end = authority.find(['/', '\\', '?', '#']).unwrap_or(authority.len());
    let authority = authority.get(..end).unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
    // An IPv6 address has colons too, but is never ChatGPT's host.
    let (host, port) = host_and_port.split_once(':').unwrap_or((host_and_port, ""));
    is_chatgpt_host(host) && is_port_443(port)
}

/// Percent-decoded, mapped to ASCII by IDNA, and in lower case.
fn is_chatgpt_host(host: &str) -> bool {
    domain_to_ascii_cow(&percent_decoded(host), AsciiDenyList::URL)
        .is_ok_and(|host| host == "chatgpt.com")
}

fn is_port_443(port: &str) -> bool {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (port.is_empty() || port.trim_start_matches('0') == "443")
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let hex = |digit: &u8| char::from(*digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (*byte, tail) {
            (b'%', [high, low, after @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                let digits = (hex(high).unwrap_or_default(), hex(low).unwrap_or_default());
                decoded.push(digits.0 << 4 | digits.1);
                rest = after;
            }
            (byte, _) => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    decoded
}
