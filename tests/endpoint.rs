//! The production implementation against a real server on loopback.
//!
//! The scenarios that `check` runs, and independent versions of two of them, which use wiremock's
//! own matchers instead of the scenarios' code.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::sync::Arc;

use mcp_overlay::apps_connection::{self, SCENARIOS};
use mcp_overlay::subject::{InProcess, ProductionSubject};
use mcp_overlay_host::connection::{ConnectOptions, HostCredentials, connect_apps};
use mcp_overlay_host::{
    Auth, Environment, HostConfig, McpExtensionRegistryBuilder, McpManager, View, hosted_apps,
};
use serde_json::json;
use wiremock::matchers::{any, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

#[test]
fn every_scenario_holds() {
    assert!(SCENARIOS.len() >= 15);
    for scenario in SCENARIOS {
        let outcome = apps_connection::run(scenario, &InProcess(ProductionSubject)).unwrap();
        assert_eq!(outcome, Ok(()), "{}", scenario.name);
    }
}

async fn effective(origin: &str, auth: Option<Auth>) -> View {
    let host = json!({
        "chatgpt_base_url": format!("{origin}/backend-api"),
        "features": {"apps_mcp_path_override": true},
    });
    let host = HostConfig::from_json(&host, Environment::default()).unwrap().value;
    let mut extensions = McpExtensionRegistryBuilder::new();
    hosted_apps::install(&mut extensions);
    let manager = McpManager::new(extensions.build());
    manager.effective_servers(&Arc::new(host), &Arc::default(), auth).await
}

fn credentials() -> HostCredentials {
    HostCredentials { access_token: "token-1".into(), account_id: Some("account-1".into()) }
}

fn answer(request: &Request) -> ResponseTemplate {
    let message: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "apps", "version": "1"},
        }),
        Some("tools/list") => json!({"tools": []}),
        _ => return ResponseTemplate::new(202),
    };
    let message = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
    ResponseTemplate::new(200).set_body_json(message)
}

#[tokio::test]
async fn the_users_credentials_arrive_at_ps_mcp_and_only_there() {
    let server = MockServer::start().await;
    // A request without a match gets 404, which fails the connection.
    Mock::given(method("POST"))
        .and(path("/backend-api/ps/mcp"))
        .and(header("Authorization", "Bearer token-1"))
        .and(header("ChatGPT-Account-ID", "account-1"))
        .respond_with(answer)
        .expect(3..)
        .mount(&server)
        .await;
    let view = effective(&server.uri(), Some(Auth::ChatGpt)).await;
    let options = ConnectOptions::default();
    let connection =
        connect_apps(&view, Some(&credentials()), &Environment::default(), options).await.unwrap();
    assert!(connection.tools().is_empty());
    connection.shutdown().await;
    server.verify().await;
}

#[tokio::test]
async fn a_closed_gate_sends_no_request() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).expect(0).mount(&server).await;
    for auth in [None, Some(Auth::ApiKey)] {
        let view = effective(&server.uri(), auth).await;
        let options = ConnectOptions::default();
        let outcome =
            connect_apps(&view, Some(&credentials()), &Environment::default(), options).await;
        assert!(outcome.is_err());
    }
    server.verify().await;
}
