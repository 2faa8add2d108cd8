//! The HTTP client of one connection: its headers, redirects, proxies and TLS.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::error::{ConnectError, ServerAddress};
use super::trust::{Trust, TrustError};

/// A client that sends these headers with every request. It follows no redirect itself: an allowed
/// redirect ends the request with [`Refused::Moved`], because each hop needs a new authorization.
///
/// It uses the proxies of the environment (`HTTPS_PROXY` and the like), except for a target on this
/// machine: for a proxy that address is its own machine, which would get the credentials.
pub(super) fn client(
    url: &Url,
    headers: HeaderMap,
    address: &ServerAddress,
    trust: &Trust,
) -> Result<Client, ConnectError> {
    let tls_error = |reason: String| ConnectError::Tls { address: address.clone(), reason };
    let tls = tls(url, trust).map_err(|error| tls_error(error.to_string()))?;
    let mut builder = Client::builder()
        .default_headers(headers)
        .redirect(Policy::custom(check))
        .referer(false)
        .tls_backend_preconfigured(tls);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| tls_error(root_cause(&error)))
}

/// A client for requests whose secrets are for this URL only: it follows no redirect. A `direct`
/// client uses no proxy.
///
/// # Errors
/// Why TLS could not be set up.
pub(crate) fn client_without_redirects(
    url: &Url,
    direct: bool,
    timeout: Duration,
    trust: &Trust,
) -> Result<Client, String> {
    let tls = tls(url, trust).map_err(|error| format!("TLS could not be set up: {error}"))?;
    let builder = Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .timeout(timeout)
        .tls_backend_preconfigured(tls);
    let builder = if direct { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| format!("TLS could not be set up: {}", root_cause(&error)))
}

/// Why a body was not read.
pub(crate) enum BodyError {
    TooLarge,
    Broken(reqwest::Error),
}

/// The body of a response, of at most `max` bytes.
pub(crate) async fn read_body(response: &mut Response, max: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > max {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A redirect that is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("to another origin")]
    Origin(String),
    /// To another path of the origin, where the caller may repeat the request.
    #[error("to another path")]
    Moved(Url),
    #[error("{0}")]
    Bad(&'static str),
}

/// Checks that a redirect stays within the origin and keeps the request. Another origin gets no
/// request, not even one without credentials: it would see the content.
fn check(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let origin = attempt.url().origin();
    let stays = attempt.previous().iter().all(|url| url.origin() == origin);
    if !stays {
        return attempt.error(Refused::Origin(origin.ascii_serialization()));
    }
    let kept = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT];
    if !kept.contains(&attempt.status()) {
        return attempt.error(Refused::Bad("it would drop the request; only 307 and 308 keep it"));
    }
    let to = attempt.url().clone();
    // The HTTP client would send these instead of the authorization.
    if !to.username().is_empty() || to.password().is_some() {
        return attempt.error(Refused::Bad("there is a user name in its URL"));
    }
    attempt.error(Refused::Moved(to))
}

/// Whether the host is this machine, by name or by address. The URL parser has lower-cased names. A
/// connection to an unspecified address reaches this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let name = host.strip_suffix('.').unwrap_or(host);
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let this_machine = |ip: IpAddr| {
        let ip = ip.to_canonical();
        ip.is_loopback() || ip.is_unspecified()
    };
    name == "localhost" || name.ends_with(".localhost") || address.parse().is_ok_and(this_machine)
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Library(#[from] rustls::Error),
}

/// TLS by rustls and ring, with the certificate authorities of the system and those that the user's
/// environment adds. A client for plain http trusts none: it never uses TLS, because a redirect to
/// https is another origin.
pub(crate) fn tls(url: &Url, trust: &Trust) -> Result<ClientConfig, TlsError> {
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    if url.scheme() != "https" {
        let no_roots = RootCertStore::empty();
        return Ok(builder.with_root_certificates(no_roots).with_no_client_auth());
    }
    let verifier = Verifier::new_with_extra_roots(trust.certificates()?, provider)?;
    // Not dangerous: this is the verifier that the builder's own extension sets, with more roots.
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

/// The innermost cause of an error: the outer ones name the URL, whose path and query may hold
/// secrets.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.downcast_ref::<reqwest::Error>() {
        Some(_) => "the request failed".to_owned(),
        None => cause.to_string(),
    }
}
