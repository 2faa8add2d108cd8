//! Which server URLs allow a login.

use reqwest::Url;

/// The URL, if its server can be logged in to.
pub(super) fn server_url(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}
