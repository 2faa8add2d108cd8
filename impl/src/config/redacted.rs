//! Text that may be a secret.

use std::fmt;

/// Text that may be a secret, such as a header's value. `Debug` never shows it, and there is no
/// `Display`: code that needs the text calls [`Redacted::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted(String);

impl Redacted {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Redacted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Redacted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// What `Debug` shows of a URL: its origin. Paths, queries and users may be secrets, and a text that is
/// not a URL may be one as a whole.
pub(crate) fn shown_url(text: &str) -> String {
    origin_of(text).unwrap_or_else(|| "***".to_owned())
}

fn origin_of(text: &str) -> Option<String> {
    let url = fluent_uri::Uri::parse(text).ok()?;
    let authority = url.authority().filter(|authority| !authority.host().is_empty())?;
    let port = authority.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", url.scheme(), authority.host()))
}
