//! The id of an account in what a host sends, in another place than the header for it.

use super::home::ACCOUNT_ID;
use crate::subject::process::secrets::holds;

/// The header for the id.
pub(super) const HEADER: &str = "chatgpt-account-id";

/// The first id in these texts; only its marker if it is encoded.
pub(super) fn found<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let text = texts.into_iter().find(|text| holds(text, ACCOUNT_ID))?;
    let text = String::from_utf8_lossy(text);
    let rest = text.split_once(ACCOUNT_ID).map(|(_, rest)| rest).unwrap_or_default();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
    Some(format!("{ACCOUNT_ID}{}", rest.get(..end).unwrap_or_default()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_as_it_is_and_encoded() {
        for (text, id) in [
            ("codex/1 mcp-overlay-account-alice", "mcp-overlay-account-alice"),
            ("{\"a\":\"mcp-overlay-account-bob\"}", "mcp-overlay-account-bob"),
            ("mcp-overlay-account%2D", ""),
            ("bWNwLW92ZXJsYXktYWNjb3VudC1hbGljZQ==", ACCOUNT_ID),
        ] {
            let found = found(["none".as_bytes(), text.as_bytes()]);
            assert_eq!(found.unwrap_or_default(), id, "{text}");
        }
    }
}
