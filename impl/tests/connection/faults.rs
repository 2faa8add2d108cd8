//! Failing and hostile endpoints lead to a clear error within the startup timeout, without a token.

use std::time::{Duration, Instant};

use mcp_overlay_host::View;
use mcp_overlay_host::connection::{ConnectError, ConnectOptions, connect_apps};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use wiremock::matchers::{any, body_partial_json, method};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::endpoint::{
    APPS_PATH, Form, answer, apps_at, connect, credentials, id_of, initialize_result,
    mount_initialize, mount_tools, tool, view_of, working,
};

async fn view_at(base: &str) -> View {
    let url = format!("{base}{APPS_PATH}");
    view_of(&json!({ "url": url, "startup_timeout_sec": 1.5, "tool_timeout_sec": 0.5 })).await
}

/// The error of connecting, which must come before the startup timeout plus some slack.
async fn error_of(view: &View) -> ConnectError {
    let begin = Instant::now();
    let error = connect(view).await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(3), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("access-token-1") && !shown.contains("account-123"), "{shown}");
    assert!(shown.contains("codex_apps"));
    error
}

/// The error for refused host credentials.
fn refused(server: &MockServer) -> ConnectError {
    let (address, advice) = (apps_at(server), "sign in again".to_owned());
    ConnectError::Unauthorized { address, status: 401, advice }
}

/// A server that responds to every request with `response`.
async fn always(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

/// A server that initializes and responds to `tools/list` with `response`.
async fn on_tools(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    mount_initialize(&server, Form::Json).await;
    mount_tools(&server, move |_| response.clone()).await;
    server
}

#[tokio::test]
async fn http_error_statuses_say_what_to_do() {
    let cases = [
        (401, "sign in again"),
        (403, "HTTP 403"),
        (404, "HTTP 404"),
        (418, "HTTP 418"),
        (429, "wait"),
        (500, "try again later"),
        (503, "HTTP 503"),
    ];
    for (status, words) in cases {
        let echo = ResponseTemplate::new(status).set_body_string("access-token-1");
        for server in [always(echo.clone()).await, on_tools(echo).await] {
            let error = error_of(&view_at(&server.uri()).await).await;
            let expected = match status {
                401 => refused(&server),
                _ => ConnectError::HttpStatus { address: apps_at(&server), status },
            };
            assert_eq!(error, expected);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn a_challenge_with_401_is_unauthorized_too() {
    let response = ResponseTemplate::new(401).insert_header("WWW-Authenticate", "Bearer");
    let server = always(response).await;
    let error = error_of(&view_at(&server.uri()).await).await;
    assert_eq!(error, refused(&server));
}

#[tokio::test]
async fn a_refused_environment_token_names_the_variable() {
    let server = always(ResponseTemplate::new(401)).await;
    let url = format!("{}{APPS_PATH}", server.uri());
    let view = view_of(&json!({ "url": url, "bearer_token_env_var": "TOKEN" })).await;
    let env = mcp_overlay_host::Environment::from_pairs([("TOKEN", "env-token")]);
    let error = connect_apps(&view, Some(&credentials()), &env, ConnectOptions::default()).await;
    let error = error.unwrap_err();
    let expected =
        ConnectError::TokenRefused { address: apps_at(&server), variable: "TOKEN".into() };
    assert_eq!(error, expected);
    assert!(!error.to_string().contains("env-token"));
}

#[tokio::test]
async fn responses_that_are_not_mcp_are_protocol_errors() {
    let json = |body: &str| ResponseTemplate::new(200).set_body_raw(body, "application/json");
    let events = |body: &str| ResponseTemplate::new(200).set_body_raw(body, "text/event-stream");
    let responses = [
        json("access-token-1"),
        json("{}"),
        json(""),
        json("[]"),
        events("data: access-token-1\n\n"),
        events(""),
        ResponseTemplate::new(200).set_body_raw("<p>access-token-1", "text/html"),
        ResponseTemplate::new(200),
    ];
    for response in responses {
        for server in [always(response.clone()).await, on_tools(response).await] {
            let error = error_of(&view_at(&server.uri()).await).await;
            assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_request_accepted_without_a_response_fails() {
    let accepted = ResponseTemplate::new(202);
    let server = always(accepted.clone()).await;
    let error = error_of(&view_at(&server.uri()).await).await;
    assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
    // The response might still arrive on another stream.
    let server = on_tools(accepted).await;
    let error = error_of(&view_at(&server.uri()).await).await;
    assert!(matches!(error, ConnectError::StartupTimeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_json_rpc_error_shows_its_code() {
    let body = json!({ "jsonrpc": "2.0", "id": 0,
        "error": { "code": -32603, "message": "access-token-1" } });
    let server = always(ResponseTemplate::new(200).set_body_json(body)).await;
    let error = error_of(&view_at(&server.uri()).await).await;
    assert_eq!(error, ConnectError::Refused { address: apps_at(&server), code: -32603 });
}

#[tokio::test]
async fn a_hanging_server_times_out_at_startup() {
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    for server in [always(slow.clone()).await, on_tools(slow).await] {
        let error = error_of(&view_at(&server.uri()).await).await;
        let expected = ConnectError::StartupTimeout { address: apps_at(&server), seconds: 1.5 };
        assert_eq!(error, expected);
        assert!(error.to_string().contains("1.5 seconds"));
    }
}

#[tokio::test]
async fn the_connection_is_closed_after_the_startup_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let accepted = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        // Ends when the client closes the connection.
        let _ = stream.read_to_end(&mut all).await;
        all
    });
    let error = error_of(&view_at(&base).await).await;
    assert!(matches!(error, ConnectError::StartupTimeout { .. }));
    let seen = tokio::time::timeout(Duration::from_secs(2), accepted).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&seen).contains("initialize"));
}

/// A server with sessions, whose stream of server messages never starts.
async fn with_sessions() -> MockServer {
    let server = MockServer::start().await;
    let never = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(method("GET")).respond_with(never).mount(&server).await;
    let gone = ResponseTemplate::new(204);
    Mock::given(method("DELETE")).respond_with(gone).mount(&server).await;
    let initialize = json!({ "method": "initialize" });
    Mock::given(body_partial_json(initialize))
        .respond_with(|request: &Request| {
            let answer = answer(Form::Json, &id_of(request), &initialize_result());
            answer.insert_header("mcp-session-id", "session-1")
        })
        .with_priority(1)
        .mount(&server)
        .await;
    mount_initialize(&server, Form::Json).await;
    mount_tools(&server, |request| {
        answer(Form::Json, &id_of(request), &json!({ "tools": [tool("a")] }))
    })
    .await;
    server
}

#[tokio::test]
async fn the_session_is_deleted_however_the_connection_ends() {
    for wait in [true, false] {
        let server = with_sessions().await;
        let connection = connect(&view_at(&server.uri()).await).await.unwrap();
        if wait {
            connection.shutdown().await;
        } else {
            drop(connection);
        }
        let heard = async {
            loop {
                let requests = server.received_requests().await.unwrap();
                if requests.iter().any(|request| request.method.as_str() == "DELETE") {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), heard).await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_tcp_connection_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = error_of(&view_at(&base).await).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_unreachable_over_https() {
    let server = working(Form::Json).await;
    let base = server.uri().replace("http:", "https:");
    let error = error_of(&view_at(&base).await).await;
    // A system without trusted certificates fails before the connection.
    let expected = matches!(error, ConnectError::Unreachable { .. } | ConnectError::Tls { .. });
    assert!(expected, "{error:?}");
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_request_does_not_report_an_earlier_failure() {
    let server = working(Form::Json).await;
    let connection = connect(&view_at(&server.uri()).await).await.unwrap();
    server.reset().await;
    mount_tools(&server, |_| ResponseTemplate::new(500)).await;
    let error = connection.list_tools().await.unwrap_err();
    assert_eq!(error, ConnectError::HttpStatus { address: apps_at(&server), status: 500 });
    server.reset().await;
    mount_tools(&server, |request| {
        let error = json!({ "code": -32000, "message": "no" });
        let body = json!({ "jsonrpc": "2.0", "id": id_of(request), "error": error });
        ResponseTemplate::new(200).set_body_json(body)
    })
    .await;
    let error = connection.list_tools().await.unwrap_err();
    assert_eq!(error, ConnectError::Refused { address: apps_at(&server), code: -32000 });
    connection.shutdown().await;
}

#[tokio::test]
async fn another_origin_sees_nothing() {
    for status in [301, 302, 303, 307, 308] {
        let other = working(Form::Json).await;
        let location = format!("{}{APPS_PATH}?token=secret", other.uri());
        let response = ResponseTemplate::new(status).insert_header("Location", location);
        for server in [always(response.clone()).await, on_tools(response).await] {
            let error = error_of(&view_at(&server.uri()).await).await;
            let expected =
                ConnectError::RedirectRefused { address: apps_at(&server), to: other.uri() };
            assert_eq!(error, expected);
        }
        assert_eq!(other.received_requests().await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn redirects_within_the_origin_are_followed() {
    for (status, followed) in [(307, true), (308, true), (302, false)] {
        let server = working(Form::Json).await;
        let redirect = ResponseTemplate::new(status).insert_header("Location", APPS_PATH);
        Mock::given(wiremock::matchers::path("/old")).respond_with(redirect).mount(&server).await;
        let view = view_of(&json!({ "url": format!("{}/old", server.uri()) })).await;
        let result = connect(&view).await;
        assert_eq!(result.is_ok(), followed, "{status}");
        if let Err(error) = result {
            assert!(matches!(error, ConnectError::BadRedirect { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn the_number_of_redirects_is_bounded() {
    let response = ResponseTemplate::new(307).insert_header("Location", APPS_PATH);
    let server = always(response).await;
    let error = error_of(&view_at(&server.uri()).await).await;
    assert!(matches!(error, ConnectError::BadRedirect { .. }), "{error:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 6);
}

#[tokio::test]
async fn responses_and_lists_are_bounded() {
    let options = ConnectOptions {
        max_response_bytes: 2_000,
        max_items: 3,
        max_pages: 4,
        ..ConnectOptions::default()
    };
    let pages = [
        // Too many bytes, too many tools, too many pages.
        json!({ "tools": [tool(&"x".repeat(3_000))] }),
        json!({ "tools": [tool("a"), tool("b"), tool("c"), tool("d")] }),
        json!({ "tools": [], "nextCursor": "again" }),
    ];
    for page in pages {
        let server = MockServer::start().await;
        mount_initialize(&server, Form::Json).await;
        mount_tools(&server, move |request| answer(Form::Json, &id_of(request), &page)).await;
        let view = view_at(&server.uri()).await;
        let env = mcp_overlay_host::Environment::default();
        let result = connect_apps(&view, Some(&credentials()), &env, options.clone()).await;
        let error = result.unwrap_err();
        assert!(matches!(error, ConnectError::TooLarge { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn listing_again_has_its_own_timeout() {
    let server = working(Form::Json).await;
    let connection = connect(&view_at(&server.uri()).await).await.unwrap();
    server.reset().await;
    mount_tools(&server, |_| ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let error = connection.list_tools().await.unwrap_err();
    assert_eq!(error, ConnectError::Timeout { address: apps_at(&server), seconds: 0.5 });
    connection.shutdown().await;
}
