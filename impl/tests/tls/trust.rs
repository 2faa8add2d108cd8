//! Trusted certificate authorities of connections, logins and refreshes.

use std::path::Path;
use std::time::Duration;

use mcp_overlay_host::auth::{AuthStore, REFRESH_URL_VARIABLE};
use mcp_overlay_host::connect_url::{Answers, Browser, ConnectUrl, connect_url};
use mcp_overlay_host::connection::authorize::{AuthHeaders, HostCredentialSource as _, Refusal};
use mcp_overlay_host::connection::{ConnectError, Connection, connect};
use mcp_overlay_host::oauth::{LoginRequest, OAuth, TokenStore};
use mcp_overlay_host::{Environment, ServerConfig};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::front::{Front, stranger, trusting};
use crate::server::{context, seen, start};

async fn connected(front: &Front, env: Environment) -> Result<Connection, ConnectError> {
    let server = ServerConfig::streamable_http(format!("{}/mcp", front.origin()));
    connect("docs", &server, &context(env)).await
}

#[tokio::test]
async fn a_server_signed_by_a_configured_authority_is_trusted() {
    let upstream = start(false).await;
    let front = Front::of(*upstream.address()).await;
    let several = format!("# ours\n{}{}", stranger(), std::fs::read_to_string(front.ca()).unwrap());
    let fallback = Environment::from_pairs([("SSL_CERT_FILE", front.ca())]);
    let both = Environment::from_pairs([
        ("SSL_CERT_FILE", "/nonexistent".into()),
        ("CODEX_CA_CERTIFICATE", front.ca()),
    ]);
    for env in [trusting(&front.ca()), trusting(&front.file(&several)), fallback, both] {
        let connection = connected(&front, env).await.unwrap();
        assert_eq!(connection.server_info().unwrap().name, "secure");
    }
}

#[tokio::test]
async fn an_untrusted_server_gets_no_request() {
    let upstream = start(false).await;
    let front = Front::of(*upstream.address()).await;
    let blank = Environment::from_pairs([("CODEX_CA_CERTIFICATE", "")]);
    for env in [Environment::default(), blank, trusting(&front.file(&stranger()))] {
        let error = connected(&front, env).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    assert!(front.accepted() >= 3, "it was asked who it is");
    assert!(seen(&upstream).await.is_empty(), "and nothing else");
}

/// Unusable files and their messages.
fn bad_files(front: &Front) -> [(std::path::PathBuf, &'static str); 3] {
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    [
        (front.file("").with_file_name("gone.pem"), "there is no such file"),
        (front.file("").with_file_name("."), "it is not a regular file"),
        (front.file(damaged), "certificate 1 in it is invalid"),
    ]
}

fn assert_names(text: &str, file: &Path, reason: &str) {
    let expected = [
        "CODEX_CA_CERTIFICATE names ",
        &file.display().to_string(),
        reason,
        "expected a PEM file with certificates: correct it or unset CODEX_CA_CERTIFICATE",
    ];
    for part in expected {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn an_unusable_certificate_file_is_an_error_and_nothing_is_sent() {
    let upstream = start(false).await;
    let front = Front::of(*upstream.address()).await;
    for (file, reason) in bad_files(&front) {
        let error = connected(&front, trusting(&file)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
        assert_names(&error.to_string(), &file, reason);
    }
    for (text, reason) in [
        ("no certificates", "it contains no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "it is not valid PEM"),
    ] {
        let file = front.file(text);
        let error = connected(&front, trusting(&file)).await.unwrap_err();
        assert_names(&error.to_string(), &file, reason);
    }
    assert_eq!(front.accepted(), 0);
    // Plain http needs no authority.
    let plain = ServerConfig::streamable_http(format!("{}/mcp", upstream.uri()));
    let file = front.file("no certificates");
    connect("docs", &plain, &context(trusting(&file))).await.unwrap();
}

async fn logged_in(front: &Front, environment: Environment) -> Result<Answers, ConnectError> {
    let asked = ConnectUrl {
        url: format!("{}/mcp", front.origin()),
        timeout: Duration::from_secs(10),
        calls: Vec::new(),
        answer_with_defaults: false,
        scopes: None,
        client_id: None,
        client_secret: None,
        client_metadata_url: None,
        environment,
    };
    connect_url(asked, Browser::Headless).await
}

/// Discovery, registration, exchange and refresh, and the requests that carry the token.
#[tokio::test]
async fn oauth_trusts_the_same_authorities_as_connections() {
    let upstream = start(true).await;
    let front = Front::of(*upstream.address()).await;
    logged_in(&front, trusting(&front.ca())).await.unwrap();
    let seen = seen(&upstream).await;
    let count = |path: &str| seen.iter().filter(|(at, _)| at == path).count();
    assert_eq!((count("/register"), count("/authorize"), count("/token")), (1, 1, 2), "{seen:?}");
    let renewed = ("/mcp".to_owned(), Some("Bearer access-2".to_owned()));
    assert!(seen.contains(&renewed), "{seen:?}");
}

#[tokio::test]
async fn a_login_reports_an_unusable_certificate_file() {
    let upstream = start(true).await;
    let front = Front::of(*upstream.address()).await;
    let server = ServerConfig::streamable_http(format!("{}/mcp", front.origin()));
    let oauth = OAuth::new(TokenStore::in_memory());
    for (file, reason) in bad_files(&front) {
        let env = trusting(&file);
        let login = oauth.start_login("docs", &server, &env, LoginRequest::default()).await;
        assert_names(&login.unwrap_err().to_string(), &file, reason);
    }
    let login =
        oauth.start_login("docs", &server, &Environment::default(), LoginRequest::default()).await;
    let error = login.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    assert!(seen(&upstream).await.is_empty());
}

/// The headers that a sign-in sends after a refusal, or why it sends none.
async fn refreshed(front: &Front, ca: Option<&Path>) -> Result<AuthHeaders, String> {
    let url = format!("{}/oauth/token", front.origin());
    let mut env = vec![(REFRESH_URL_VARIABLE, url.into())];
    env.extend(ca.map(|file| ("CODEX_CA_CERTIFICATE", file.into())));
    let env = Environment::from_pairs::<_, _, std::ffi::OsString>(env);
    let id = "e30.eyJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF9wbGFuX3R5cGUiOiJwcm8iLCJjaGF0Z3B0X3VzZXJfaWQiOiJhZGEiLCJjaGF0Z3B0X2FjY291bnRfaWQiOiJhY2NvdW50LTEyMyJ9fQ.c2ln";
    let auth = json!({ "OPENAI_API_KEY": null, "tokens": {
        "id_token": id, "access_token": "at-1", "refresh_token": "rt-1", "account_id": "account-123",
    }, "last_refresh": "2026-06-09T20:44:16Z" });
    let store = AuthStore::fixed(Some(&auth.to_string()), &env);
    let authorizer = store.authorizer().unwrap();
    let sent = authorizer.headers().await.unwrap();
    let refusal = Refusal { status: 401, challenge: None, sent };
    authorizer.refused(refusal).await.ok_or_else(|| authorizer.advice())
}

#[tokio::test]
async fn the_sign_in_refresh_trusts_the_same_authorities_as_connections() {
    let upstream = MockServer::start().await;
    let new = json!({ "access_token": "at-2", "refresh_token": "rt-2" });
    let answer = ResponseTemplate::new(200).set_body_json(new);
    Mock::given(any()).respond_with(answer).mount(&upstream).await;
    let front = Front::of(*upstream.address()).await;
    for (file, reason) in bad_files(&front) {
        assert_names(&refreshed(&front, Some(&file)).await.unwrap_err(), &file, reason);
    }
    let error = refreshed(&front, None).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    assert!(seen(&upstream).await.is_empty());
    let headers = refreshed(&front, Some(&front.ca())).await.unwrap();
    assert!(headers.iter().any(|(_, value)| value == "Bearer at-2"));
}
