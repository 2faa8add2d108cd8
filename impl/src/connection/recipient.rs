//! Which servers the host's own credentials are for.

use std::collections::BTreeMap;

use reqwest::header::AUTHORIZATION;

use crate::config::{Profile, ServerAuth, StreamableHttp};
use crate::hosted_apps::CODEX_APPS;

/// Whether the host's own credentials are for this server of the effective view, even if its
/// configuration has an authorization that is sent instead. Rules `credentials.apps-only` (by the
/// name) and `credentials.where-auth-says` (by the field `auth`).
///
/// The effective view keeps `auth` only at ChatGPT's origin. The origin is checked here again, so
/// that a server that did not pass through that view gets no credentials either.
#[must_use]
pub(crate) fn is_authorised_by_host(name: &str, http: &StreamableHttp, profile: Profile) -> bool {
    if profile.behaviour().auth_field {
        http.auth == ServerAuth::ChatGpt && http.is_at_chatgpt()
    } else {
        name == CODEX_APPS
    }
}

/// Whether the host's own credentials, if there are any, are sent to this server: they
/// [are for it](is_authorised_by_host), and its configuration has no authorization that is sent
/// instead.
#[must_use]
pub(crate) fn gets_host_credentials(name: &str, http: &StreamableHttp, profile: Profile) -> bool {
    // In profiles without the field `auth`, the host's credentials replace a configured header.
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
