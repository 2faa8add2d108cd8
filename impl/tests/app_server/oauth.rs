//! `mcpServer/oauth/login` and what it refuses.

use serde_json::json;

use crate::support::{Client, Home, stdio};
use crate::views::{apps, settings};

#[tokio::test]
async fn what_cannot_be_logged_in_to_is_refused() {
    let server = apps().await;
    let home = Home::new(&(settings(&server) + &stdio("docs", &[]))).signed_in();
    let mut client = Client::at(&home).await;
    for (name, reason) in [
        ("other", "No MCP server named 'other' found."),
        ("docs", "OAuth login is only supported for streamable HTTP servers."),
        ("codex_apps", "host credentials"),
    ] {
        let error = client.request("mcpServer/oauth/login", json!({ "name": name })).await;
        let (code, message) = error.unwrap_err();
        assert_eq!(code, -32600);
        assert!(message.contains(reason), "{message}");
    }
    client.finish().await;
}
