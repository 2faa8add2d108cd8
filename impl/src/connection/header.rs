//! Header values that hold secrets.

use http::header::HeaderValue;

/// The text cannot be the value of a header, or of this one. Does not hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is empty or holds characters that the header cannot carry")]
pub(crate) struct Unsendable;

/// Whether a token can be sent: it is not empty, and printable ASCII without white space.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The value of `Authorization` for a token, marked sensitive.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, Unsendable> {
    if is_token(token) { sensitive(&format!("Bearer {token}")) } else { Err(Unsendable) }
}

/// A header value that is marked sensitive: the HTTP stack does not log it.
pub(crate) fn sensitive(value: &str) -> Result<HeaderValue, Unsendable> {
    let mut value = HeaderValue::from_str(value).map_err(|_| Unsendable)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_header_is_sensitive_and_holds_only_a_token() {
        let value = bearer("a.B-1~+/=").unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer a.B-1~+/=");
        assert!(value.is_sensitive());
        for wrong in ["", " ", "a b", "a\r\nb", "a\u{7f}", "tökén", "a\t"] {
            assert_eq!(bearer(wrong), Err(Unsendable), "{wrong:?}");
        }
    }

    #[test]
    fn the_error_does_not_show_the_value() {
        let error = bearer("se cret").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("cret"));
    }
}
