//! Processes that write too much or nest too deeply.

use std::time::{Duration, Instant};

use mcp_overlay_host::connection::{ConnectError, Connection, connect};
use serde_json::json;

use crate::processes::{START, plain, script};

async fn run(text: &str) -> Connection {
    let folder = tempfile::tempdir().unwrap();
    let more = json!({ "tool_timeout_sec": 20 });
    connect("sh", &script(&format!("{START}{text}"), folder.path(), more), &plain()).await.unwrap()
}

/// The reason why a call fails, long before its timeout.
async fn reason(connection: &Connection) -> &'static str {
    let begin = Instant::now();
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let ConnectError::Protocol { reason, .. } = error else { panic!("{error:?}") };
    tokio::time::timeout(Duration::from_secs(3), connection.closed()).await.unwrap();
    reason
}

/// Writes a response to a call that nests this deeply in total.
fn answer_of(depth: usize) -> String {
    let list = depth - 3;
    let (open, close) = ("[".repeat(list), "]".repeat(list));
    format!(
        "read -r line; echo '{{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{{\"content\":[],\
         \"structuredContent\":{{\"[[\\\"[[\":{open}{close}}}}}}}'; cat >/dev/null"
    )
}

#[tokio::test]
async fn a_response_nested_too_deeply_is_rejected() {
    let connection = run(&answer_of(127)).await;
    connection.call_tool("a", None, None).await.unwrap();
    connection.shutdown().await;
    assert_eq!(reason(&run(&answer_of(128)).await).await, "it is nested too deeply");
    // A line that is not a message is ignored, at any depth.
    let noise = "[".repeat(300);
    let connection = run(&format!("echo '{noise}'; {}", answer_of(4))).await;
    connection.call_tool("a", None, None).await.unwrap();
    connection.shutdown().await;
}

#[tokio::test]
async fn a_process_that_sends_requests_without_reading_responses_is_ended() {
    // Below the other bound.
    let ask = r#"seq 9000 | sed 's/.*/{"jsonrpc":"2.0","id":&,"method":"ping"}/'; sleep 300"#;
    let connection = run(ask).await;
    assert_eq!(reason(&connection).await, "it sends requests without reading the responses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_writes_without_end_is_ended() {
    for line in [r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#, "noise"] {
        let connection = run(&format!("exec yes '{line}'")).await;
        assert_eq!(reason(&connection).await, "it writes too many unsolicited messages");
    }
}

/// The bound on unsolicited lines does not apply to responses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requested_responses_do_not_count_as_unsolicited() {
    let text = r#"exec sed -un \
        's/.*"id":\([0-9]*\).*/{"jsonrpc":"2.0","id":\1,"result":{"content":[]}}/p'"#;
    let connection = run(text).await;
    let call = || async { connection.call_tool("a", None, None).await.unwrap() };
    for _ in 0..300 {
        futures_util::future::join_all((0..50).map(|_| call())).await;
    }
    connection.shutdown().await;
}
