//! Where the requests to an HTTP server go and what they carry.

use std::sync::Arc;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};

use super::authorize::Authorizer;
use super::credentials::{ACCOUNT_ID, WhileSignedIn, bearer, sensitive};
use super::recipient::{gets_host_credentials, is_authorised_by_host};
use super::{ConnectContext, ConnectError, Place};
use crate::config::{Environment, StreamableHttp};
use crate::hosted_apps::CODEX_APPS;

/// Where requests go and what they carry.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) place: Place,
    /// What every request carries.
    pub(super) headers: HeaderMap,
    pub(super) authorization: Authorization,
}

/// What authorises the requests of a connection.
pub(super) enum Authorization {
    /// Nothing that the host knows of; a configured header may.
    None,
    /// The token in this environment variable: among the headers, or what this says at every
    /// request.
    Variable(String, Option<Arc<dyn Authorizer>>),
    /// What this says at every request.
    Asked(Arc<dyn Authorizer>),
}

impl Target {
    pub(super) async fn of(
        name: &str,
        http: &StreamableHttp,
        context: &ConnectContext,
    ) -> Result<Self, ConnectError> {
        let invalid = || ConnectError::InvalidUrl { server: name.to_owned() };
        let url = Url::parse(&http.url).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid());
        }
        // The HTTP client would send these in place of what authorises the connection.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid());
        }
        let place = Place { server: name.to_owned(), at: url.origin().ascii_serialization() };
        let invalid_header =
            |header| ConnectError::InvalidHeader { server: name.to_owned(), header };
        let mut headers = configured_headers(http, &context.environment).map_err(invalid_header)?;
        let authorization = authorization(&place, http, context, &mut headers).await?;
        Ok(Self { url, place, headers, authorization })
    }
}

/// What authorises the requests to a server. This is the one place that decides it. OAuth is never
/// asked about the Apps server.
async fn authorization(
    place: &Place,
    http: &StreamableHttp,
    context: &ConnectContext,
    headers: &mut HeaderMap,
) -> Result<Authorization, ConnectError> {
    if let Some(variable) = &http.bearer_token_env_var {
        // The token is all this server needs: other credentials stay at home.
        let token = context.environment.get(variable).and_then(|value| value.to_str());
        let value = token.map(str::trim).and_then(bearer);
        let no_token =
            || ConnectError::NoToken { place: place.clone(), variable: variable.clone() };
        let token = value.ok_or_else(no_token)?;
        let apps = place.server == CODEX_APPS;
        let authorizer = match context.host_credentials.clone().filter(|_| apps) {
            Some(source) => {
                headers.remove(AUTHORIZATION);
                Some(Arc::new(WhileSignedIn { token, source }) as Arc<dyn Authorizer>)
            }
            None => {
                headers.insert(AUTHORIZATION, token);
                None
            }
        };
        return Ok(Authorization::Variable(variable.clone(), authorizer));
    }
    let profile = context.environment.profile();
    if gets_host_credentials(&place.server, http, profile) {
        let source = context.host_credentials.as_ref();
        if let Some(authorizer) = source.and_then(|source| source.authorizer()) {
            // A configured account must not be mixed with the host's token.
            headers.remove(AUTHORIZATION);
            headers.remove(&ACCOUNT_ID);
            return Ok(Authorization::Asked(authorizer));
        }
        if place.server == CODEX_APPS {
            return Err(ConnectError::NoCredentials { place: place.clone() });
        }
    }
    // A server with `auth` `chatgpt` that gets no credentials is left with its configured headers.
    if place.server == CODEX_APPS || is_authorised_by_host(&place.server, http, profile) {
        return Ok(Authorization::None);
    }
    let Some(oauth) = &context.oauth else { return Ok(Authorization::None) };
    let authorizer = oauth.authorizer(&place.server, &http.url).await;
    Ok(authorizer.map_or(Authorization::None, Authorization::Asked))
}

/// The headers from configuration; those whose environment variable is unset or blank are left
/// out. The name of a header that cannot be sent is the error.
pub(crate) fn configured_headers(
    http: &StreamableHttp,
    env: &Environment,
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let mut insert = |name: &str, value: Option<&str>| {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(value.and_then(sensitive));
        let (parsed, value) = parsed.ok_or_else(|| name.to_owned())?;
        headers.insert(parsed, value);
        Ok::<_, String>(())
    };
    for (name, value) in http.http_headers.iter().flatten() {
        insert(name, Some(value.expose()))?;
    }
    for (name, variable) in http.env_http_headers.iter().flatten() {
        if env.is_set(variable) {
            insert(name, env.get(variable).and_then(|value| value.to_str()))?;
        }
    }
    Ok(headers)
}
