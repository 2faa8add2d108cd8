//! A host without a disk and without an executor.

use mcp_overlay_host::Environment;
use mcp_overlay_host::app_server::{AUTH_VARIABLE, CONFIG_VARIABLE, Mode};
use serde_json::{Value, json};

use crate::support::{ACCESS_TOKEN, Client, Home, chatgpt, options, stdio};
use crate::views::{apps, settings};

#[tokio::test]
async fn http_works_and_a_process_needs_an_executor() {
    let server = apps().await;
    let config = settings(&server) + &stdio("docs", &[]);
    let pairs =
        [(CONFIG_VARIABLE, config.clone()), (AUTH_VARIABLE, chatgpt(ACCESS_TOKEN).to_string())];
    let from_environment = (Environment::from_pairs(pairs), json!({}));
    let given = json!({ "orchestrator": { "config": config, "auth": chatgpt(ACCESS_TOKEN) } });
    for (environment, given) in [from_environment, (Environment::default(), given)] {
        let mut client = Client::of(options(Mode::Orchestrator, environment));
        let result = client.initialize(given).await.unwrap();
        assert_eq!(result["codexHome"], "/nonexistent");
        let thread = client.thread().await;
        let failed = client.startup("docs", "failed").await;
        assert!(failed["error"].as_str().unwrap().contains("needs an executor"), "{failed}");
        assert_eq!(client.names().await, ["codex_apps", "docs"]);
        assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
        let error = client.call(&thread, "docs", "echo").await.unwrap_err();
        assert!(error.1.contains("needs an executor"), "{error:?}");
        client.finish().await;
    }
}

#[tokio::test]
async fn a_reload_carries_the_new_configuration() {
    let server = apps().await;
    let mut client = Client::of(options(Mode::Orchestrator, Environment::default()));
    client.initialize(json!({})).await.unwrap();
    let thread = client.thread().await;
    assert!(client.names().await.is_empty());
    let new = json!({ "config": settings(&server), "auth": chatgpt(ACCESS_TOKEN) });
    client.request("config/mcpServer/reload", new).await.unwrap();
    assert!(client.call(&thread, "codex_apps", "mail_read").await.is_ok());
    client.request("account/logout", Value::Null).await.unwrap();
    assert!(client.names().await.is_empty());
    client.finish().await;
}

#[tokio::test]
async fn no_setting_can_read_the_sign_in_variables() {
    let server = apps().await;
    let config = format!(
        "[mcp_servers.docs]\nurl = \"{}/api/codex/ps/mcp\"\nbearer_token_env_var = {AUTH_VARIABLE:?}\n",
        server.uri()
    );
    let pairs = [(AUTH_VARIABLE, "a-token"), (CONFIG_VARIABLE, config.as_str())];
    let environment = Environment::from_pairs(pairs);
    let mut client = Client::of(options(Mode::Orchestrator, environment));
    client.initialize(json!({})).await.unwrap();
    client.thread().await;
    let failed = client.startup("docs", "failed").await;
    assert!(failed["error"].as_str().unwrap().contains(AUTH_VARIABLE), "{failed}");
    client.finish().await;
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_invalid_reload_changes_nothing_and_null_signs_out() {
    let server = apps().await;
    let mut client = Client::of(options(Mode::Orchestrator, Environment::default()));
    let given = json!({ "config": settings(&server), "auth": chatgpt(ACCESS_TOKEN) });
    client.initialize(json!({ "orchestrator": given })).await.unwrap();
    assert_eq!(client.names().await, ["codex_apps"]);
    let broken = json!({ "config": "[mcp_servers", "auth": null });
    let error = client.request("config/mcpServer/reload", broken).await.unwrap_err();
    assert_eq!(error.0, -32603);
    assert_eq!(client.names().await, ["codex_apps"]);
    client.request("config/mcpServer/reload", json!({ "auth": null })).await.unwrap();
    assert!(client.names().await.is_empty());
    client.finish().await;
}

#[tokio::test]
async fn unknown_fields_are_refused() {
    let mut client = Client::of(options(Mode::Orchestrator, Environment::default()));
    let typo = json!({ "orchestrator": { "conf": "" } });
    assert_eq!(client.initialize(typo).await.unwrap_err().0, -32602);
    client.initialize(json!({})).await.unwrap();
    let nested = json!({ "orchestrator": { "auth": null } });
    let error = client.request("config/mcpServer/reload", nested).await.unwrap_err();
    assert_eq!(error.0, -32602);
    client.finish().await;
    let home = Home::new("");
    let mut client = Client::at(&home).await;
    for params in [json!({ "auth": null }), json!({ "config": "" })] {
        let error = client.request("config/mcpServer/reload", params).await.unwrap_err();
        assert_eq!(error.0, -32600);
    }
    let list = json!([1]);
    assert_eq!(client.request("thread/start", list).await.unwrap_err().0, -32602);
    client.finish().await;
}
