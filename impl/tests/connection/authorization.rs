//! The authorization of requests, and refusals.

use std::sync::Arc;
use std::time::Duration;

use mcp_overlay_host::connection::{ConnectContext, ConnectError, ServerAddress, connect};
use mcp_overlay_host::hosted_apps::CODEX_APPS;
use mcp_overlay_host::{Environment, Profile, ServerConfig};
use serde_json::json;
use wiremock::matchers::{any, header as with_header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::endpoint::{APPS_PATH, Form, credentials, working};
use crate::support::{
    Script, Source, connect_docs, context, header, on, result, seen, server, sessions, until_seen,
    what, with_oauth,
};

fn docs_at(endpoint: &MockServer) -> ServerAddress {
    ServerAddress { server: "docs".into(), at: endpoint.uri() }
}

/// The tokens of all requests, by JSON-RPC method.
async fn tokens(endpoint: &MockServer) -> Vec<(String, Option<String>)> {
    let requests = endpoint.received_requests().await.unwrap();
    requests.iter().map(|request| (what(request), header(request, "authorization"))).collect()
}

#[tokio::test]
async fn every_request_carries_the_current_authorization() {
    let endpoint = sessions().await;
    let script = Script::new(
        &[Some("t1"), Some("t2"), Some("t3"), Some("t4"), Some("t5"), Some("t6"), Some("t7")],
        None,
    );
    let connection = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap();
    until_seen(&endpoint, "GET").await;
    connection.call_tool("a", None, None).await.unwrap();
    connection.shutdown().await;

    let all = tokens(&endpoint).await;
    let mut kinds: Vec<_> = all.iter().map(|(what, _)| what.as_str()).collect();
    let mut sent: Vec<_> = all.iter().map(|(_, token)| token.clone().unwrap()).collect();
    kinds.sort_unstable();
    sent.sort_unstable();
    let expected =
        ["DELETE", "GET", "initialize", "notifications/initialized", "tools/call", "tools/list"];
    assert_eq!(kinds, expected);
    // Six requests, so six calls of the authorizer.
    let expected = ["t1", "t2", "t3", "t4", "t5", "t6"].map(|token| format!("Bearer {token}"));
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_resumed_stream_carries_the_current_authorization() {
    let endpoint = sessions().await;
    // The stream of the response breaks and is resumed.
    let begin = "id: 1\nretry: 5\ndata:\n\n";
    let broken = ResponseTemplate::new(200).set_body_raw(begin, "text/event-stream");
    Mock::given(|request: &wiremock::Request| what(request) == "tools/call")
        .respond_with(broken)
        .with_priority(1)
        .mount(&endpoint)
        .await;
    let rest = "id: 2\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[]}}\n\n";
    let rest = ResponseTemplate::new(200).set_body_raw(rest, "text/event-stream");
    Mock::given(method("GET"))
        .and(with_header("last-event-id", "1"))
        .respond_with(rest)
        .with_priority(1)
        .mount(&endpoint)
        .await;
    let script = Script::new(&[Some("t")], None);
    let connection = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap();
    until_seen(&endpoint, "GET").await;
    *script.tokens.lock().unwrap() = [Some("call"), Some("rest")].into();
    connection.call_tool("a", None, None).await.unwrap();
    let requests = endpoint.received_requests().await.unwrap();
    let resumed = requests.iter().find(|r| header(r, "last-event-id").is_some()).unwrap();
    assert_eq!(header(resumed, "authorization").as_deref(), Some("Bearer rest"));
    connection.shutdown().await;
}

#[tokio::test]
async fn a_refused_request_is_retried_once_with_new_headers() {
    let endpoint = MockServer::start().await;
    let refuse = ResponseTemplate::new(401)
        .insert_header("WWW-Authenticate", "Bearer error=\"invalid_token\"");
    Mock::given(with_header("authorization", "Bearer old"))
        .respond_with(refuse)
        .with_priority(1)
        .mount(&endpoint)
        .await;
    on(&endpoint, "initialize", |r| result(r, &crate::endpoint::initialize_result())).await;
    on(&endpoint, "notifications/initialized", |_| ResponseTemplate::new(202)).await;
    on(&endpoint, "tools/list", |r| result(r, &json!({ "tools": [] }))).await;
    let script = Script::new(&[Some("old"), Some("new")], Some("new"));
    let connection = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap();
    connection.shutdown().await;

    let expected = ["initialize", "initialize", "notifications/initialized", "tools/list"];
    assert_eq!(seen(&endpoint).await, expected);
    let refusals = script.refusals.lock().unwrap();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].status, 401);
    assert_eq!(refusals[0].challenge.as_deref(), Some("Bearer error=\"invalid_token\""));
    let sent: Vec<_> = refusals[0].sent.iter().collect();
    assert_eq!(sent[0].1, "Bearer old");
    assert!(!format!("{:?}", refusals[0]).contains("old"));
}

#[tokio::test]
async fn a_final_refusal_says_what_to_do() {
    let challenged =
        ResponseTemplate::new(401).insert_header("WWW-Authenticate", "Bearer realm=\"t\"");
    for refuse in [ResponseTemplate::new(401), challenged] {
        for (other, requests) in [(None, 1), (Some("other"), 2)] {
            let endpoint = MockServer::start().await;
            Mock::given(any()).respond_with(refuse.clone()).mount(&endpoint).await;
            let script = Script::new(&[Some("secret-token")], other);
            let error = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap_err();
            let advice = "log in once more".to_owned();
            let address = docs_at(&endpoint);
            let expected = ConnectError::Unauthorized { address, status: 401, advice };
            assert_eq!(error, expected);
            assert!(error.to_string().contains("log in once more"), "{error}");
            assert!(!format!("{error} {error:?}").contains("secret-token"));
            assert_eq!(seen(&endpoint).await.len(), requests);
            assert_eq!(script.refusals.lock().unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_missing_scope_is_a_refusal_and_another_403_is_not() {
    let scope = "Bearer error=\"insufficient_scope\", scope=\"b\"";
    for (challenge, refusals) in [(Some(scope), 1), (Some("Bearer realm=\"b\""), 0), (None, 0)] {
        let endpoint = MockServer::start().await;
        let mut refuse = ResponseTemplate::new(403);
        if let Some(challenge) = challenge {
            refuse = refuse.insert_header("WWW-Authenticate", challenge);
        }
        Mock::given(any()).respond_with(refuse).mount(&endpoint).await;
        let script = Script::new(&[Some("t")], None);
        let error = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap_err();
        assert_eq!(script.refusals.lock().unwrap().len(), refusals);
        let address = docs_at(&endpoint);
        let expected = if refusals == 1 {
            let advice = "log in once more".to_owned();
            ConnectError::Unauthorized { address, status: 403, advice }
        } else {
            ConnectError::HttpStatus { address, status: 403 }
        };
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn nothing_is_sent_without_authorization() {
    let endpoint = sessions().await;
    let script = Script::new(&[None], None);
    let error = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap_err();
    let reason = "you are signed out: sign in".to_owned();
    let expected = ConnectError::NotAuthorized { address: docs_at(&endpoint), reason };
    assert_eq!(error, expected);
    assert_eq!(seen(&endpoint).await.len(), 0);
}

#[tokio::test]
async fn nothing_is_sent_once_the_authorization_is_gone() {
    let endpoint = sessions().await;
    let script = Script::new(&[Some("t")], None);
    let connection = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap();
    until_seen(&endpoint, "GET").await;
    let before = seen(&endpoint).await.len();
    *script.tokens.lock().unwrap() = [None].into();
    for _ in 0..2 {
        let call = connection.call_tool("a", None, None).await.unwrap_err();
        assert!(matches!(call, ConnectError::NotAuthorized { .. }), "{call:?}");
        let list = connection.list_tools().await.unwrap_err();
        assert!(matches!(list, ConnectError::NotAuthorized { .. }), "{list:?}");
    }
    // Nor is the session deleted.
    connection.shutdown().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(seen(&endpoint).await.len(), before);
}

#[tokio::test]
async fn a_cached_resource_is_not_served_after_a_sign_out() {
    let endpoint = sessions().await;
    on(&endpoint, "resources/read", |request| {
        let contents = json!([{ "uri": "a://b", "text": "private" }]);
        result(request, &json!({ "contents": contents, "ttlMs": 600_000 }))
    })
    .await;
    let script = Script::new(&[Some("t")], None);
    let connection = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap();
    connection.read_resource("a://b").await.unwrap();
    *script.tokens.lock().unwrap() = [None].into();
    let error = connection.read_resource("a://b").await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAuthorized { .. }), "{error:?}");
    connection.shutdown().await;
}

#[tokio::test]
async fn host_credentials_are_for_the_apps_server_only() {
    let endpoint = working(Form::Json).await;
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let context = ConnectContext { host_credentials: Some(Arc::new(credentials())), ..context() };
    for name in ["docs", "Codex_apps", "codex_apps2", "codex-apps"] {
        let connection = connect(name, &server(&json!({ "url": url })), &context).await.unwrap();
        connection.list_tools().await.unwrap();
        connection.shutdown().await;
    }
    let requests = endpoint.received_requests().await.unwrap();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(header(&request, "authorization"), None);
        assert_eq!(header(&request, "chatgpt-account-id"), None);
        assert!(!format!("{request:?}").contains("access-token-1"));
    }
    let apps = connect(CODEX_APPS, &server(&json!({ "url": url })), &context).await.unwrap();
    apps.shutdown().await;
    let requests = endpoint.received_requests().await.unwrap();
    let token = header(requests.last().unwrap(), "authorization");
    assert_eq!(token.as_deref(), Some("Bearer access-token-1"));
}

/// Rule `credentials.where-auth-says`: neither the name nor the field is enough at another origin.
/// At ChatGPT's own origin the tests of `tls` look.
#[tokio::test]
async fn with_the_field_auth_host_credentials_stay_at_chatgpts_origin() {
    for profile in [Profile::CodexPr29924, Profile::CodexPr31803] {
        let endpoint = working(Form::Json).await;
        let url = format!("{}{APPS_PATH}", endpoint.uri());
        let script = Script::new(&[Some("oauth")], None);
        let context = ConnectContext {
            host_credentials: Some(Arc::new(credentials())),
            environment: Environment::default().with_profile(profile),
            ..with_oauth(&script)
        };
        let config = json!({ "url": url, "auth": "chatgpt" });
        let field = ServerConfig::from_json(&config, profile).unwrap().value;
        for name in [CODEX_APPS, "docs"] {
            for config in [&field, &server(&json!({ "url": url }))] {
                connect(name, config, &context).await.unwrap().shutdown().await;
            }
        }
        let mut sent: Vec<_> =
            tokens(&endpoint).await.into_iter().map(|(_, token)| token).collect();
        sent.dedup();
        assert_eq!(sent, [None, Some("Bearer oauth".to_owned())], "{profile}");
        for request in endpoint.received_requests().await.unwrap() {
            assert!(!format!("{request:?}").contains("access-token-1"));
            assert_eq!(header(&request, "chatgpt-account-id"), None);
        }
        let docs = format!("docs {url}");
        assert_eq!(*script.asked.lock().unwrap(), [docs.clone(), docs]);
    }
}

#[tokio::test]
async fn oauth_is_never_asked_about_the_apps_server() {
    let endpoint = working(Form::Json).await;
    let config = server(&json!({ "url": format!("{}{APPS_PATH}", endpoint.uri()) }));
    let script = Script::new(&[Some("oauth")], None);
    let error = connect(CODEX_APPS, &config, &with_oauth(&script)).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoCredentials { .. }), "{error:?}");
    let both =
        ConnectContext { host_credentials: Some(Arc::new(credentials())), ..with_oauth(&script) };
    connect(CODEX_APPS, &config, &both).await.unwrap().shutdown().await;
    assert!(script.asked.lock().unwrap().is_empty());
    for (_, token) in tokens(&endpoint).await {
        assert_eq!(token.as_deref(), Some("Bearer access-token-1"));
    }
}

#[tokio::test]
async fn changed_host_credentials_apply_to_the_next_request() {
    let endpoint = working(Form::Json).await;
    let config = server(&json!({
        "url": format!("{}{APPS_PATH}", endpoint.uri()),
        "http_headers": { "ChatGPT-Account-ID": "configured", "Authorization": "configured" },
    }));
    let script = Script::new(&[Some("one"), Some("two")], None);
    let source = Arc::new(Source(Arc::clone(&script)));
    let context = ConnectContext { host_credentials: Some(source), ..context() };
    connect(CODEX_APPS, &config, &context).await.unwrap().shutdown().await;
    let requests = endpoint.received_requests().await.unwrap();
    assert_eq!(header(&requests[0], "authorization").as_deref(), Some("Bearer one"));
    for request in &requests[1..] {
        assert_eq!(header(request, "authorization").as_deref(), Some("Bearer two"));
    }
    assert!(requests.iter().all(|request| header(request, "chatgpt-account-id").is_none()));
}

#[tokio::test]
async fn a_token_variable_takes_precedence_over_oauth_and_must_be_set() {
    let endpoint = working(Form::Json).await;
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let config = server(&json!({ "url": url, "bearer_token_env_var": "DOCS_TOKEN" }));
    let script = Script::new(&[Some("oauth")], None);
    let unset = with_oauth(&script);
    let error = connect("docs", &config, &unset).await.unwrap_err();
    let variable = "DOCS_TOKEN".to_owned();
    assert_eq!(error, ConnectError::NoToken { address: docs_at(&endpoint), variable });
    assert_eq!(seen(&endpoint).await.len(), 0);

    let environment = Environment::from_pairs([("DOCS_TOKEN", "from-env")]);
    let set = ConnectContext { environment, ..unset };
    connect("docs", &config, &set).await.unwrap().shutdown().await;
    for (_, token) in tokens(&endpoint).await {
        assert_eq!(token.as_deref(), Some("Bearer from-env"));
    }
    assert!(script.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_configured_header_is_sent_unless_there_is_other_authorization() {
    let endpoint = working(Form::Json).await;
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let headers = json!({ "Authorization": "Basic x", "X-Other": "y" });
    let config = server(&json!({ "url": url, "http_headers": headers }));
    let script = Script::new(&[Some("oauth")], None);
    for (context, expected) in [(context(), "Basic x"), (with_oauth(&script), "Bearer oauth")] {
        endpoint.reset().await;
        // Only the request matters.
        connect("docs", &config, &context).await.unwrap_err();
        let requests = endpoint.received_requests().await.unwrap();
        let values: Vec<_> = requests[0].headers.get_all("authorization").iter().collect();
        assert_eq!(values, [expected]);
        assert_eq!(header(&requests[0], "x-other").as_deref(), Some("y"));
    }
    assert_eq!(*script.asked.lock().unwrap(), [format!("docs {url}")]);
}

#[tokio::test]
async fn a_server_that_requires_authorization_reports_that_a_login_is_needed() {
    let endpoint = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&endpoint).await;
    let error = connect_docs(&endpoint, &context()).await.unwrap_err();
    assert_eq!(error, ConnectError::LoginRequired { address: docs_at(&endpoint) });
    assert!(error.to_string().contains("log in"), "{error}");
}

#[tokio::test]
async fn another_origin_never_sees_the_authorization() {
    let other = working(Form::Json).await;
    let endpoint = MockServer::start().await;
    let location = format!("{}{APPS_PATH}", other.uri());
    let away = ResponseTemplate::new(307).insert_header("Location", location);
    Mock::given(method("POST")).respond_with(away).mount(&endpoint).await;
    let script = Script::new(&[Some("t")], Some("t2"));
    let error = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap_err();
    let to = other.uri();
    assert_eq!(error, ConnectError::RedirectRefused { address: docs_at(&endpoint), to });
    assert_eq!(seen(&other).await.len(), 0);
}

#[tokio::test]
async fn a_redirected_request_carries_the_current_authorization() {
    let endpoint = sessions().await;
    let script = Script::new(&[Some("t")], None);
    let connection = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap();
    until_seen(&endpoint, "GET").await;
    let moved = ResponseTemplate::new(307).insert_header("location", "/elsewhere");
    Mock::given(|request: &wiremock::Request| {
        what(request) == "tools/call" && request.url.path() == APPS_PATH
    })
    .respond_with(moved)
    .with_priority(1)
    .mount(&endpoint)
    .await;

    *script.tokens.lock().unwrap() = [Some("first"), Some("second")].into();
    connection.call_tool("a", None, None).await.unwrap();
    // Signed out between the two requests.
    *script.tokens.lock().unwrap() = [Some("third"), None].into();
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAuthorized { .. }), "{error:?}");
    let mut calls = tokens(&endpoint).await;
    calls.retain(|(what, _)| what == "tools/call");
    let sent: Vec<_> = calls.into_iter().map(|(_, token)| token.unwrap()).collect();
    assert_eq!(sent, ["Bearer first", "Bearer second", "Bearer third"]);
    connection.shutdown().await;
}

#[tokio::test]
async fn a_redirect_with_a_user_name_is_refused() {
    let endpoint = sessions().await;
    let to = format!("http://me:secret@{}/elsewhere", endpoint.address());
    let moved = ResponseTemplate::new(307).insert_header("location", to.as_str());
    Mock::given(|request: &wiremock::Request| request.url.path() == APPS_PATH)
        .respond_with(moved)
        .with_priority(1)
        .mount(&endpoint)
        .await;
    let script = Script::new(&[Some("t")], None);
    let error = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap_err();
    assert!(matches!(error, ConnectError::BadRedirect { .. }), "{error:?}");
}

#[tokio::test]
async fn the_apps_servers_own_token_is_not_sent_after_a_sign_out() {
    let endpoint = sessions().await;
    let script = Script::new(&[Some("t")], None);
    let context = ConnectContext {
        host_credentials: Some(Arc::new(Source(Arc::clone(&script)))),
        environment: Environment::from_pairs([("TOKEN", "of-the-variable")]),
        ..context()
    };
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let config = server(&json!({ "url": url, "bearer_token_env_var": "TOKEN" }));
    let apps = connect(CODEX_APPS, &config, &context).await.unwrap();
    let docs = connect("docs", &config, &context).await.unwrap();
    apps.call_tool("a", None, None).await.unwrap();
    let all = tokens(&endpoint).await;
    let sent =
        |(_, token): &(String, Option<String>)| token.as_deref() == Some("Bearer of-the-variable");
    assert!(all.iter().all(sent), "{all:?}");

    *script.tokens.lock().unwrap() = [None].into();
    let before = tokens(&endpoint).await.len();
    let error = apps.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAuthorized { .. }), "{error:?}");
    apps.shutdown().await;
    assert_eq!(tokens(&endpoint).await.get(before..), Some([].as_slice()));
    // The sign-in does not affect other servers.
    docs.call_tool("a", None, None).await.unwrap();
    docs.shutdown().await;
}

#[tokio::test]
async fn a_refused_token_of_the_apps_server_reports_its_variable() {
    let endpoint = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&endpoint).await;
    let context = ConnectContext {
        host_credentials: Some(Arc::new(credentials())),
        environment: Environment::from_pairs([("TOKEN", "of-the-variable")]),
        ..context()
    };
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let config = server(&json!({ "url": url, "bearer_token_env_var": "TOKEN" }));
    let error = connect(CODEX_APPS, &config, &context).await.unwrap_err();
    assert!(matches!(error, ConnectError::TokenRefused { .. }), "{error:?}");
}
