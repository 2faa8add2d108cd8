//! Who is signed in counts now: not at the start of a thread, and not a moment ago.

use serde_json::json;

use crate::support::{Client, Home, chatgpt};
use crate::views::{apps, settings};

const UNKNOWN: &str = "unknown MCP server 'codex_apps'";

#[tokio::test]
async fn after_a_logout_nothing_carries_the_credentials() {
    let server = apps().await;
    let home = Home::new(&settings(&server)).signed_in();
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
    client.request("account/logout", json!(null)).await.unwrap();
    assert!(!home.path().join("auth.json").exists());
    assert_eq!(client.notification("account/updated").await["authMode"], json!(null));
    let before = server.received_requests().await.unwrap().len();
    assert_eq!(client.call(&thread, "codex_apps", "mail_read").await.unwrap_err().1, UNKNOWN);
    assert!(client.names().await.is_empty());
    let params = json!({ "server": "codex_apps", "uri": "x" });
    assert_eq!(client.request("mcpServer/resource/read", params).await.unwrap_err().1, UNKNOWN);
    client.finish().await;
    assert_eq!(server.received_requests().await.unwrap().len(), before);
}

#[tokio::test]
async fn a_change_of_auth_json_is_noticed_at_the_next_request() {
    let server = apps().await;
    let home = Home::new(&settings(&server)).signed_in();
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
    home.auth(&json!({ "OPENAI_API_KEY": "sk-of-the-test" }));
    assert_eq!(client.call(&thread, "codex_apps", "mail_read").await.unwrap_err().1, UNKNOWN);
    assert!(client.names().await.is_empty());
    // Broken is signed out, not what it was before.
    std::fs::write(home.path().join("auth.json"), "{").unwrap();
    assert!(client.names().await.is_empty());
    let mut other = chatgpt("another-token");
    other["tokens"]["account_id"] = json!("account-456");
    home.auth(&other);
    assert_eq!(client.names().await, ["codex_apps"]);
    let before = server.received_requests().await.unwrap().len();
    assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
    client.finish().await;
    let requests = server.received_requests().await.unwrap();
    assert!(requests.len() > before);
    for request in &requests[before..] {
        assert_eq!(request.headers["authorization"], "Bearer another-token");
        assert_eq!(request.headers["chatgpt-account-id"], "account-456");
    }
}
