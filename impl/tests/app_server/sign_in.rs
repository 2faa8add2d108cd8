//! `account/login/start`: a sign-in through the protocol.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Client, Home};
use crate::views::{apps, settings};

const UNKNOWN: &str = "unknown MCP server 'codex_apps'";

/// A JWT that says `chatgpt_plan_type: pro`.
fn token(signature: &str) -> String {
    let claims = "eyJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF9wbGFuX3R5cGUiOiJwcm8ifX0";
    format!("e30.{claims}.{signature}")
}

fn tokens(signature: &str, account: &str) -> Value {
    json!({
        "type": "chatgptAuthTokens",
        "accessToken": token(signature),
        "chatgptAccountId": account,
    })
}

async fn login(client: &mut Client, params: Value) -> Result<Value, (i64, String)> {
    client.request("account/login/start", params).await
}

/// What a sign-in is followed by: the auth mode and the plan.
async fn updated(client: &mut Client) -> (Value, Value) {
    let completed = client.notification("account/login/completed").await;
    assert_eq!(completed, json!({ "loginId": null, "success": true, "error": null }));
    let updated = client.notification("account/updated").await;
    (updated["authMode"].clone(), updated["planType"].clone())
}

/// Whether a file in the home holds this text.
fn is_on_disk(home: &Path, secret: &str) -> bool {
    let files = std::fs::read_dir(home).unwrap().map(|file| file.unwrap().path());
    files
        .filter(|file| file.is_file())
        .any(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).contains(secret))
}

#[tokio::test]
async fn an_api_key_replaces_the_stored_sign_in() {
    let server = apps().await;
    let home = Home::new(&settings(&server)).signed_in();
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
    let before = server.received_requests().await.unwrap().len();
    let key = json!({ "type": "apiKey", "apiKey": "sk-of-the-test" });
    assert_eq!(login(&mut client, key).await.unwrap(), json!({ "type": "apiKey" }));
    // At once: the call is sent before the notifications are read.
    assert_eq!(client.call(&thread, "codex_apps", "mail_read").await.unwrap_err().1, UNKNOWN);
    assert_eq!(updated(&mut client).await, (json!("apikey"), Value::Null));
    let file = home.path().join("auth.json");
    let stored: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(stored, json!({ "auth_mode": "apikey", "OPENAI_API_KEY": "sk-of-the-test" }));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    client.request("account/logout", json!(null)).await.unwrap();
    assert!(!file.exists());
    client.finish().await;
    assert_eq!(server.received_requests().await.unwrap().len(), before);
}

#[tokio::test]
async fn tokens_count_for_every_thread_and_are_not_stored() {
    let server = apps().await;
    let home = Home::new(&settings(&server));
    home.auth(&json!({ "auth_mode": "apikey", "OPENAI_API_KEY": "sk-of-the-test" }));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    assert_eq!(client.call(&thread, "codex_apps", "mail_read").await.unwrap_err().1, UNKNOWN);
    for (signature, account) in [("first", "account-1"), ("second", "account-1"), ("third", "b")] {
        let answer = login(&mut client, tokens(signature, account)).await.unwrap();
        assert_eq!(answer, json!({ "type": "chatgptAuthTokens" }));
        assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
        assert_eq!(updated(&mut client).await, (json!("chatgptAuthTokens"), json!("pro")));
        let requests = server.received_requests().await.unwrap();
        let last = &requests.last().unwrap().headers;
        assert_eq!(last["authorization"], format!("Bearer {}", token(signature)));
        assert_eq!(last["chatgpt-account-id"], account);
        assert!(!is_on_disk(home.path(), signature));
    }
    assert!(is_on_disk(home.path(), "sk-of-the-test"));
    let other = client.thread().await;
    assert!(client.call(&other, "codex_apps", "mail_read").await.is_ok());
    assert_eq!(client.status().await[0]["authStatus"], "bearerToken");
    // Also the stored sign-in is removed, as in Codex.
    client.request("account/logout", json!(null)).await.unwrap();
    let before = server.received_requests().await.unwrap().len();
    assert_eq!(client.call(&thread, "codex_apps", "mail_read").await.unwrap_err().1, UNKNOWN);
    assert!(client.names().await.is_empty());
    assert!(!home.path().join("auth.json").exists());
    client.finish().await;
    assert_eq!(server.received_requests().await.unwrap().len(), before);
}

#[tokio::test]
async fn the_client_may_name_the_plan() {
    let mut client = Client::at(&Home::new("")).await;
    for (plan, shown) in [("team", "team"), ("a new plan", "unknown")] {
        let mut params = tokens("x", "account-1");
        params["chatgptPlanType"] = json!(plan);
        login(&mut client, params).await.unwrap();
        assert_eq!(updated(&mut client).await.1, shown);
    }
    client.finish().await;
}

#[tokio::test]
async fn a_refused_sign_in_changes_nothing_and_shows_no_secret() {
    let server = apps().await;
    let home = Home::new(&settings(&server));
    let mut client = Client::at(&home).await;
    login(&mut client, tokens("valid", "account-1")).await.unwrap();
    let thread = client.thread().await;
    let with = |name: &str, value: Value| {
        let mut params = tokens("secret", "account-2");
        params[name] = value;
        params
    };
    for (wrong, code) in [
        // The stored key would not count.
        (json!({ "type": "apiKey", "apiKey": "sk-secret" }), -32600),
        (json!({ "type": "apiKey", "apiKey": " " }), -32600),
        (json!({ "type": "chatgpt" }), -32600),
        (json!({ "type": "secret" }), -32602),
        (json!({ "type": "apiKey", "apiKey": { "secret": "secret" } }), -32602),
        (json!({ "apiKey": "sk-secret" }), -32602),
        (with("accessToken", json!("secret")), -32603),
        (with("accessToken", json!("e30.e30.secret\nsecret")), -32603),
        (with("accessToken", json!(["secret"])), -32602),
        (with("accessToken", Value::Null), -32602),
        (with("chatgptAccountId", json!("secret\u{1}")), -32603),
        (with("chatgptAccountId", json!(7)), -32602),
        (with("chatgptPlanType", json!(["secret"])), -32602),
    ] {
        let error = login(&mut client, wrong.clone()).await.unwrap_err();
        assert_eq!(error.0, code, "{wrong}: {error:?}");
        assert!(!error.1.contains("secret"), "{error:?}");
    }
    assert!(!is_on_disk(home.path(), "secret"));
    assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
    client.finish().await;
    for request in server.received_requests().await.unwrap() {
        assert_eq!(request.headers["chatgpt-account-id"], "account-1");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_stored_is_an_error() {
    let home = Home::new("");
    let mut client = Client::at(&home).await;
    // A folder cannot be replaced by a file.
    std::fs::create_dir_all(home.path().join("auth.json/x")).unwrap();
    let key = json!({ "type": "apiKey", "apiKey": "sk-secret" });
    let (code, message) = login(&mut client, key).await.unwrap_err();
    assert_eq!(code, -32603);
    assert!(message.contains("auth.json: cannot be written"), "{message}");
    assert!(!message.contains("sk-secret") && !is_on_disk(home.path(), "sk-secret"));
    client.finish().await;
}

#[tokio::test]
async fn a_reload_that_signs_out_also_forgets_the_tokens_of_an_orchestrator() {
    use mcp_overlay_host::app_server::Mode;
    let server = apps().await;
    let mut client = Client::of(crate::support::options(Mode::Orchestrator, Default::default()));
    let config = json!({ "orchestrator": { "config": settings(&server) } });
    client.initialize(config).await.unwrap();
    login(&mut client, tokens("x", "account-1")).await.unwrap();
    assert_eq!(client.names().await, ["codex_apps"]);
    client.request("config/mcpServer/reload", json!({ "auth": null })).await.unwrap();
    assert!(client.names().await.is_empty());
    client.finish().await;
}
