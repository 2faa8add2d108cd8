//! Requests use the current sign-in, not that of the start of a thread.

use serde_json::json;

use crate::support::{Client, Home, chatgpt};
use crate::views::{apps, settings};

const UNKNOWN: &str = "unknown MCP server 'codex_apps'";

#[tokio::test]
async fn no_request_carries_the_credentials_after_a_logout() {
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
async fn a_changed_auth_json_applies_to_the_next_request() {
    let server = apps().await;
    let home = Home::new(&settings(&server)).signed_in();
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
    home.auth(&json!({ "OPENAI_API_KEY": "sk-of-the-test" }));
    assert_eq!(client.call(&thread, "codex_apps", "mail_read").await.unwrap_err().1, UNKNOWN);
    assert!(client.names().await.is_empty());
    // An invalid file counts as signed out.
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

/// An Apps endpoint that refuses the first token of the test.
async fn picky() -> wiremock::MockServer {
    let server = apps().await;
    wiremock::Mock::given(wiremock::matchers::header(
        "authorization",
        format!("Bearer {}", crate::support::ACCESS_TOKEN).as_str(),
    ))
    .respond_with(wiremock::ResponseTemplate::new(401))
    .with_priority(1)
    .mount(&server)
    .await;
    server
}

#[tokio::test]
async fn a_new_sign_in_restarts_servers_that_failed_without_it() {
    let server = picky().await;
    let home = Home::new(&settings(&server));
    let mut expired = chatgpt(crate::support::ACCESS_TOKEN);
    expired["tokens"]["refresh_token"] = json!(null);
    home.auth(&expired);
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    let failed = client.startup("codex_apps", "failed").await;
    assert!(failed["error"].as_str().unwrap().contains("sign in again"), "{failed}");
    let error = client.call(&thread, "codex_apps", "mail_read").await.unwrap_err();
    assert!(error.1.contains("sign in again"), "{error:?}");
    // The same account, with valid tokens.
    home.auth(&chatgpt("a-new-token"));
    assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
    client.finish().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_a_sign_out() {
    let server = apps().await;
    let home = Home::new(&settings(&server)).signed_in();
    let mut client = Client::at(&home).await;
    client.thread().await;
    client.startup("codex_apps", "ready").await;
    std::fs::remove_file(home.path().join("auth.json")).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    // A new sign-in gets a new connection.
    home.auth(&chatgpt("a-new-token"));
    client.startup("codex_apps", "ready").await;
    client.finish().await;
}
