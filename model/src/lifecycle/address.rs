//! How sequences name servers.

use crate::case::CODEX_APPS;

/// The base URL of sequences: the Apps endpoint is on loopback, as that of every host of the checker.
pub const BASE: &str = "http://127.0.0.1";

/// The path of the Apps server is the host's choice, so it goes by its name.
pub(super) fn server_at(url: &str) -> &str {
    if url.starts_with(BASE) { CODEX_APPS } else { url }
}
