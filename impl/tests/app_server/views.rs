//! The methods that read the effective view.

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{ACCESS_TOKEN, Client, Home, stdio};

/// An Apps endpoint with the tools of two connectors, as a response template.
pub(crate) async fn apps() -> MockServer {
    let server = MockServer::start().await;
    let answer = |request: &Request| {
        let message: Value = serde_json::from_slice(&request.body).unwrap();
        let tool = |name: &str, meta: Value| json!({ "name": name, "inputSchema": { "type": "object" }, "_meta": meta });
        let result = match message["method"].as_str().unwrap() {
            "initialize" => json!({
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "apps", "version": "1" },
            }),
            "tools/list" => json!({ "tools": [
                tool("mail_read", json!({ "connector_id": "mail", "connector_name": "Mail" })),
                tool("mail_send", json!({ "connector_id": "mail", "connector_description": "Letters" })),
                tool("calendar", json!({ "connector_id": "calendar" })),
                tool("other", json!({})),
            ] }),
            "tools/call" => json!({ "content": [{ "type": "text", "text": "done" }] }),
            _ => return ResponseTemplate::new(202),
        };
        ResponseTemplate::new(200)
            .set_body_json(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }))
    };
    Mock::given(method("POST"))
        .and(path("/api/codex/ps/mcp"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

pub(crate) fn settings(apps: &MockServer) -> String {
    format!("chatgpt_base_url = {:?}\nfeatures.apps_mcp_path_override = true\n", apps.uri())
}

#[tokio::test]
async fn the_status_lists_every_server_with_its_tools_and_resources() {
    let apps = apps().await;
    let config = settings(&apps)
        + &stdio("docs", &["--resources"])
        + "[mcp_servers.off]\nenabled = false\nurl = \"http://127.0.0.1:1/mcp\"\n"
        + "[mcp_servers.gone]\nurl = \"http://127.0.0.1:1/mcp\"\nbearer_token_env_var = \"X\"\n";
    let mut client = Client::at(&Home::new(&config).signed_in()).await;
    let status = client.status().await;
    let word = |index: usize, key: &str| status[index][key].as_str().unwrap().to_owned();
    let seen: Vec<_> =
        (0..status.len()).map(|i| (word(i, "name"), word(i, "authStatus"))).collect();
    let wanted = [
        ("codex_apps", "bearerToken"),
        ("docs", "unsupported"),
        ("gone", "bearerToken"),
        ("off", "unsupported"),
    ];
    assert_eq!(seen, wanted.map(|(name, auth)| (name.to_owned(), auth.to_owned())));
    assert_eq!(status[0]["serverInfo"]["name"], "apps");
    assert_eq!(status[0]["tools"].as_object().unwrap().len(), 4);
    assert_eq!(status[1]["tools"]["echo"]["name"], "echo");
    assert_eq!(status[1]["resources"].as_array().unwrap().len(), 2);
    assert_eq!(status[1]["resourceTemplates"].as_array().unwrap().len(), 1);
    assert_eq!(status[2]["serverInfo"], Value::Null);
    let tools_only = json!({ "detail": "toolsAndAuthOnly" });
    let result = client.request("mcpServerStatus/list", tools_only).await.unwrap();
    assert_eq!(result["data"][1]["resources"], json!([]));
    assert_eq!(result["data"][1]["tools"]["echo"]["name"], "echo");
    client.finish().await;
}

#[tokio::test]
async fn the_status_is_paginated() {
    let config: String = ["a", "b", "c"]
        .map(|name| format!("[mcp_servers.{name}]\nenabled=false\ncommand='x'\n"))
        .concat();
    let mut client = Client::at(&Home::new(&config)).await;
    let first = client.request("mcpServerStatus/list", json!({ "limit": 2 })).await.unwrap();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    assert_eq!(first["nextCursor"], "2");
    let params = json!({ "limit": 2, "cursor": "2" });
    let second = client.request("mcpServerStatus/list", params).await.unwrap();
    assert_eq!(second["data"][0]["name"], "c");
    assert_eq!(second["nextCursor"], Value::Null);
    for cursor in ["x", "4"] {
        let params = json!({ "cursor": cursor });
        assert_eq!(client.request("mcpServerStatus/list", params).await.unwrap_err().0, -32600);
    }
    client.finish().await;
}

#[tokio::test]
async fn resources_are_read_with_and_without_a_thread() {
    let mut client = Client::at(&Home::new(&stdio("docs", &["--resources"]))).await;
    let thread = client.thread().await;
    for id in [json!(thread), Value::Null] {
        for (uri, key) in [("test://text", "text"), ("test://blob", "blob")] {
            let params = json!({ "threadId": id, "server": "docs", "uri": uri });
            let result = client.request("mcpServer/resource/read", params).await.unwrap();
            assert_eq!(result["contents"][0]["uri"], uri);
            assert!(result["contents"][0][key].is_string());
        }
    }
    let params = json!({ "threadId": "no", "server": "docs", "uri": "test://text" });
    let error = client.request("mcpServer/resource/read", params).await.unwrap_err();
    assert_eq!(error, (-32600, "thread not found: no".to_owned()));
    let params = json!({ "server": "other", "uri": "test://text" });
    let error = client.request("mcpServer/resource/read", params).await.unwrap_err();
    assert_eq!(error.1, "unknown MCP server 'other'");
    client.finish().await;
}

#[tokio::test]
async fn app_list_returns_the_connectors_of_the_apps_server() {
    let server = apps().await;
    let home = Home::new(&(settings(&server) + "apps.calendar.enabled = false\n")).signed_in();
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    for id in [json!(thread), Value::Null] {
        let result = client.request("app/list", json!({ "threadId": id })).await.unwrap();
        let shown = |id: &str, name: &str, description: Value, enabled: bool| {
            json!({
                "id": id, "name": name, "description": description,
                "isAccessible": true, "isEnabled": enabled,
            })
        };
        let calendar = shown("calendar", "calendar", Value::Null, false);
        let mail = shown("mail", "Mail", json!("Letters"), true);
        assert_eq!(result["data"], json!([calendar, mail]));
    }
    std::fs::remove_file(home.path().join("auth.json")).unwrap();
    for id in [json!(thread), Value::Null] {
        let params = json!({ "threadId": id, "forceRefetch": true });
        let result = client.request("app/list", params).await.unwrap();
        assert_eq!(result["data"], json!([]));
    }
    client.finish().await;
    let requests = server.received_requests().await.unwrap();
    let first: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(first["params"]["protocolVersion"], "2025-11-25");
    for request in requests {
        assert_eq!(request.headers["authorization"], format!("Bearer {ACCESS_TOKEN}"));
        assert_eq!(request.headers["chatgpt-account-id"], "account-123");
    }
}

#[tokio::test]
async fn notifications_opted_out_of_are_not_sent() {
    let home = Home::new(&stdio("docs", &[]));
    let mode = mcp_overlay_host::app_server::Mode::Local { codex_home: home.path().to_owned() };
    let mut client = Client::of(crate::support::options(mode, <_>::default()));
    let unwanted = json!({ "optOutNotificationMethods": ["thread/started"] });
    client.initialize(json!({ "capabilities": unwanted })).await.unwrap();
    client.thread().await;
    let first = client.message().await.unwrap();
    assert_eq!(first["method"], "mcpServer/startupStatus/updated");
    client.finish().await;
}
