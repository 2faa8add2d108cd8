//! A server that opens an event stream for a response and then says nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_overlay_host::connection::{ConnectError, connect};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{context, server};

/// The streams that the client opened and has not closed.
#[derive(Clone, Default)]
struct Open(Arc<AtomicUsize>);

/// Reads a request, and returns its body.
async fn request(stream: &mut TcpStream) -> Option<Value> {
    let mut text = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        text.extend_from_slice(&chunk[..read]);
        let all = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = all.split_once("\r\n\r\n") else { continue };
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.unwrap_or("0").trim().parse().unwrap();
        if body.len() >= length {
            return Some(serde_json::from_str(body).unwrap_or_default());
        }
    }
}

async fn serve(mut stream: TcpStream, open: Open) {
    while let Some(message) = request(&mut stream).await {
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "stuck", "version": "1" },
            }),
            Some("tools/list") => {
                let tool = |name| json!({ "name": name, "inputSchema": { "type": "object" } });
                json!({ "tools": [tool("stuck"), tool("silent"), tool("fine")] })
            }
            Some("tools/call") if message["params"]["name"] == "fine" => json!({ "content": [] }),
            Some("tools/call") => {
                open.0.fetch_add(1, Ordering::SeqCst);
                if message["params"]["name"] == "stuck" {
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: \n\n";
                    stream.write_all(head.as_bytes()).await.unwrap();
                }
                // Until the client hangs up.
                let _ = stream.read(&mut [0; 16]).await;
                open.0.fetch_sub(1, Ordering::SeqCst);
                return;
            }
            _ => {
                let head = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(head.as_bytes()).await.unwrap();
                continue;
            }
        };
        let body = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }
}

/// Its URL, and its open streams.
async fn stuck() -> (String, Open) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let open = Open::default();
    let opened = open.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, opened.clone()));
        }
    });
    (url, open)
}

#[tokio::test]
async fn a_stuck_response_ends_at_the_timeout_and_its_stream_is_closed() {
    let (url, open) = stuck().await;
    let docs = server(&json!({ "url": url, "tool_timeout_sec": 0.5 }));
    let connection = connect("docs", &docs, &context()).await.unwrap();
    for tool in ["stuck", "silent"] {
        let error = connection.call_tool(tool, None, None).await.unwrap_err();
        assert!(matches!(error, ConnectError::Timeout { .. }), "{error:?}");
        let closed = async {
            while open.0.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3), closed).await.expect("a closed stream");
        // The connection is still good.
        assert!(connection.call_tool("fine", None, None).await.is_ok());
    }
    assert!(!connection.is_closed());
}

#[tokio::test]
async fn a_stuck_response_delays_no_other_call_and_not_the_end() {
    let (url, _) = stuck().await;
    let docs = server(&json!({ "url": url, "tool_timeout_sec": 30 }));
    let connection = Arc::new(connect("docs", &docs, &context()).await.unwrap());
    let held = Arc::clone(&connection);
    let held = tokio::spawn(async move { held.call_tool("stuck", None, None).await });
    for _ in 0..5 {
        assert!(connection.call_tool("fine", None, None).await.is_ok());
    }
    let ended = tokio::time::timeout(Duration::from_secs(3), connection.shutdown()).await;
    assert!(ended.is_ok());
    assert!(held.await.unwrap().is_err());
}
