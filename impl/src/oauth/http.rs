//! The HTTP client of OAuth requests.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, Url};
use rmcp::transport::auth::{
    OAuthHttpClient, OAuthHttpClientError, OAuthHttpClientFuture, OAuthHttpRequest,
};
use serde_json::Value;

use crate::connection::http::{
    BodyError, client_without_redirects, is_loopback, read_body, root_cause,
};
use crate::connection::trust::Trust;

/// The largest response, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// The timeout of a request.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest error code that is shown, in bytes.
const MAX_CODE: usize = 40;

/// Why a request failed. Holds no text of the other side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HttpFailure {
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, String),
    #[error("{0} responded with HTTP status {1}")]
    Status(String, u16),
    #[error("{0} responded with the error `{1}`")]
    Code(String, String),
    #[error("{0} sent more than {MAX_BODY} bytes")]
    TooLarge(String),
    #[error("{0} is neither https nor on this machine")]
    Insecure(String),
    #[error("{0} is on this machine, but the server is not")]
    Loopback(String),
}

/// Sends the requests of one server's authorization.
///
/// The configured headers go to the server's own origin and with GET only: the same origin may be
/// an authorization server, which must not see them. This client follows no redirects; rmcp
/// follows those of discovery within their origin.
pub(super) struct Http {
    server: Url,
    headers: HeaderMap,
    /// Replaces the resource indicator of token requests.
    resource: Option<String>,
    trust: Trust,
    plain: OnceLock<Result<Client, String>>,
    secure: OnceLock<Result<Client, String>>,
    failure: Mutex<Option<HttpFailure>>,
}

impl Http {
    pub(super) fn new(
        server: Url,
        headers: HeaderMap,
        resource: Option<String>,
        trust: Trust,
    ) -> Arc<Self> {
        Arc::new(Self {
            server,
            headers,
            resource,
            trust,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            failure: Mutex::default(),
        })
    }

    /// Why the last request failed, if it did.
    pub(super) fn take_failure(&self) -> Option<HttpFailure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether a request may be sent to this URL: over TLS, to this machine if the server is on it, or
    /// to the configured origin. A DNS name that resolves to this machine or its network passes, but
    /// needs a certificate there.
    pub(super) fn check(&self, url: &Url) -> Result<(), HttpFailure> {
        let origin = || url.origin().ascii_serialization();
        if url.origin() == self.server.origin() {
            return Ok(());
        }
        match (is_loopback(url), url.scheme()) {
            (true, "http" | "https") if is_loopback(&self.server) => Ok(()),
            (true, _) => Err(HttpFailure::Loopback(origin())),
            (false, "https") => Ok(()),
            (false, _) => Err(HttpFailure::Insecure(origin())),
        }
    }

    fn client(&self, url: &Url) -> Result<&Client, String> {
        let slot = if url.scheme() == "https" { &self.secure } else { &self.plain };
        let direct = is_loopback(&self.server);
        let made = slot.get_or_init(|| client_without_redirects(url, direct, TIMEOUT, &self.trust));
        made.as_ref().map_err(Clone::clone)
    }

    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, HttpFailure> {
        let (parts, body) = request.into_parts();
        let text = parts.uri.to_string();
        let url =
            Url::parse(&text).map_err(|_| HttpFailure::Insecure("a relative URL".to_owned()))?;
        self.check(&url)?;
        let origin = url.origin().ascii_serialization();
        let no_tls = |reason| HttpFailure::Unreachable(origin.clone(), reason);
        let client = self.client(&url).map_err(no_tls)?;
        let mut headers = parts.headers;
        if parts.method == Method::GET && url.origin() == self.server.origin() {
            headers.extend(self.headers.clone());
        }
        let body = match (&self.resource, is_form(&headers)) {
            (Some(resource), true) => with_resource(&body, resource).unwrap_or(body),
            _ => body,
        };
        let sent = client.request(parts.method, url).headers(headers).body(body).send().await;
        let unreachable =
            |error: reqwest::Error| HttpFailure::Unreachable(origin.clone(), root_cause(&error));
        let mut response = sent.map_err(unreachable)?;
        let body = read_body(&mut response, MAX_BODY).await.map_err(|error| match error {
            BodyError::TooLarge => HttpFailure::TooLarge(origin.clone()),
            BodyError::Broken(error) => unreachable(error),
        })?;
        let mut answer = http::Response::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }

    fn note(&self, origin: String, response: &http::Response<Vec<u8>>) {
        let failure = if response.status().is_success() {
            None
        } else {
            Some(match error_code(response.body()) {
                Some(code) => HttpFailure::Code(origin, code),
                None => HttpFailure::Status(origin, response.status().as_u16()),
            })
        };
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

impl OAuthHttpClient for Http {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(async move {
            let uri = request.request.uri().to_string();
            let origin = Url::parse(&uri).map(|url| url.origin().ascii_serialization());
            match self.send(request.request).await {
                Ok(response) => {
                    self.note(origin.unwrap_or_default(), &response);
                    Ok(response)
                }
                Err(failure) => {
                    let error = Box::new(failure.clone()) as OAuthHttpClientError;
                    *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                    Err(error)
                }
            }
        })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let form = |value: &http::HeaderValue| {
        value.as_bytes().starts_with(b"application/x-www-form-urlencoded")
    };
    headers.get(CONTENT_TYPE).is_some_and(form)
}

/// A form with this resource indicator and no other.
fn with_resource(form: &[u8], resource: &str) -> Option<Vec<u8>> {
    let mut url = Url::parse("http://form.invalid/").ok()?;
    url.set_query(Some(std::str::from_utf8(form).ok()?));
    let url = replace_resource(&url, resource);
    url.query().map(|query| query.as_bytes().to_vec())
}

/// The URL with this resource indicator and no other.
pub(super) fn replace_resource(url: &Url, resource: &str) -> Url {
    let mut replaced = url.clone();
    let others = url.query_pairs().filter(|(name, _)| name != "resource");
    replaced.query_pairs_mut().clear().extend_pairs(others).append_pair("resource", resource);
    replaced
}

/// The `error` of an OAuth error response, if it looks like a code.
fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    shown_code(body.get("error")?.as_str()?)
}

/// The error code, if it may be shown: short, in lower case, and not free text.
pub(super) fn shown_code(code: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_code = !code.is_empty() && code.len() <= MAX_CODE && code.bytes().all(fits);
    is_code.then(|| code.to_owned())
}
