//! A server that died or did not start is started again at its next use.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Client, Home, stdio, test_server};

#[tokio::test]
async fn a_process_that_died_is_started_again_at_its_next_use() {
    // It answers initialize, tools/list and one call, and dies at the next.
    let home = Home::new(&stdio("docs", &["--crash-after", "3"]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    for _ in 0..2 {
        assert!(client.call(&thread, "docs", "echo").await.is_ok());
        // This request may have arrived, so it is not sent again.
        let (_, message) = client.call(&thread, "docs", "echo").await.unwrap_err();
        assert!(message.contains("exited"), "{message}");
    }
    client.startup("docs", "ready").await;
    client.startup("docs", "starting").await;
    client.startup("docs", "ready").await;
    client.finish().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_did_not_start_is_started_at_its_next_use() {
    let home = Home::new("");
    let program = home.path().join("server");
    home.config(&format!("[mcp_servers.docs]\ncommand = {program:?}\nargs = [\"stdio\"]\n"));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    client.startup("docs", "failed").await;
    let (_, message) = client.call(&thread, "docs", "echo").await.unwrap_err();
    assert!(message.contains("cannot be started"), "{message}");
    std::os::unix::fs::symlink(test_server(), &program).unwrap();
    assert!(client.call(&thread, "docs", "echo").await.is_ok());
    client.finish().await;
}

#[tokio::test]
async fn all_uses_that_wait_share_one_restart() {
    let home = Home::new(&stdio("docs", &["--crash-after", "30", "--delay-ms", "300"]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    let mut calls = 0;
    while client.call(&thread, "docs", "pid").await.is_ok() {
        calls += 1;
        assert!(calls < 40, "it does not die");
    }
    let params = json!({ "threadId": thread, "server": "docs", "tool": "pid" });
    let mut waiting = BTreeSet::new();
    for _ in 0..20 {
        waiting.insert(client.send("mcpServer/tool/call", params.clone()).await);
    }
    let mut pids = BTreeSet::new();
    while !waiting.is_empty() {
        let message = client.message().await.unwrap();
        if message["id"].as_i64().is_some_and(|id| waiting.remove(&id)) {
            assert!(message["result"].is_object(), "{message}");
            pids.insert(message["result"]["content"][0]["text"].to_string());
        }
    }
    assert_eq!(pids.len(), 1, "{pids:?}");
    client.finish().await;
}

#[tokio::test]
async fn a_server_that_always_crashes_is_restarted_more_and_more_slowly() {
    // It dies at its first call.
    let home = Home::new(&stdio("docs", &["--crash-after", "2"]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    assert!(client.call(&thread, "docs", "echo").await.is_err());
    let began = Instant::now();
    for _ in 0..4 {
        assert!(client.call(&thread, "docs", "echo").await.is_err());
    }
    // The first restart is immediate; the others wait 0.25, 0.5 and 1 second.
    assert!(began.elapsed() >= Duration::from_millis(1_750), "{:?}", began.elapsed());
    client.finish().await;
}

#[tokio::test]
async fn a_server_that_can_never_start_is_not_tried_again() {
    let home = Home::new("[mcp_servers.docs]\nurl = \"http://user:password@127.0.0.1/mcp\"\n");
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    client.startup("docs", "failed").await;
    let began = Instant::now();
    for _ in 0..10 {
        assert!(client.call(&thread, "docs", "echo").await.is_err());
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    client.finish().await;
}
