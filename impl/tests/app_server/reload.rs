//! `config/mcpServer/reload`: every thread takes over the new configuration.

use serde_json::json;

use crate::support::{Client, Home, stdio};

async fn reload(client: &mut Client) -> Result<serde_json::Value, (i64, String)> {
    client.request("config/mcpServer/reload", json!(null)).await
}

/// The process that serves this thread.
async fn pid(client: &mut Client, thread: &str, server: &str) -> String {
    client.call(thread, server, "pid").await.unwrap()["content"][0]["text"].to_string()
}

#[tokio::test]
async fn a_new_server_shows_in_the_status_at_once_and_in_a_thread_after_a_reload() {
    let home = Home::new(&stdio("docs", &[]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    let before = pid(&mut client, &thread, "docs").await;
    home.config(&(stdio("docs", &[]) + &stdio("search", &[])));
    assert_eq!(client.names().await, ["docs", "search"]);
    let of_thread = json!({ "threadId": thread });
    let status = client.request("mcpServerStatus/list", of_thread).await.unwrap();
    assert_eq!(status["data"].as_array().unwrap().len(), 2);
    let unknown = (-32603, "unknown MCP server 'search'".to_owned());
    assert_eq!(client.call(&thread, "search", "echo").await.unwrap_err(), unknown);
    reload(&mut client).await.unwrap();
    assert!(client.call(&thread, "search", "echo").await.is_ok());
    // An unchanged server keeps running.
    assert_eq!(pid(&mut client, &thread, "docs").await, before);
    client.finish().await;
}

#[tokio::test]
async fn a_call_in_progress_keeps_its_connection_across_a_reload() {
    let slow = stdio("docs", &["--call-delay-ms", "1000"]);
    let home = Home::new(&slow);
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    let before = pid(&mut client, &thread, "docs").await;
    let params = json!({ "threadId": thread, "server": "docs", "tool": "pid" });
    let in_flight = client.send("mcpServer/tool/call", params).await;
    home.config(&stdio("docs", &["--name", "other"]));
    reload(&mut client).await.unwrap();
    // The next call uses the new server while the old one is still busy.
    let after = pid(&mut client, &thread, "docs").await;
    assert_ne!(after, before);
    let result = client.answer(in_flight, "mcpServer/tool/call").await.unwrap();
    assert_eq!(result["content"][0]["text"].to_string(), before);
    // Then it is closed.
    let process = format!("/proc/{}", before.trim_matches(|c: char| !c.is_ascii_digit()));
    for _ in 0..100 {
        if !std::path::Path::new(&process).exists() {
            return client.finish().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{process} is still there");
}

#[tokio::test]
async fn the_latest_reload_wins() {
    let home = Home::new("");
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    for name in ["a", "b", "c"] {
        home.config(&stdio(name, &[]));
        reload(&mut client).await.unwrap();
    }
    for name in ["a", "b"] {
        assert!(client.call(&thread, name, "echo").await.is_err());
    }
    assert!(client.call(&thread, "c", "echo").await.is_ok());
    client.finish().await;
}

#[tokio::test]
async fn a_superseded_start_is_cancelled() {
    let home = Home::new(&stdio("docs", &["--delay-ms", "60000"]));
    let mut client = Client::at(&home).await;
    client.thread().await;
    client.startup("docs", "starting").await;
    home.config("");
    reload(&mut client).await.unwrap();
    client.startup("docs", "cancelled").await;
    client.finish().await;
}

#[tokio::test]
async fn an_invalid_config_is_reported_with_line_and_column_and_changes_nothing() {
    let home = Home::new(&stdio("docs", &[]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    for (broken, place) in [
        ("[mcp_servers", "config.toml:1:13: "),
        ("\n  mcp_servers.docs.args = []\n", "config.toml:2:"),
    ] {
        home.config(broken);
        let (code, message) = reload(&mut client).await.unwrap_err();
        assert_eq!(code, -32603);
        assert!(message.contains(place), "{message}");
        assert!(client.call(&thread, "docs", "echo").await.is_ok());
        assert_eq!(client.request("mcpServerStatus/list", json!({})).await.unwrap_err().0, -32603);
    }
    client.finish().await;
}

#[tokio::test]
async fn a_reload_restarts_a_server_that_exited() {
    let home = Home::new(&stdio("docs", &["--crash-after", "3"]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    let mut calls = 0;
    while client.call(&thread, "docs", "echo").await.is_ok() {
        calls += 1;
        assert!(calls < 10, "it does not die");
    }
    client.startup("docs", "ready").await;
    reload(&mut client).await.unwrap();
    // Without a use.
    client.startup("docs", "ready").await;
    client.finish().await;
}

/// The startup statuses of these servers until each has the last one, in the order of arrival.
async fn startups(client: &mut Client, thread: &str, count: usize) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let event = client.notification("mcpServer/startupStatus/updated").await;
        assert_eq!(event["threadId"], json!(thread));
        let word = |key: &str| event[key].as_str().unwrap().to_owned();
        seen.push((word("name"), word("status")));
    }
    seen.sort();
    seen
}

#[tokio::test]
async fn a_reload_announces_kept_servers_as_ready() {
    let home = Home::new(&stdio("docs", &[]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    client.startup("docs", "ready").await;
    home.config(&(stdio("docs", &[]) + &stdio("search", &[])));
    reload(&mut client).await.unwrap();
    let seen = startups(&mut client, &thread, 3).await;
    let wanted = [("docs", "ready"), ("search", "ready"), ("search", "starting")];
    assert_eq!(seen, wanted.map(|(name, status)| (name.to_owned(), status.to_owned())));
    client.finish().await;
}

#[tokio::test]
async fn a_reload_announces_a_server_that_is_still_starting_once() {
    let home = Home::new(&stdio("docs", &["--delay-ms", "500"]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    client.startup("docs", "starting").await;
    reload(&mut client).await.unwrap();
    assert!(client.call(&thread, "docs", "echo").await.is_ok());
    reload(&mut client).await.unwrap();
    // One of the start, one of the second reload.
    let seen = startups(&mut client, &thread, 2).await;
    assert!(seen.iter().all(|(_, status)| status == "ready"), "{seen:?}");
    client.finish().await;
}
