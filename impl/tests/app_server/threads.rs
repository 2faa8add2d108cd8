//! Threads, their servers, and calls on them.

use serde_json::json;

use crate::support::{Client, Home, stdio};

#[tokio::test]
async fn requests_before_initialize_are_refused_and_so_is_a_second_initialize() {
    let home = Home::new("");
    let mode = mcp_overlay_host::app_server::Mode::Local { codex_home: home.path().to_owned() };
    let mut client = Client::of(crate::support::options(mode, <_>::default()));
    let refused = client.request("app/list", json!({})).await.unwrap_err();
    assert_eq!(refused, (-32600, "Not initialized".to_owned()));
    let result = client.initialize(json!({})).await.unwrap();
    assert_eq!(result["codexHome"], home.path().to_str().unwrap());
    let again = client.initialize(json!({})).await.unwrap_err();
    assert_eq!(again, (-32600, "Already initialized".to_owned()));
    client.finish().await;
}

#[tokio::test]
async fn a_thread_starts_its_servers_and_sends_startup_notifications() {
    let config = stdio("docs", &[])
        + "[mcp_servers.off]\nenabled = false\ncommand = \"false\"\n"
        + "[mcp_servers.gone]\ncommand = \"/no/such/program\"\n"
        + "[mcp_servers.\"a name\"]\ncommand = \"true\"\n";
    let mut client = Client::at(&Home::new(&config)).await;
    let thread = client.thread().await;
    let started = client.notification("thread/started").await;
    assert_eq!(started["thread"]["id"], json!(thread));
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let event = client.notification("mcpServer/startupStatus/updated").await;
        assert_eq!(event["threadId"], json!(thread));
        let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        seen.push((word("name"), word("status"), word("error")));
    }
    let of = |name: &str| -> Vec<_> { seen.iter().filter(|event| event.0 == name).collect() };
    assert_eq!(of("docs").iter().map(|e| &*e.1).collect::<Vec<_>>(), ["starting", "ready"]);
    assert_eq!(of("gone").iter().map(|e| &*e.1).collect::<Vec<_>>(), ["starting", "failed"]);
    assert!(of("gone")[1].2.contains("gone"), "{seen:?}");
    assert!(of("a name")[1].2.contains("name"), "{seen:?}");
    assert!(of("off").is_empty());
    client.finish().await;
}

#[tokio::test]
async fn a_tool_call_carries_the_thread_id() {
    let mut client = Client::at(&Home::new(&stdio("docs", &[]))).await;
    let thread = client.thread().await;
    let params = json!({
        "threadId": thread, "server": "docs", "tool": "echo",
        "arguments": { "text": "x" }, "_meta": { "mine": 1 },
    });
    let result = client.request("mcpServer/tool/call", params).await.unwrap();
    let echoed = &result["structuredContent"];
    assert_eq!(echoed["arguments"], json!({ "text": "x" }));
    assert_eq!(echoed["_meta"]["threadId"], json!(thread));
    assert_eq!(echoed["_meta"]["mine"], json!(1));
    client.finish().await;
}

#[tokio::test]
async fn unknown_names_are_errors() {
    let config = stdio("docs", &[]) + "disabled_tools = [\"pid\"]\n";
    let mut client = Client::at(&Home::new(&config)).await;
    let thread = client.thread().await;
    let error = client.call(&thread, "other", "echo").await.unwrap_err();
    assert_eq!(error, (-32603, "unknown MCP server 'other'".to_owned()));
    for id in ["0198c0de-0000-7000-8000-000000000000", "not-an-id"] {
        let error = client.call(id, "docs", "echo").await.unwrap_err();
        assert_eq!(error, (-32600, format!("thread not found: {id}")));
    }
    assert!(client.call(&thread, "docs", "pid").await.unwrap_err().1.contains("pid"));
    let error = client.request("mcpServer/tool/calls", json!({})).await.unwrap_err();
    assert_eq!(error, (-32601, "unknown method mcpServer/tool/calls".to_owned()));
    client.line(r#"{"id":100,"method":"mcpServer/tool/call","params":{"threadId":1}}"#).await;
    assert_eq!(client.answer(100, "mcpServer/tool/call").await.unwrap_err().0, -32602);
    client.finish().await;
}

#[tokio::test]
async fn a_thread_fails_if_a_required_server_fails() {
    let config = "[mcp_servers.gone]\nrequired = true\ncommand = \"/no/such/program\"\n";
    let home = Home::new(config);
    let mut client = Client::at(&home).await;
    let (code, message) = client.request("thread/start", json!({})).await.unwrap_err();
    assert_eq!(code, -32603);
    assert!(message.starts_with("required MCP servers failed to start: gone: "), "{message}");
    // A disabled server is not required.
    home.config(&format!("{config}enabled = false\n"));
    client.thread().await;
    client.finish().await;
}

#[tokio::test]
async fn a_slow_server_delays_no_other_server() {
    let config = stdio("slow", &["--delay-ms", "60000"]) + &stdio("docs", &[]);
    let mut client = Client::at(&Home::new(&config)).await;
    let thread = client.thread().await;
    assert!(client.call(&thread, "docs", "echo").await.is_ok());
    client.finish().await;
}

#[tokio::test]
async fn an_unsubscribed_thread_no_longer_exists() {
    let mut client = Client::at(&Home::new(&stdio("docs", &[]))).await;
    let thread = client.thread().await;
    client.startup("docs", "ready").await;
    let params = json!({ "threadId": thread });
    let result = client.request("thread/unsubscribe", params.clone()).await.unwrap();
    assert_eq!(result, json!({ "status": "unsubscribed" }));
    let error = client.call(&thread, "docs", "echo").await.unwrap_err();
    assert_eq!(error.0, -32600);
    let result = client.request("thread/unsubscribe", params).await.unwrap();
    assert_eq!(result, json!({ "status": "notLoaded" }));
    client.finish().await;
}
