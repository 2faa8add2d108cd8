//! `thread/start` with `config`: settings of one thread over those of the file.

use serde_json::{Value, json};

use crate::support::{Client, Home, stdio, test_server};

async fn start(client: &mut Client, config: Value) -> Result<String, (i64, String)> {
    let result = client.request("thread/start", json!({ "config": config })).await?;
    Ok(result["thread"]["id"].as_str().unwrap().to_owned())
}

/// The name that the server gives itself.
async fn has(client: &mut Client, thread: &str, server: &str) -> bool {
    client.call(thread, server, "echo").await.is_ok()
}

#[tokio::test]
async fn a_thread_has_the_servers_of_its_own_config_and_of_the_file() {
    let home = Home::new(&stdio("docs", &[]));
    let mut client = Client::at(&home).await;
    let own = json!({ "command": test_server(), "args": ["stdio"] });
    for config in [
        json!({ "mcp_servers": { "own": own } }),
        json!({ "mcp_servers.own": own }),
        json!({ "mcp_servers.own.command": test_server(), "mcp_servers.own.args": ["stdio"] }),
    ] {
        let thread = start(&mut client, config).await.unwrap();
        assert!(has(&mut client, &thread, "own").await);
        assert!(has(&mut client, &thread, "docs").await);
    }
    // Other threads and requests without a thread do not have it.
    let other = client.thread().await;
    assert!(!has(&mut client, &other, "own").await);
    assert_eq!(client.names().await, ["docs"]);
    client.finish().await;
}

#[tokio::test]
async fn the_config_of_a_thread_counts_after_a_reload_too() {
    let home = Home::new(&stdio("docs", &[]));
    let mut client = Client::at(&home).await;
    let thread = start(&mut client, json!({ "mcp_servers.docs.enabled": false })).await.unwrap();
    let other = client.thread().await;
    assert!(!has(&mut client, &thread, "docs").await);
    home.config(&(stdio("docs", &[]) + &stdio("search", &[])));
    client.request("config/mcpServer/reload", json!(null)).await.unwrap();
    assert!(!has(&mut client, &thread, "docs").await);
    assert!(has(&mut client, &thread, "search").await);
    assert!(has(&mut client, &other, "docs").await);
    client.finish().await;
}

#[tokio::test]
async fn a_reload_that_breaks_one_thread_changes_no_thread() {
    let home = Home::new(&stdio("docs", &[]));
    let mut client = Client::at(&home).await;
    let thread = start(&mut client, json!({ "mcp_servers.own.enabled": false })).await;
    // A server without a transport is invalid.
    let (code, message) = thread.unwrap_err();
    assert_eq!(code, -32600);
    assert!(message.starts_with("failed to load configuration: "), "{message}");
    home.config(&(stdio("docs", &[]) + &stdio("own", &[])));
    let thread = start(&mut client, json!({ "mcp_servers.own.enabled": false })).await.unwrap();
    let other = client.thread().await;
    home.config(&stdio("search", &[]));
    let reloaded = client.request("config/mcpServer/reload", json!(null)).await;
    assert_eq!(reloaded.unwrap_err().0, -32603);
    for thread in [&thread, &other] {
        assert!(has(&mut client, thread, "docs").await);
        assert!(!has(&mut client, thread, "search").await);
    }
    client.finish().await;
}

#[tokio::test]
async fn an_invalid_config_starts_no_thread_and_shows_no_value() {
    let home = Home::new("");
    let mut client = Client::at(&home).await;
    let secret = json!({ "mcp_servers.a": { "command": "true", "env": "secret-of-the-test" } });
    let deep = json!({ "a.".repeat(1_000): 1 });
    let large = json!({ "a": "x".repeat(1 << 20) });
    for wrong in [secret, deep, large] {
        let (code, message) = start(&mut client, wrong).await.unwrap_err();
        assert_eq!(code, -32600);
        assert!(message.starts_with("failed to load configuration: "), "{message}");
        assert!(!message.contains("secret-of-the-test"), "{message}");
    }
    assert!(start(&mut client, json!(null)).await.is_ok());
    client.line(r#"{"id":100,"method":"thread/start","params":{"config":[1]}}"#).await;
    assert_eq!(client.answer(100, "thread/start").await.unwrap_err().0, -32602);
    client.finish().await;
}

#[tokio::test]
async fn a_broken_file_starts_no_thread() {
    let home = Home::new("");
    let mut client = Client::at(&home).await;
    for (broken, place) in [
        ("[mcp_servers", "config.toml:1:13: "),
        ("\n  mcp_servers.docs.args = []\n", "config.toml:2:"),
    ] {
        home.config(broken);
        let (code, message) = client.request("thread/start", json!({})).await.unwrap_err();
        assert_eq!(code, -32600);
        assert!(message.starts_with("failed to load configuration: /"), "{message}");
        assert!(message.contains(place), "{message}");
    }
    home.config(&stdio("docs", &[]));
    let thread = client.thread().await;
    assert!(has(&mut client, &thread, "docs").await);
    client.finish().await;
}
