//! The URL, headers and authorization of an HTTP server.

use std::sync::Arc;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};

use super::authorize::Authorizer;
use super::context::ConnectContext;
use super::credentials::{ACCOUNT_ID, WhileSignedIn};
use super::error::{ConnectError, ServerAddress};
use super::header::{bearer, sensitive};
use super::recipient::{gets_host_credentials, is_authorised_by_host};
use crate::config::{Environment, StreamableHttp};
use crate::hosted_apps::CODEX_APPS;

/// The URL, headers and authorization of an HTTP server.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) address: ServerAddress,
    /// The headers of every request.
    pub(super) headers: HeaderMap,
    pub(super) authorization: Authorization,
}

/// The authorization of a connection.
pub(super) enum Authorization {
    /// None known to the host; a configured header may hold one.
    None,
    /// The token in this environment variable: among the headers, or from this authorizer.
    Variable(String, Option<Arc<dyn Authorizer>>),
    /// This authorizer, called for every request.
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
        // The HTTP client would send these instead of the authorization.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid());
        }
        let address =
            ServerAddress { server: name.to_owned(), at: url.origin().ascii_serialization() };
        let invalid_header =
            |header| ConnectError::InvalidHeader { server: name.to_owned(), header };
        let mut headers = configured_headers(http, &context.environment).map_err(invalid_header)?;
        let authorization = authorization(&address, http, context, &mut headers).await?;
        Ok(Self { url, address, headers, authorization })
    }
}

/// The authorization of a server. Only this function decides it. A server that the host's own
/// credentials are for never uses OAuth, nor does the Apps server.
async fn authorization(
    address: &ServerAddress,
    http: &StreamableHttp,
    context: &ConnectContext,
    headers: &mut HeaderMap,
) -> Result<Authorization, ConnectError> {
    if let Some(variable) = &http.bearer_token_env_var {
        // With a token of its own, the server gets no other credentials.
        let token = context.environment.get(variable).and_then(|value| value.to_str());
        let value = token.and_then(|token| bearer(token.trim()).ok());
        let no_token =
            || ConnectError::NoToken { address: address.clone(), variable: variable.clone() };
        let token = value.ok_or_else(no_token)?;
        let apps = address.server == CODEX_APPS;
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
    if gets_host_credentials(&address.server, http, profile) {
        let source = context.host_credentials.as_ref();
        if let Some(authorizer) = source.and_then(|source| source.authorizer()) {
            // A configured account must not be combined with the host's token.
            headers.remove(AUTHORIZATION);
            headers.remove(&ACCOUNT_ID);
            return Ok(Authorization::Asked(authorizer));
        }
        if address.server == CODEX_APPS {
            return Err(ConnectError::NoCredentials { address: address.clone() });
        }
    }
    // These servers never use OAuth. Their configured headers are all that is left.
    if address.server == CODEX_APPS || is_authorised_by_host(&address.server, http, profile) {
        return Ok(Authorization::None);
    }
    let Some(oauth) = &context.oauth else { return Ok(Authorization::None) };
    let authorizer = oauth.authorizer(&address.server, &http.url).await;
    Ok(authorizer.map_or(Authorization::None, Authorization::Asked))
}

/// The configured headers, without those whose environment variable is unset or blank. The error is
/// the name of an invalid header.
pub(crate) fn configured_headers(
    http: &StreamableHttp,
    env: &Environment,
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let mut insert = |name: &str, value: Option<&str>| {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .zip(value.and_then(|value| sensitive(value).ok()));
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
