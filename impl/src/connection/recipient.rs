//! Which servers the host's own credentials are for.

use std::collections::BTreeMap;

use reqwest::header::AUTHORIZATION;

use crate::config::{Profile, ServerAuth, StreamableHttp};
use crate::hosted_apps::CODEX_APPS;

/// Whether the host authorises itself to this server of the effective view with its own
/// credentials. Rules `credentials.apps-only` (by the name) and `credentials.where-auth-says` (by the
/// field `auth`).
///
/// The origin is checked once more, although the effective view has the field only at ChatGPT:
/// a server that did not come through that view must not get the credentials either.
#[must_use]
pub(crate) fn is_authorised_by_host(name: &str, http: &StreamableHttp, profile: Profile) -> bool {
    if profile.behaviour().auth_field {
        http.auth == ServerAuth::ChatGpt && http.is_at_chatgpt()
    } else {
        name == CODEX_APPS
    }
}

/// Whether the host's own credentials are sent to this server, if there are any: it
/// [is authorised by them](is_authorised_by_host), and its configuration has nothing that is sent
/// instead.
#[must_use]
pub(crate) fn gets_host_credentials(name: &str, http: &StreamableHttp, profile: Profile) -> bool {
    // Before the field `auth` the host's credentials replaced a configured header.
    let has_own_header = profile.behaviour().auth_field && has_authorization_header(http);
    is_authorised_by_host(name, http, profile)
        && http.bearer_token_env_var.is_none()
        && !has_own_header
}

/// Whether an `Authorization` header is configured, with a value that is set or not.
fn has_authorization_header(http: &StreamableHttp) -> bool {
    let written = http.http_headers.iter().flat_map(BTreeMap::keys);
    let from_env = http.env_http_headers.iter().flat_map(BTreeMap::keys);
    written.chain(from_env).any(|name| name.eq_ignore_ascii_case(AUTHORIZATION.as_str()))
}
