//! The endpoint that refresh tokens are sent to.

use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};

use crate::config::Environment;
use crate::connection::header::is_token;
use crate::connection::http::{
    BodyError, client_without_redirects, is_loopback, read_body, root_cause,
};
use crate::connection::trust::Trust;

/// The environment variable that replaces the URL of OpenAI's token endpoint.
pub const REFRESH_URL_VARIABLE: &str = "CODEX_REFRESH_TOKEN_URL_OVERRIDE";

const TOKEN_URL: &str = "https://auth.openai.com/oauth/token";
/// Codex's client id, for which the refresh tokens were issued.
const CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
const SCOPE: &str = "openid profile email";
/// The timeout of the whole request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest response, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// The error codes that are shown; nothing else from the response is.
const KNOWN_CODES: [&str; 6] = [
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "refresh_token_expired",
    "refresh_token_invalidated",
    "refresh_token_reused",
];

/// Where tokens are refreshed, or why they cannot be.
pub(super) struct TokenEndpoint {
    url: Result<Url, String>,
    trust: Trust,
}

/// New tokens. There is no `Debug`.
pub(super) struct NewTokens {
    pub(super) access_token: String,
    pub(super) id_token: Option<String>,
    pub(super) refresh_token: Option<String>,
}

/// Why a refresh failed.
#[derive(Debug, Clone)]
pub(super) struct RefreshFailure {
    pub(super) reason: String,
    /// Whether the refresh token will never work again.
    pub(super) permanent: bool,
}

impl RefreshFailure {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), permanent: false }
    }
}

impl TokenEndpoint {
    /// The URL of the environment variable, else OpenAI's.
    pub(super) fn of(env: &Environment) -> Self {
        let set = env.get(REFRESH_URL_VARIABLE).filter(|_| env.is_set(REFRESH_URL_VARIABLE));
        let text = match set {
            None => Some(TOKEN_URL),
            Some(value) => value.to_str().map(str::trim),
        };
        let url = text.and_then(|text| Url::parse(text).ok()).filter(|url| {
            let plain = url.username().is_empty() && url.password().is_none();
            let safe = match url.scheme() {
                "https" => true,
                "http" => is_loopback(url),
                _ => false,
            };
            plain && safe && url.has_host()
        });
        let url = url.ok_or_else(|| {
            format!(
                "{REFRESH_URL_VARIABLE} is not a URL with https, or with http on this machine; \
                 tokens are not refreshed until it is corrected or unset"
            )
        });
        Self { url, trust: Trust::of(env) }
    }

    /// Why tokens cannot be refreshed.
    pub(super) fn problem(&self) -> Option<&str> {
        self.url.as_ref().err().map(String::as_str)
    }

    /// Spends a refresh token.
    pub(super) async fn refresh(&self, token: &str) -> Result<NewTokens, RefreshFailure> {
        let url = self.url.as_ref().map_err(RefreshFailure::passing)?;
        let work = exchange(url, token, &self.trust);
        tokio::time::timeout(TIMEOUT, work).await.unwrap_or_else(|_| {
            let seconds = TIMEOUT.as_secs();
            Err(RefreshFailure::passing(format!("no response within {seconds} seconds")))
        })
    }
}

async fn exchange(url: &Url, token: &str, trust: &Trust) -> Result<NewTokens, RefreshFailure> {
    let origin = url.origin().ascii_serialization();
    let unreachable = |error: reqwest::Error| {
        RefreshFailure::passing(format!("{origin} cannot be reached: {}", root_cause(&error)))
    };
    let body = json!({
        "client_id": CLIENT_ID,
        "grant_type": "refresh_token",
        "refresh_token": token,
        "scope": SCOPE,
    });
    let client = client_without_redirects(url, is_loopback(url), TIMEOUT, trust);
    let client = client.map_err(RefreshFailure::passing)?;
    let request = client
        .post(url.clone())
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .body(body.to_string());
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let body = read_body(&mut response, MAX_BODY).await.map_err(|error| match error {
        BodyError::TooLarge => {
            RefreshFailure::passing(format!("{origin} sent more than {MAX_BODY} bytes"))
        }
        BodyError::Broken(error) => unreachable(error),
    })?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status == 200 { tokens(&body, &origin) } else { Err(refusal(status, &body, &origin)) }
}

fn tokens(body: &Value, origin: &str) -> Result<NewTokens, RefreshFailure> {
    let field =
        |name: &str| body.get(name)?.as_str().filter(|token| is_token(token)).map(str::to_owned);
    let access_token = field("access_token")
        .ok_or_else(|| RefreshFailure::passing(format!("{origin} sent no access token")))?;
    let (id_token, refresh_token) = (field("id_token"), field("refresh_token"));
    Ok(NewTokens { access_token, id_token, refresh_token })
}

fn refusal(status: u16, body: &Value, origin: &str) -> RefreshFailure {
    let error = body.get("error");
    let code = error.and_then(|error| error.as_str().or_else(|| error.get("code")?.as_str()));
    let code = code.or_else(|| body.get("code")?.as_str());
    let known = KNOWN_CODES.into_iter().find(|known| code == Some(known));
    let shown = known.map(|code| format!(" ({code})")).unwrap_or_default();
    RefreshFailure {
        reason: format!("{origin} refused to refresh the tokens: HTTP status {status}{shown}"),
        // Without a code it may be the response of a proxy, which does not know the token.
        permanent: known.is_some() && matches!(status, 400 | 401 | 403),
    }
}
