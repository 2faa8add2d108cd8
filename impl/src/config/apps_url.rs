//! `chatgpt_base_url` and the Apps endpoint made from it. Rules `endpoint.*`.
//!
//! A strict RFC 3986 parser checks the base, and the text is kept as written: a parser that repairs its
//! input would send credentials to a place that the user did not write.

use std::borrow::Cow;
use std::fmt;

use fluent_uri::Uri;

use super::redacted::shown_url;

/// The base URL when none is configured. Rule `endpoint.base-default`.
pub const DEFAULT_CHATGPT_BASE_URL: &str = "https://chatgpt.com/backend-api/";

/// Hosts whose API lives under `/backend-api`. Rule `endpoint.chatgpt-host`.
const CHATGPT_HOSTS: [&str; 2] = ["chatgpt.com", "chat.openai.com"];
const BACKEND_API: &str = "backend-api";

/// A valid base. `Debug` shows only its scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    text: Cow<'static, str>,
    /// What is appended to the base without its trailing slashes.
    suffix: &'static str,
    /// Whether the path is then under a `backend-api` segment.
    under_backend_api: bool,
}

impl Default for BaseUrl {
    fn default() -> Self {
        let text = Cow::Borrowed(DEFAULT_CHATGPT_BASE_URL);
        Self { text, suffix: "", under_backend_api: true }
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BaseUrl").field(&shown_url(&self.text)).finish()
    }
}

impl BaseUrl {
    /// Checks a base and keeps it as written. The error says what is wrong with it, without
    /// quoting it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let uri = Uri::parse(text).map_err(|_| "text that is not an absolute URL")?;
        let scheme = uri.scheme().as_str();
        let https = scheme.eq_ignore_ascii_case("https");
        if !https && !scheme.eq_ignore_ascii_case("http") {
            return Err("a URL that is neither http nor https");
        }
        let authority = uri.authority().ok_or("a URL without a host")?;
        if authority.has_userinfo() {
            return Err("a URL with a user or password");
        }
        let host = authority.host();
        if host.is_empty() {
            return Err("a URL without a host");
        }
        // Resolvers disagree about escaped names and unknown address versions, and credentials go
        // to this host.
        if host.contains('%') || host.starts_with("[v") || host.starts_with("[V") {
            return Err("a URL whose host is neither a plain name nor an IP address");
        }
        if authority.port_to_u16().is_err() {
            return Err("a URL whose port is beyond 65535");
        }
        if uri.has_query() || uri.has_fragment() {
            return Err("a URL with a query or a fragment");
        }
        let chatgpt = CHATGPT_HOSTS.iter().any(|known| host.eq_ignore_ascii_case(known));
        let path = uri.path().as_str().trim_end_matches('/');
        let (suffix, under_backend_api) = suffix(https && chatgpt, path);
        Ok(Self { text: Cow::Owned(text.to_owned()), suffix, under_backend_api })
    }

    /// The base as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The Apps endpoint: `path`, or the default path, under this base. Rules
    /// `endpoint.base-trimmed`, `endpoint.default-path`, `endpoint.legacy-path` and
    /// `endpoint.override-path`.
    pub(crate) fn apps_endpoint(&self, path: Option<&str>) -> String {
        let base = self.text.trim_end_matches('/');
        let default = if self.under_backend_api { "wham/apps" } else { "apps" };
        [base, self.suffix, "/", path.unwrap_or(default)].concat()
    }
}

/// What to append to a base with this path, and whether the result has a `backend-api` segment. Rules
/// `endpoint.chatgpt-host`, `endpoint.whole-host`, `endpoint.whole-segments` and
/// `endpoint.other-host`.
fn suffix(chatgpt_over_https: bool, path: &str) -> (&'static str, bool) {
    if path.split('/').any(|segment| segment == BACKEND_API) {
        return ("", true);
    }
    if chatgpt_over_https {
        return ("/backend-api", true);
    }
    let segments = path.split('/');
    let mut pairs = segments.clone().zip(segments.skip(1));
    let api_codex = pairs.any(|pair| pair == ("api", "codex"));
    (if api_codex { "" } else { "/api/codex" }, false)
}
