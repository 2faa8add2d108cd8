//! `mcpServer/oauth/login`: refusals, and the notification at the end.

use serde_json::{Value, json};

use crate::provider::{Provider, browse};
use crate::support::{Client, Home, stdio};
use crate::views::{apps, settings};

const FILE_STORE: &str = "mcp_oauth_credentials_store = \"file\"\n";

fn settings_of(provider: &Provider) -> String {
    format!("{FILE_STORE}[mcp_servers.docs]\nurl = {:?}\n", provider.url())
}

async fn auth_status(client: &mut Client) -> Value {
    client.status().await[0]["authStatus"].clone()
}

#[tokio::test]
async fn servers_without_a_login_are_refused() {
    let server = apps().await;
    let home = Home::new(&(settings(&server) + &stdio("docs", &[]))).signed_in();
    let mut client = Client::at(&home).await;
    for (name, reason) in [
        ("other", "No MCP server named 'other' found."),
        ("docs", "OAuth login is only supported for streamable HTTP servers."),
        ("codex_apps", "uses the host's own credentials"),
    ] {
        let error = client.request("mcpServer/oauth/login", json!({ "name": name })).await;
        let (code, message) = error.unwrap_err();
        assert_eq!(code, -32600);
        assert!(message.contains(reason), "{message}");
    }
    client.finish().await;
}

#[tokio::test]
async fn a_login_ends_with_a_notification_and_stores_the_tokens() {
    let provider = Provider::start().await;
    let home = Home::new(&settings_of(&provider));
    let mut client = Client::at(&home).await;
    assert_eq!(auth_status(&mut client).await, "notLoggedIn");
    let params = json!({ "name": "docs", "scopes": ["read"] });
    let result = client.request("mcpServer/oauth/login", params).await.unwrap();
    let (status, _) = browse(result["authorizationUrl"].as_str().unwrap().to_owned()).await;
    assert_eq!(status, 200);
    let completed = client.notification("mcpServer/oauthLogin/completed").await;
    assert_eq!(completed, json!({ "name": "docs", "success": true, "error": null }));
    assert_eq!(auth_status(&mut client).await, "oAuth");
    client.finish().await;
}

#[tokio::test]
async fn an_unfinished_login_fails_after_its_timeout() {
    let provider = Provider::start().await;
    let mut client = Client::at(&Home::new(&settings_of(&provider))).await;
    for wrong in [0, -1] {
        let params = json!({ "name": "docs", "timeoutSecs": wrong });
        assert_eq!(client.request("mcpServer/oauth/login", params).await.unwrap_err().0, -32600);
    }
    let params = json!({ "name": "docs", "timeoutSecs": 1 });
    client.request("mcpServer/oauth/login", params).await.unwrap();
    let completed = client.notification("mcpServer/oauthLogin/completed").await;
    assert_eq!(completed["success"], false);
    assert!(completed["error"].is_string());
    assert_eq!(auth_status(&mut client).await, "notLoggedIn");
    client.finish().await;
}

#[tokio::test]
async fn a_status_after_a_login_is_not_shared_with_an_earlier_request() {
    let provider = Provider::start().await;
    let slow = stdio("slow", &["--delay-ms", "1500"]);
    let home = Home::new(&(settings_of(&provider) + &slow));
    let mut client = Client::at(&home).await;
    let result = client.request("mcpServer/oauth/login", json!({ "name": "docs" })).await.unwrap();
    let before = client.send("mcpServerStatus/list", json!({})).await;
    // By then the first status has found no login, and waits for the slow server.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    browse(result["authorizationUrl"].as_str().unwrap().to_owned()).await;
    client.notification("mcpServer/oauthLogin/completed").await;
    let after = client.send("mcpServerStatus/list", json!({})).await;
    let first = client.answer(before, "mcpServerStatus/list").await.unwrap();
    assert_eq!(first["data"][0]["authStatus"], "notLoggedIn");
    let second = client.answer(after, "mcpServerStatus/list").await.unwrap();
    assert_eq!(second["data"][0]["authStatus"], "oAuth");
    client.finish().await;
}

#[tokio::test]
async fn the_first_status_after_a_refused_refresh_says_not_logged_in() {
    let provider = Provider::start().await;
    // The access token has expired when it arrives.
    provider.state().expires_in = Some(0);
    let mut client = Client::at(&Home::new(&settings_of(&provider))).await;
    let result = client.request("mcpServer/oauth/login", json!({ "name": "docs" })).await.unwrap();
    browse(result["authorizationUrl"].as_str().unwrap().to_owned()).await;
    client.notification("mcpServer/oauthLogin/completed").await;
    // From now on a refresh gets `invalid_grant`.
    provider.state().refresh_token = None;
    assert_eq!(auth_status(&mut client).await, "notLoggedIn");
    client.finish().await;
}
