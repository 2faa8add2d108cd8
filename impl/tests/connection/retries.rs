//! The opening of a connection is repeated after a passing failure; a call is not.

use std::time::{Duration, Instant};

use mcp_overlay_host::connection::{ConnectError, connect};
use serde_json::json;
use wiremock::matchers::{body_partial_json, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::endpoint::APPS_PATH;
use crate::support::{connect_docs, context, on, seen, server, sessions};

/// Answers the first `times` requests of this method with the status.
async fn fail(endpoint: &MockServer, name: &str, status: u16, times: u64) {
    Mock::given(method("POST"))
        .and(body_partial_json(json!({ "method": name })))
        .respond_with(ResponseTemplate::new(status))
        .up_to_n_times(times)
        .with_priority(1)
        .mount(endpoint)
        .await;
}

async fn count(endpoint: &MockServer, name: &str) -> usize {
    seen(endpoint).await.iter().filter(|kind| *kind == name).count()
}

#[tokio::test]
async fn a_handshake_and_the_first_list_are_tried_three_times() {
    for name in ["initialize", "notifications/initialized", "tools/list"] {
        for status in [500, 503] {
            let endpoint = sessions().await;
            fail(&endpoint, name, status, 2).await;
            let began = Instant::now();
            let connection = connect_docs(&endpoint, &context()).await.unwrap();
            assert_eq!(connection.tools().len(), 1);
            assert_eq!(count(&endpoint, name).await, 3, "{name}");
            assert!(began.elapsed() >= Duration::from_millis(1_250));
        }
    }
}

#[tokio::test]
async fn the_third_failure_is_final() {
    let endpoint = sessions().await;
    fail(&endpoint, "initialize", 502, 3).await;
    let error = connect_docs(&endpoint, &context()).await.unwrap_err();
    assert!(matches!(error, ConnectError::HttpStatus { status: 502, .. }), "{error:?}");
    assert_eq!(count(&endpoint, "initialize").await, 3);
}

#[tokio::test]
async fn other_failures_are_final_at_once() {
    for status in [400, 401, 403, 404, 429] {
        let endpoint = sessions().await;
        fail(&endpoint, "initialize", status, 1).await;
        assert!(connect_docs(&endpoint, &context()).await.is_err());
        assert_eq!(count(&endpoint, "initialize").await, 1, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_yet_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}{APPS_PATH}");
    let (docs, context) = (server(&json!({ "url": url })), context());
    let late = async {
        // After the first attempt, before the last.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let there = sessions_at(std::net::TcpListener::bind(address).unwrap()).await;
        // Kept until the connection is made.
        std::future::pending::<()>().await;
        drop(there);
    };
    tokio::select! {
        connection = connect("docs", &docs, &context) => drop(connection.unwrap()),
        () = late => {}
    }
}

/// A server with one tool at this address.
async fn sessions_at(listener: std::net::TcpListener) -> MockServer {
    let endpoint = MockServer::builder().listener(listener).start().await;
    on(&endpoint, "initialize", |request| {
        crate::support::result(request, &crate::endpoint::initialize_result())
    })
    .await;
    on(&endpoint, "notifications/initialized", |_| ResponseTemplate::new(202)).await;
    on(&endpoint, "tools/list", |request| {
        crate::support::result(request, &json!({ "tools": [crate::endpoint::tool("a")] }))
    })
    .await;
    endpoint
}

#[tokio::test]
async fn no_attempt_begins_after_the_startup_timeout() {
    let endpoint = sessions().await;
    fail(&endpoint, "initialize", 503, 10).await;
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let docs = server(&json!({ "url": url, "startup_timeout_sec": 0.8 }));
    let began = Instant::now();
    let error = connect("docs", &docs, &context()).await.unwrap_err();
    // The reason, not that the time is over.
    assert!(matches!(error, ConnectError::HttpStatus { status: 503, .. }), "{error:?}");
    assert_eq!(count(&endpoint, "initialize").await, 2);
    assert!(began.elapsed() < Duration::from_millis(800));
}

#[tokio::test]
async fn a_call_is_never_repeated() {
    for status in [500, 503] {
        let endpoint = sessions().await;
        fail(&endpoint, "tools/call", status, 1).await;
        let connection = connect_docs(&endpoint, &context()).await.unwrap();
        let error = connection.call_tool("a", None, None).await.unwrap_err();
        assert!(matches!(error, ConnectError::HttpStatus { .. }), "{error:?}");
        assert_eq!(count(&endpoint, "tools/call").await, 1);
        // The connection is still good.
        assert!(connection.call_tool("a", None, None).await.is_ok());
    }
}

#[tokio::test]
async fn the_longest_startup_timeout_is_no_limit() {
    let endpoint = sessions().await;
    fail(&endpoint, "initialize", 503, 1).await;
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let docs = server(&json!({ "url": url, "startup_timeout_sec": i64::MAX }));
    assert!(connect("docs", &docs, &context()).await.is_ok());
}
