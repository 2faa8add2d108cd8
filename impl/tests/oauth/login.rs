//! Logins, from discovery to stored tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_overlay_host::oauth::{
    LoginError, LoginRequest, OAuth, StoreError, TokenStore, login_timeout,
};
use mcp_overlay_host::{Environment, OAuthClient, ServerConfig};
use reqwest::Url;
use serde_json::json;

use super::provider::{NAME, Provider, browse, with_http};

fn memory() -> (OAuth, TokenStore) {
    let store = TokenStore::in_memory();
    (OAuth::new(store.clone()), store)
}

#[tokio::test]
async fn a_login_stores_the_tokens() {
    let provider = Provider::start().await;
    provider.state().expires_in = Some(3600);
    let (oauth, store) = memory();
    provider.login(&oauth, &provider.server(), LoginRequest::default()).await.unwrap();
    let tokens = store.load(NAME, &provider.url()).await.unwrap().unwrap();
    assert_eq!(tokens.access_token, "secret-access-1");
    assert_eq!(tokens.refresh_token.as_deref(), Some("secret-refresh-1"));
    assert_eq!(tokens.client_id, "registered");
    assert_eq!(provider.last("/authorize")["resource"], provider.url());
    assert_eq!(provider.last("/token")["resource"], provider.url());
    assert!(provider.last("/authorize")["redirect_uri"].starts_with("http://127.0.0.1:"));
    assert!(!format!("{tokens:?} {store:?} {oauth:?}").contains("secret"));
    // Another URL is another server.
    assert!(store.load(NAME, "https://other.example/mcp").await.unwrap().is_none());
    assert!(store.load("other", &provider.url()).await.unwrap().is_none());
}

#[tokio::test]
async fn refusals_are_distinguished_from_failures() {
    let (oauth, _) = memory();
    let start = async |name: &str, server: ServerConfig| {
        let (env, request) = (Environment::default(), LoginRequest::default());
        oauth.start_login(name, &server, &env, request).await.map(drop).unwrap_err()
    };
    // Nothing listens there.
    let http = ServerConfig::streamable_http("http://127.0.0.1:1/mcp");
    let unsendable = with_http(http.clone(), |http| {
        http.http_headers = Some([("x-key".to_owned(), "a\nb".into())].into());
    });
    let refused = [
        start("codex_apps", http.clone()).await,
        start(NAME, ServerConfig::stdio("server")).await,
        start(NAME, ServerConfig::streamable_http("file:///mcp")).await,
        start(NAME, unsendable).await,
    ];
    for error in refused {
        assert!(error.is_refusal(), "{error}");
    }
    let store = StoreError::Busy(NAME.to_owned());
    let failed = [start(NAME, http).await, LoginError::Timeout(1), LoginError::Store(store)];
    for error in failed {
        assert!(!error.is_refusal(), "{error}");
    }
}

#[tokio::test]
async fn a_configured_client_does_not_register() {
    let provider = Provider::start().await;
    let (oauth, store) = memory();
    let server = with_http(provider.server(), |http| {
        http.oauth = Some(OAuthClient { client_id: Some("mine".to_owned()) });
    });
    provider.login(&oauth, &server, LoginRequest::default()).await.unwrap();
    assert_eq!(provider.count("/register"), 0);
    assert_eq!(provider.last("/token")["client_id"], "mine");
    assert_eq!(store.load(NAME, &provider.url()).await.unwrap().unwrap().client_id, "mine");
}

#[tokio::test]
async fn the_configured_resource_is_requested() {
    let provider = Provider::start().await;
    provider.state().expires_in = Some(0);
    let (oauth, _) = memory();
    let server = with_http(provider.server(), |http| {
        http.oauth_resource = Some("https://resource.example/a?b=c&d".to_owned());
    });
    provider.login(&oauth, &server, LoginRequest::default()).await.unwrap();
    for path in ["/authorize", "/token"] {
        assert_eq!(provider.last(path)["resource"], "https://resource.example/a?b=c&d", "{path}");
    }
}

/// Explicit, else configured (an empty list too), else discovered, else none.
#[tokio::test]
async fn scopes_come_from_the_request_then_the_config_then_the_server() {
    let some = |scopes: &[&str]| Some(scopes.iter().map(|scope| (*scope).to_owned()).collect());
    type Case = (
        Option<Vec<String>>,
        Option<Vec<String>>,
        Option<&'static [&'static str]>,
        Option<&'static str>,
    );
    let cases: [Case; 8] = [
        (some(&["x", "y"]), some(&["c"]), Some(&["d"]), Some("x y")),
        (some(&[]), some(&["c"]), Some(&["d"]), None),
        (None, some(&["c"]), Some(&["d"]), Some("c")),
        (None, some(&[]), Some(&["d"]), None),
        (None, None, Some(&["d", "e"]), Some("d e")),
        (None, None, Some(&[]), None),
        (None, None, None, None),
        (some(&["x"]), None, None, Some("x")),
    ];
    for (explicit, configured, discovered, expected) in cases {
        let provider = Provider::start().await;
        provider.state().resource_scopes = discovered.map(|scopes| json!(scopes));
        let (oauth, _) = memory();
        let mut server = provider.server();
        server.scopes.clone_from(&configured);
        let request = LoginRequest { scopes: explicit.clone(), ..LoginRequest::default() };
        provider.login(&oauth, &server, request).await.unwrap();
        let asked = provider.last("/authorize");
        let case = (explicit, configured, discovered);
        assert_eq!(asked.get("scope").map(String::as_str), expected, "{case:?}");
    }
}

#[tokio::test]
async fn configured_headers_are_sent_to_the_server_only() {
    let provider = Provider::start().await;
    let (oauth, _) = memory();
    let server = with_http(provider.server(), |http| {
        http.http_headers = Some(BTreeMap::from([("x-key".to_owned(), "secret-key".into())]));
        http.env_http_headers = Some(BTreeMap::from([("x-env".to_owned(), "KEY".to_owned())]));
    });
    let env = Environment::from_pairs([("KEY", "secret-env")]);
    let login = oauth.start_login(NAME, &server, &env, LoginRequest::default()).await.unwrap();
    let browser = tokio::spawn(browse(login.authorization_url().to_owned()));
    login.finish().await.unwrap();
    browser.await.unwrap();
    let to_server = provider.resource.received_requests().await.unwrap();
    assert!(!to_server.is_empty());
    for request in to_server {
        assert_eq!(request.headers["x-key"], "secret-key");
        assert_eq!(request.headers["x-env"], "secret-env");
    }
    for request in provider.authorization.received_requests().await.unwrap() {
        assert!(!request.headers.contains_key("x-key") && !request.headers.contains_key("x-env"));
    }
}

#[tokio::test]
async fn only_the_callback_with_the_state_ends_a_login() {
    let provider = Provider::start().await;
    let (oauth, store) = memory();
    let server = provider.server();
    let login = provider.start_login(&oauth, &server, LoginRequest::default()).await.unwrap();
    let url = Url::parse(login.authorization_url()).unwrap();
    let find = |wanted: &str| {
        let found = url.query_pairs().find(|(name, _)| name == wanted);
        found.unwrap().1.into_owned()
    };
    let (callback, state) = (find("redirect_uri"), find("state"));
    let finished = tokio::spawn(login.finish());
    let mut others: Vec<String> = ["?code=c&state=wrong", "?code=c", "", "?error=access_denied"]
        .iter()
        .map(|query| format!("{callback}{query}"))
        .collect();
    others.push(format!("{}?code=c&state={state}", callback.replace("/callback", "/other")));
    for other in others {
        assert_eq!(browse(other.clone()).await.0, 404, "{other}");
    }
    // A browser opens connections in advance, and sends nothing on them.
    let address = callback.trim_start_matches("http://").trim_end_matches("/callback").to_owned();
    let _idle = tokio::net::TcpStream::connect(&address).await.unwrap();
    assert!(!finished.is_finished());
    assert_eq!(provider.count("/token"), 0);
    assert_eq!(browse(url.to_string()).await.0, 200);
    finished.await.unwrap().unwrap();
    assert!(store.load(NAME, &provider.url()).await.unwrap().is_some());
}

#[tokio::test]
async fn an_unfinished_login_times_out() {
    let provider = Provider::start().await;
    let (oauth, _) = memory();
    let timeout = Some(Duration::from_secs(1));
    let request = LoginRequest { timeout, ..LoginRequest::default() };
    let login = provider.start_login(&oauth, &provider.server(), request).await.unwrap();
    assert_eq!(login.finish().await, Err(LoginError::Timeout(1)));
}

#[test]
fn timeouts_have_bounds() {
    let seconds = |asked| login_timeout(asked).as_secs();
    assert_eq!(seconds(None), 300);
    assert_eq!([i64::MIN, -1, 0, 1, 30].map(|asked| seconds(Some(asked))), [1, 1, 1, 1, 30]);
    assert_eq!(seconds(Some(i64::MAX)), 3600);
}

#[tokio::test]
async fn a_refusal_shows_the_error_code() {
    let cases = [("access_denied", "access_denied"), ("<script>alert", "without an error code")];
    for (error, shown) in cases {
        let provider = Provider::start().await;
        provider.state().error = Some(error);
        let (oauth, store) = memory();
        let result = provider.login(&oauth, &provider.server(), LoginRequest::default()).await;
        assert_eq!(result, Err(LoginError::Denied(shown.to_owned())));
        assert_eq!(provider.count("/token"), 0);
        assert!(store.load(NAME, &provider.url()).await.unwrap().is_none());
    }
}

/// RFC 9207: with another issuer in the callback, the code is sent nowhere.
#[tokio::test]
async fn a_response_from_another_issuer_is_rejected() {
    let missing = |provider: &Provider| {
        let supported = "authorization_response_iss_parameter_supported".to_owned();
        provider.state().metadata.insert(supported, true.into());
    };
    let wrong = |provider: &Provider| {
        provider.state().issuer = Some("https://evil.example".to_owned());
    };
    let changes: [&dyn Fn(&Provider); 2] = [&missing, &wrong];
    for change in changes {
        let provider = Provider::start().await;
        change(&provider);
        let (oauth, _) = memory();
        let result = provider.login(&oauth, &provider.server(), LoginRequest::default()).await;
        assert_eq!(result, Err(LoginError::Issuer));
        assert_eq!(provider.count("/token"), 0);
    }
    let provider = Provider::start().await;
    let own = provider.authorization.uri();
    provider.state().issuer = Some(own);
    let (oauth, _) = memory();
    provider.login(&oauth, &provider.server(), LoginRequest::default()).await.unwrap();
}

#[tokio::test]
async fn servers_without_a_login_are_refused() {
    let (oauth, _) = memory();
    let start = async |name: &str, server: ServerConfig| {
        let request = LoginRequest::default();
        oauth.start_login(name, &server, &Environment::default(), request).await.unwrap_err()
    };
    let apps = ServerConfig::streamable_http("https://chatgpt.com/mcp");
    assert_eq!(start("codex_apps", apps).await, LoginError::HostCredentials);
    let stdio = start("local", ServerConfig::stdio("server")).await;
    assert_eq!(stdio.to_string(), "OAuth login is only supported for streamable HTTP servers.");
    for url in ["nonsense", "file:///etc/passwd", "https://user:secret@docs.example/mcp"] {
        assert_eq!(start(NAME, ServerConfig::streamable_http(url)).await, LoginError::InvalidUrl);
    }
    let provider = Provider::start().await;
    provider.state().silent = true;
    let silent = start(NAME, provider.server()).await;
    assert_eq!(silent, LoginError::Unsupported(provider.resource.uri()));
}

#[tokio::test]
async fn invalid_metadata_stops_a_login_before_the_browser() {
    let cases = [
        ("issuer", json!("https://evil.example"), "another issuer"),
        ("code_challenge_methods_supported", json!(["plain"]), "PKCE"),
        ("response_types_supported", json!(["token"]), "code flow"),
        ("authorization_endpoint", json!("http://auth.example/authorize"), "is neither https nor"),
        ("authorization_endpoint", json!("javascript:alert(1)"), "is neither https nor"),
        ("authorization_endpoint", json!("file:///etc/passwd"), "is neither https nor"),
    ];
    for (name, value, expected) in cases {
        let provider = Provider::start().await;
        provider.state().metadata.insert(name.to_owned(), value.clone());
        let (oauth, _) = memory();
        let server = provider.server();
        let result = provider.start_login(&oauth, &server, LoginRequest::default()).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "{name} = {value}: {error}");
    }
}

#[tokio::test]
async fn errors_do_not_quote_the_authorization_server() {
    let echo = json!({
        "error": "invalid_grant",
        "error_description": "secret-code-0 is not good",
    });
    let provider = Provider::start().await;
    provider.state().token_answer = Some(wiremock::ResponseTemplate::new(400).set_body_json(echo));
    let (oauth, store) = memory();
    let result = provider.login(&oauth, &provider.server(), LoginRequest::default()).await;
    let error = result.unwrap_err();
    assert!(error.to_string().contains("`invalid_grant`"), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    assert!(store.load(NAME, &provider.url()).await.unwrap().is_none());
}

/// The code is not sent to the target of a redirect.
#[tokio::test]
async fn redirects_of_the_token_endpoint_are_not_followed() {
    let provider = Provider::start().await;
    let elsewhere = wiremock::MockServer::start().await;
    let to = format!("{}/token", elsewhere.uri());
    let answer = wiremock::ResponseTemplate::new(307).insert_header("location", to.as_str());
    provider.state().token_answer = Some(answer);
    let (oauth, _) = memory();
    let result = provider.login(&oauth, &provider.server(), LoginRequest::default()).await;
    assert!(matches!(result, Err(LoginError::Exchange(_))), "{result:?}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}
