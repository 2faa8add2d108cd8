//! The use and refresh of stored tokens.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use mcp_overlay_host::connection::authorize::{AuthHeaders, Authorizer, OAuthSource as _, Refusal};
use mcp_overlay_host::oauth::{LoginRequest, OAuth, StoreMode, TokenStore};

use super::provider::{NAME, Provider};

async fn authorizer(oauth: &OAuth, provider: &Provider) -> Arc<dyn Authorizer> {
    oauth.authorizer(NAME, &provider.url()).await.unwrap()
}

fn bearer(headers: &AuthHeaders) -> String {
    let mut headers = headers.iter();
    let (name, value) = headers.next().unwrap();
    assert_eq!((name.as_str(), headers.next().is_none()), ("authorization", true));
    value.to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

fn refusal(status: u16, challenge: &str, sent: AuthHeaders) -> Refusal {
    Refusal { status, challenge: Some(challenge.to_owned()), sent }
}

#[tokio::test]
async fn without_a_login_there_is_no_authorizer() {
    let oauth = OAuth::new(TokenStore::in_memory());
    assert!(oauth.authorizer(NAME, "https://docs.example/mcp").await.is_none());
}

#[tokio::test]
async fn valid_tokens_are_sent_without_a_refresh() {
    for expires_in in [None, Some(3600)] {
        let provider = Provider::start().await;
        provider.state().expires_in = expires_in;
        let (oauth, _) = provider.logged_in().await;
        let headers = authorizer(&oauth, &provider).await.headers().await.unwrap();
        assert_eq!(bearer(&headers), "secret-access-1");
        assert!(!format!("{headers:?}").contains("secret"));
        assert_eq!(provider.state().refreshes, 0);
    }
}

/// A refresh token is valid for one refresh, and a concurrent second one ends the login. Several
/// connections of a host, and several hosts with one file, refresh once.
#[tokio::test(flavor = "multi_thread")]
async fn expiring_tokens_are_refreshed_once() {
    let home = tempfile::tempdir().unwrap();
    let on_disk = || OAuth::new(TokenStore::on_disk(home.path(), StoreMode::File));
    let in_memory = OAuth::new(TokenStore::in_memory());
    for hosts in [[on_disk(), on_disk()], [in_memory.clone(), in_memory]] {
        let provider = Provider::start().await;
        provider.state().expires_in = Some(0);
        provider.login(&hosts[0], &provider.server(), LoginRequest::default()).await.unwrap();
        provider.state().expires_in = Some(3600);
        provider.state().token_delay = Duration::from_millis(200);
        let authorizers =
            [authorizer(&hosts[0], &provider).await, authorizer(&hosts[1], &provider).await];
        let asked = (0..10).map(|at| authorizers[at % 2].headers());
        for headers in join_all(asked).await {
            assert_eq!(bearer(&headers.unwrap()), "secret-access-2");
        }
        assert_eq!(provider.state().refreshes, 1);
        let form = provider.last("/token");
        assert_eq!(form["refresh_token"], "secret-refresh-1");
        assert_eq!((&*form["resource"], &*form["client_id"]), (&*provider.url(), "registered"));
    }
}

/// Where the new tokens cannot be stored, the refresh token is not spent.
#[tokio::test]
async fn a_home_that_cannot_be_written_to_costs_no_login() {
    let home = tempfile::tempdir().unwrap();
    let oauth = OAuth::new(TokenStore::on_disk(home.path(), StoreMode::File));
    let provider = Provider::start().await;
    provider.state().expires_in = Some(0);
    provider.login(&oauth, &provider.server(), LoginRequest::default()).await.unwrap();
    // Not even root can open a folder for writing.
    let lock = home.path().join(".credentials.locks/file");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let authorizer = authorizer(&oauth, &provider).await;
    assert!(authorizer.headers().await.is_err());
    assert_eq!(provider.state().refreshes, 0);
    std::fs::remove_dir(&lock).unwrap();
    assert_eq!(bearer(&authorizer.headers().await.unwrap()), "secret-access-2");
}

/// The refresh token is spent even if the request is cancelled, so the new tokens must be stored.
#[tokio::test]
async fn a_refresh_finishes_after_its_request_is_cancelled() {
    let provider = Provider::start().await;
    provider.state().expires_in = Some(0);
    let (oauth, store) = provider.logged_in().await;
    provider.state().token_delay = Duration::from_millis(300);
    let authorizer = authorizer(&oauth, &provider).await;
    let waited = tokio::time::timeout(Duration::from_millis(100), authorizer.headers()).await;
    assert!(waited.is_err());
    tokio::time::sleep(Duration::from_millis(600)).await;
    let tokens = store.load(NAME, &provider.url()).await.unwrap().unwrap();
    assert_eq!(tokens.refresh_token.as_deref(), Some("secret-refresh-2"));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let provider = Provider::start().await;
    let (oauth, _) = provider.logged_in().await;
    let authorizer = authorizer(&oauth, &provider).await;
    let first = authorizer.headers().await.unwrap();
    let second = authorizer.refused(refusal(401, "Bearer", first.clone())).await.unwrap();
    assert_eq!(bearer(&second), "secret-access-2");
    assert_eq!(authorizer.headers().await.unwrap(), second);
    // A refusal of the old token needs no further refresh.
    assert_eq!(authorizer.refused(refusal(401, "Bearer", first)).await, Some(second.clone()));
    // The new token is refused too, so there is no third.
    assert_eq!(authorizer.refused(refusal(401, "Bearer", second)).await, None);
    assert_eq!(provider.state().refreshes, 1);
    assert!(authorizer.advice().contains("mcp-overlay-host mcp login docs"));
}

/// A new token that the server accepted for a while may be refused later.
#[tokio::test]
async fn a_token_that_was_good_is_replaced_again() {
    let provider = Provider::start().await;
    let (oauth, _) = provider.logged_in().await;
    let authorizer = authorizer(&oauth, &provider).await;
    let mut sent = authorizer.headers().await.unwrap();
    for token in ["secret-access-2", "secret-access-3"] {
        sent = authorizer.refused(refusal(401, "Bearer", sent)).await.unwrap();
        assert_eq!(bearer(&sent), token);
        authorizer.accepted(&sent);
    }
}

#[tokio::test]
async fn a_missing_scope_is_reported() {
    let provider = Provider::start().await;
    let (oauth, _) = provider.logged_in().await;
    let authorizer = authorizer(&oauth, &provider).await;
    let sent = authorizer.headers().await.unwrap();
    let cases = [
        (r#"Bearer error="insufficient_scope", scope="a b:c""#, "--scopes a,b:c`"),
        // Special characters of a shell.
        (r#"Bearer error="insufficient_scope", scope="a; rm -rf /""#, "login docs`"),
        (r#"Bearer error="insufficient_scope""#, "lacks a permission"),
    ];
    for (challenge, expected) in cases {
        assert_eq!(authorizer.refused(refusal(403, challenge, sent.clone())).await, None);
        let advice = authorizer.advice();
        assert!(advice.contains(expected), "{challenge}: {advice}");
    }
    assert_eq!(provider.state().refreshes, 0);
}

#[tokio::test]
async fn a_rejected_refresh_token_is_removed_and_reported() {
    let provider = Provider::start().await;
    provider.state().expires_in = Some(0);
    let (oauth, store) = provider.logged_in().await;
    provider.state().refresh_token = None;
    let authorizer = authorizer(&oauth, &provider).await;
    let error = authorizer.headers().await.unwrap_err();
    assert!(
        error.to_string().contains("log in again: `mcp-overlay-host mcp login docs`"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("secret"));
    assert!(store.load(NAME, &provider.url()).await.unwrap().is_none());
}

/// A refusal may be temporary; without a refresh token only the user can end the login.
#[tokio::test]
async fn a_refused_token_without_a_refresh_token_is_kept() {
    let provider = Provider::start().await;
    let (oauth, store) = provider.logged_in().await;
    let mut tokens = store.load(NAME, &provider.url()).await.unwrap().unwrap();
    tokens.refresh_token = None;
    store.save(tokens).await.unwrap();
    let authorizer = authorizer(&oauth, &provider).await;
    let sent = authorizer.headers().await.unwrap();
    assert_eq!(authorizer.refused(refusal(401, "Bearer", sent.clone())).await, None);
    assert_eq!(authorizer.headers().await.unwrap(), sent);
}

/// The authorization server is temporarily down.
#[tokio::test]
async fn a_failed_refresh_can_be_retried() {
    let provider = Provider::start().await;
    provider.state().expires_in = Some(0);
    let (oauth, _) = provider.logged_in().await;
    let down = wiremock::ResponseTemplate::new(503).set_body_string("secret-refresh-1");
    provider.state().token_answer = Some(down);
    let authorizer = authorizer(&oauth, &provider).await;
    let error = authorizer.headers().await.unwrap_err();
    assert!(error.to_string().contains("HTTP status 503"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    provider.state().token_answer = None;
    assert_eq!(bearer(&authorizer.headers().await.unwrap()), "secret-access-2");
}

/// The answer is lost, so the refresh token may be spent. All requests that wait share the failure.
#[tokio::test]
async fn a_lost_refresh_is_not_repeated_for_requests_that_wait() {
    let provider = Provider::start().await;
    provider.state().expires_in = Some(0);
    let (oauth, _) = provider.logged_in().await;
    let half = wiremock::ResponseTemplate::new(200).set_body_string("{\"access_token\":\"sec");
    provider.state().token_answer = Some(half.set_delay(Duration::from_millis(200)));
    let authorizer = authorizer(&oauth, &provider).await;
    let before = provider.count("/token");
    let asked = join_all((0..3).map(|_| authorizer.headers())).await;
    assert!(asked.iter().all(Result::is_err));
    assert_eq!(provider.count("/token"), before + 1);
    provider.state().token_answer = None;
    assert_eq!(bearer(&authorizer.headers().await.unwrap()), "secret-access-2");
}

/// The tokens are valid for some more seconds.
#[tokio::test]
async fn unexpired_tokens_are_sent_after_a_failed_refresh() {
    let provider = Provider::start().await;
    let (oauth, store) = provider.logged_in().await;
    let mut tokens = store.load(NAME, &provider.url()).await.unwrap().unwrap();
    tokens.refresh_at = Some(0);
    store.save(tokens).await.unwrap();
    provider.state().token_answer = Some(wiremock::ResponseTemplate::new(503));
    let headers = authorizer(&oauth, &provider).await.headers().await.unwrap();
    assert_eq!(bearer(&headers), "secret-access-1");
    assert_eq!(provider.count("/token"), 2);
}

#[tokio::test]
async fn nothing_is_sent_after_a_logout() {
    let provider = Provider::start().await;
    let (oauth, _) = provider.logged_in().await;
    let authorizer = authorizer(&oauth, &provider).await;
    authorizer.headers().await.unwrap();
    assert!(oauth.logout(NAME, &provider.url()).await.unwrap());
    assert!(!oauth.logout(NAME, &provider.url()).await.unwrap());
    let error = authorizer.headers().await.unwrap_err();
    assert!(error.to_string().contains("you are no longer logged in"), "{error}");
}

/// Codex stores neither endpoints nor resource, so both are discovered again.
#[tokio::test]
async fn tokens_stored_by_codex_are_refreshed() {
    let provider = Provider::start().await;
    let (oauth, store) = provider.logged_in().await;
    let mut tokens = store.load(NAME, &provider.url()).await.unwrap().unwrap();
    (tokens.expires_at, tokens.refresh_at) = (Some(1), None);
    (tokens.resource, tokens.authorization_server) = (None, None);
    let mut foreign = tokens.clone();
    store.save(tokens).await.unwrap();
    let authorizer = authorizer(&oauth, &provider).await;
    assert_eq!(bearer(&authorizer.headers().await.unwrap()), "secret-access-2");
    assert_eq!(provider.last("/token")["resource"], provider.url());
    // A refresh token of another authorization server is not sent to this one.
    foreign.issuer = Some("https://before.example".to_owned());
    store.save(foreign).await.unwrap();
    let error = authorizer.headers().await.unwrap_err().to_string();
    assert!(error.contains("another authorization server"), "{error}");
    assert_eq!(provider.state().refreshes, 1);
}
