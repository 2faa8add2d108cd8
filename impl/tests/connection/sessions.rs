//! Lost sessions, and the end of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mcp_overlay_host::connection::ConnectError;
use serde_json::json;
use wiremock::matchers::{header as with_header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    Script, connect_docs, context, header, seen, sessions, until_seen, what, with_oauth,
};

/// Makes the server forget its first session.
async fn forget(endpoint: &MockServer) {
    Mock::given(method("POST"))
        .and(with_header("mcp-session-id", "session-1"))
        .respond_with(ResponseTemplate::new(404))
        .with_priority(1)
        .mount(endpoint)
        .await;
}

#[tokio::test]
async fn a_lost_session_is_replaced() {
    let endpoint = sessions().await;
    let script = Script::new(&[Some("t")], None);
    let connection = connect_docs(&endpoint, &with_oauth(&script)).await.unwrap();
    forget(&endpoint).await;
    connection.call_tool("a", None, None).await.unwrap();
    let requests = endpoint.received_requests().await.unwrap();
    let calls: Vec<_> = requests.iter().filter(|request| what(request) == "tools/call").collect();
    let sessions: Vec<_> =
        calls.iter().map(|call| header(call, "mcp-session-id").unwrap()).collect();
    assert_eq!(sessions, ["session-1", "session-2"]);
    assert_eq!(requests.iter().filter(|request| what(request) == "initialize").count(), 2);
    for request in &requests {
        assert_eq!(header(request, "authorization").as_deref(), Some("Bearer t"));
    }

    // An earlier failure is not reported.
    let broken = ResponseTemplate::new(500);
    Mock::given(with_header("mcp-session-id", "session-2"))
        .respond_with(broken)
        .with_priority(1)
        .mount(&endpoint)
        .await;
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::HttpStatus { status: 500, .. }), "{error:?}");
    connection.shutdown().await;
}

#[tokio::test]
async fn a_failed_new_session_reports_its_own_failure() {
    let endpoint = sessions().await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    forget(&endpoint).await;
    Mock::given(with_header("mcp-session-id", "session-2"))
        .and(|request: &wiremock::Request| what(request) == "tools/call")
        .respond_with(ResponseTemplate::new(200).set_body_raw("", "text/event-stream"))
        .with_priority(1)
        .mount(&endpoint)
        .await;
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
    connection.shutdown().await;
}

#[tokio::test]
async fn many_calls_survive_the_loss_of_a_session() {
    let endpoint = sessions().await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    forget(&endpoint).await;
    let calls = (0..10).map(|_| connection.call_tool("a", None, None));
    for outcome in futures_util::future::join_all(calls).await {
        outcome.unwrap();
    }
    let initialized = seen(&endpoint).await.iter().filter(|kind| *kind == "initialize").count();
    assert_eq!(initialized, 2);
    connection.shutdown().await;
}

#[tokio::test]
async fn a_session_that_cannot_be_replaced_reports_why() {
    let endpoint = sessions().await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    forget(&endpoint).await;
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    Mock::given(move |request: &wiremock::Request| {
        is_down.load(Ordering::Relaxed) && what(request) == "initialize"
    })
    .respond_with(ResponseTemplate::new(503))
    .with_priority(1)
    .mount(&endpoint)
    .await;
    let calls = (0..3).map(|_| connection.call_tool("a", None, None));
    for outcome in futures_util::future::join_all(calls).await {
        let error = outcome.unwrap_err();
        assert!(matches!(error, ConnectError::HttpStatus { status: 503, .. }), "{error:?}");
    }
    down.store(false, Ordering::Relaxed);
    connection.call_tool("a", None, None).await.unwrap();
    connection.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_deletes_the_session_once_and_waits() {
    let endpoint = sessions().await;
    let connection = Arc::new(connect_docs(&endpoint, &context()).await.unwrap());
    until_seen(&endpoint, "GET").await;
    let closed = tokio::spawn({
        let connection = Arc::clone(&connection);
        async move { connection.closed().await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!closed.is_finished());
    tokio::join!(connection.shutdown(), connection.shutdown());
    connection.shutdown().await;
    closed.await.unwrap();
    let ends = seen(&endpoint).await.into_iter().filter(|kind| kind == "DELETE").count();
    assert_eq!(ends, 1);
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::Closed { .. }), "{error:?}");
    assert!(error.to_string().starts_with("docs at http"), "{error}");
}

#[tokio::test]
async fn a_shutdown_ends_calls_in_progress() {
    let endpoint = sessions().await;
    let connection = Arc::new(connect_docs(&endpoint, &context()).await.unwrap());
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(|request: &wiremock::Request| what(request) == "tools/call")
        .respond_with(slow)
        .with_priority(1)
        .mount(&endpoint)
        .await;
    let call = tokio::spawn({
        let connection = Arc::clone(&connection);
        async move { connection.call_tool("a", None, None).await }
    });
    until_seen(&endpoint, "tools/call").await;
    // The call does not wait for the response.
    let slow = ResponseTemplate::new(204).set_delay(Duration::from_secs(30));
    Mock::given(method("DELETE")).respond_with(slow).with_priority(1).mount(&endpoint).await;
    let begin = Instant::now();
    let (outcome, ()) = tokio::join!(
        async {
            let outcome = call.await.unwrap();
            assert!(begin.elapsed() < Duration::from_secs(1));
            outcome
        },
        connection.shutdown(),
    );
    let error = outcome.unwrap_err();
    assert!(matches!(error, ConnectError::Closed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_shutdown_waits_a_bounded_time_for_the_server() {
    let endpoint = sessions().await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    let slow = ResponseTemplate::new(204).set_delay(Duration::from_secs(30));
    Mock::given(method("DELETE")).respond_with(slow).with_priority(1).mount(&endpoint).await;
    let begin = Instant::now();
    connection.shutdown().await;
    assert!(begin.elapsed() < Duration::from_millis(2_500));
}

#[tokio::test]
async fn connections_start_independently() {
    let slow = MockServer::start().await;
    let never = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(method("POST")).respond_with(never).mount(&slow).await;
    let quick = sessions().await;
    let done = AtomicUsize::new(0);
    let begin = Instant::now();
    let config = json!({ "url": slow.uri(), "startup_timeout_sec": 0.7 });
    let config = crate::support::server(&config);
    let context = context();
    let (late, early) =
        tokio::join!(mcp_overlay_host::connection::connect("slow", &config, &context), async {
            let connection = connect_docs(&quick, &context).await;
            done.fetch_add(1, Ordering::Relaxed);
            assert!(begin.elapsed() < Duration::from_millis(600));
            connection
        },);
    assert!(matches!(late.unwrap_err(), ConnectError::StartupTimeout { .. }));
    early.unwrap().shutdown().await;
}
