//! Where a connection goes and what it carries.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::{ConnectError, HostCredentials};
use crate::config::{Environment, ServerConfig, StreamableHttp, Transport};
use crate::hosted_apps::CODEX_APPS;
use crate::view::View;

/// How long a start may take unless the server says otherwise.
const DEFAULT_STARTUP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a later request may take unless the server says otherwise.
const DEFAULT_TOOL_TIMEOUT: Duration = Duration::from_secs(60);

static ACCOUNT_ID: HeaderName = HeaderName::from_static("chatgpt-account-id");

/// Where a connection goes and what it carries.
pub(super) struct Target {
    pub(super) url: Url,
    /// Scheme, host and port, for messages and for redirects.
    pub(super) origin: String,
    pub(super) headers: HeaderMap,
    /// The environment variable the token comes from, if it comes from one.
    pub(super) variable: Option<String>,
    pub(super) startup_timeout: Duration,
    pub(super) tool_timeout: Duration,
    pub(super) enabled_tools: Option<Vec<String>>,
    pub(super) disabled_tools: Vec<String>,
}

impl Target {
    /// The target of this view's Apps server.
    pub(super) fn of(
        view: &View,
        credentials: Option<&HostCredentials>,
        env: &Environment,
    ) -> Result<Self, ConnectError> {
        let server = view.get(CODEX_APPS).ok_or(ConnectError::Absent)?;
        if !server.enabled {
            return Err(ConnectError::Disabled);
        }
        let Transport::StreamableHttp(http) = &server.transport else {
            return Err(ConnectError::Stdio);
        };
        Self::of_http(server, http, credentials, env)
    }

    fn of_http(
        server: &ServerConfig,
        http: &StreamableHttp,
        credentials: Option<&HostCredentials>,
        env: &Environment,
    ) -> Result<Self, ConnectError> {
        let url = Url::parse(&http.url).map_err(|_| ConnectError::InvalidUrl)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(ConnectError::InvalidUrl);
        }
        // The HTTP client would send these in place of the host's credentials.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ConnectError::InvalidUrl);
        }
        let origin = url.origin().ascii_serialization();
        let mut headers = configured_headers(http, env)?;
        match &http.bearer_token_env_var {
            // The token is all this server needs: the host's own credentials stay at home.
            Some(variable) => {
                let token = env.get(variable).and_then(|value| value.to_str()).map(str::trim);
                let value = token.and_then(bearer);
                let no_token =
                    || ConnectError::NoToken { origin: origin.clone(), variable: variable.clone() };
                headers.insert(AUTHORIZATION, value.ok_or_else(no_token)?);
            }
            None => {
                let no_credentials = || ConnectError::NoCredentials { origin: origin.clone() };
                let credentials = credentials.ok_or_else(no_credentials)?;
                let damaged = || ConnectError::DamagedCredentials { origin: origin.clone() };
                add_host_credentials(&mut headers, credentials).ok_or_else(damaged)?;
            }
        }
        Ok(Self {
            url,
            origin,
            headers,
            variable: http.bearer_token_env_var.clone(),
            startup_timeout: server.startup_timeout.unwrap_or(DEFAULT_STARTUP_TIMEOUT),
            tool_timeout: server.tool_timeout.unwrap_or(DEFAULT_TOOL_TIMEOUT),
            enabled_tools: server.enabled_tools.clone(),
            disabled_tools: server.disabled_tools.clone().unwrap_or_default(),
        })
    }

    /// Whether the configuration offers this tool.
    pub(super) fn offers(&self, tool: &str) -> bool {
        let listed = |names: &[String]| names.iter().any(|name| name == tool);
        self.enabled_tools.as_deref().is_none_or(listed) && !listed(&self.disabled_tools)
    }
}

/// The headers from configuration; those whose environment variable is unset or blank are left
/// out.
fn configured_headers(http: &StreamableHttp, env: &Environment) -> Result<HeaderMap, ConnectError> {
    let mut headers = HeaderMap::new();
    let written = http.http_headers.iter().flatten();
    for (name, value) in written {
        insert(&mut headers, name, value.expose())?;
    }
    for (name, variable) in http.env_http_headers.iter().flatten() {
        if env.is_set(variable) {
            let value = env.get(variable).and_then(|value| value.to_str());
            let invalid = || ConnectError::InvalidHeader { header: name.clone() };
            insert(&mut headers, name, value.ok_or_else(invalid)?)?;
        }
    }
    Ok(headers)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), ConnectError> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(sensitive(value));
    let invalid = || ConnectError::InvalidHeader { header: name.to_owned() };
    let (name, value) = parsed.ok_or_else(invalid)?;
    headers.insert(name, value);
    Ok(())
}

/// Puts the host's credentials in, over configured headers of the same names.
fn add_host_credentials(headers: &mut HeaderMap, credentials: &HostCredentials) -> Option<()> {
    headers.insert(AUTHORIZATION, bearer(&credentials.access_token)?);
    headers.remove(&ACCOUNT_ID);
    if let Some(account) = &credentials.account_id {
        headers.insert(ACCOUNT_ID.clone(), sensitive(account)?);
    }
    Some(())
}

/// The header of a token, which is not empty and printable ASCII without white space.
fn bearer(token: &str) -> Option<HeaderValue> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    sensitive(&format!("Bearer {token}"))
}

/// A header value that no log of the HTTP stack shows.
fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
