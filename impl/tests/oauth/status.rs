//! The authorization status of servers.

use std::collections::BTreeMap;

use mcp_overlay_host::oauth::{AuthStatus, OAuth, TokenStore};
use mcp_overlay_host::{Environment, ServerConfig, StreamableHttp};

use super::provider::{NAME, Provider, with_http};

async fn status(oauth: &OAuth, server: &ServerConfig) -> AuthStatus {
    let env = Environment::from_pairs([("TOKEN", "secret")]);
    oauth.auth_status(NAME, server, &env).await
}

#[tokio::test]
async fn the_status_names_the_kind_of_authorization() {
    let provider = Provider::start().await;
    let (logged_in, _) = provider.logged_in().await;
    let oauth = OAuth::new(TokenStore::in_memory());
    assert_eq!(status(&logged_in, &provider.server()).await, AuthStatus::OAuth);
    assert_eq!(status(&oauth, &provider.server()).await, AuthStatus::NotLoggedIn);
    provider.state().silent = true;
    assert_eq!(status(&oauth, &provider.server()).await, AuthStatus::Unsupported);
}

#[tokio::test]
async fn a_server_with_configured_authorization_is_not_asked() {
    let provider = Provider::start().await;
    let oauth = OAuth::new(TokenStore::in_memory());
    let http = |change: fn(&mut StreamableHttp)| with_http(provider.server(), change);
    let header = |http: &mut StreamableHttp| {
        let written = ("authorization".to_owned(), "Bearer secret".into());
        http.http_headers = Some(BTreeMap::from([written]));
    };
    let env_header = |http: &mut StreamableHttp| {
        let written = ("Authorization".to_owned(), "TOKEN".to_owned());
        http.env_http_headers = Some(BTreeMap::from([written]));
    };
    let mut disabled = provider.server();
    disabled.enabled = false;
    let cases = [
        (
            http(|http| http.bearer_token_env_var = Some("UNSET".to_owned())),
            AuthStatus::BearerToken,
        ),
        (http(header), AuthStatus::BearerToken),
        (http(env_header), AuthStatus::BearerToken),
        (disabled, AuthStatus::Unsupported),
        (ServerConfig::stdio("server"), AuthStatus::Unsupported),
        (ServerConfig::streamable_http("nonsense"), AuthStatus::Unsupported),
    ];
    for (server, expected) in cases {
        assert_eq!(status(&oauth, &server).await, expected, "{server:?}");
    }
    assert!(provider.resource.received_requests().await.unwrap().is_empty());
}

/// With paused time, which advances when all tasks are idle.
#[tokio::test(start_paused = true)]
async fn the_status_of_an_unresponsive_server_times_out_after_five_seconds() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let oauth = OAuth::new(TokenStore::in_memory());
    let before = tokio::time::Instant::now();
    let server = ServerConfig::streamable_http(url);
    assert_eq!(status(&oauth, &server).await, AuthStatus::Unsupported);
    assert_eq!(before.elapsed().as_secs(), 5);
}
