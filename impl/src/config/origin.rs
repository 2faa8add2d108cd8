//! The one origin that servers with `auth = "chatgpt"` get the host's credentials at.

use url::{Host, Url};

/// Whether a URL has the scheme `https`, the host `chatgpt.com` and the port 443. Rule
/// `effective.auth-at-chatgpt-only`.
///
/// The URL has to be the parsed one that a connection is made to: a text that readers understand
/// differently must not be at one place when it is checked and at another when it is contacted.
pub(crate) fn is_chatgpt(url: &Url) -> bool {
    url.scheme() == "https"
        && url.host() == Some(Host::Domain("chatgpt.com"))
        && url.port_or_known_default() == Some(443)
}
