//! `thread/start` with selected roots: the plugins there are of that thread alone.

use std::path::Path;

use mcp_overlay_host::app_server::Mode;
use mcp_overlay_host::{Environment, Profile};
use serde_json::{Value, json};

use crate::support::{Client, Home, options, stdio, test_server};

/// A client of a host that resolves as released Codex does.
pub(crate) async fn client(home: &Home, environment: Environment) -> Client {
    let mode = Mode::Local { codex_home: home.path().to_owned() };
    let environment = environment.with_profile(Profile::CodexPr31803);
    let mut client = Client::of(options(mode, environment));
    client.initialize(json!({})).await.unwrap();
    client
}

pub(crate) fn write_plugin(root: &Path, servers: &Value) {
    std::fs::create_dir_all(root.join(".codex-plugin")).unwrap();
    std::fs::write(root.join(".codex-plugin/plugin.json"), r#"{"name":"p"}"#).unwrap();
    std::fs::write(root.join(".mcp.json"), json!({ "mcpServers": servers }).to_string()).unwrap();
}

pub(crate) fn root(id: &str, environment: &str, path: &Path) -> Value {
    json!({ "id": id, "location": { "type": "environment", "environmentId": environment, "path": path } })
}

/// Starts a thread that selects these roots.
pub(crate) async fn start(client: &mut Client, roots: &[Value]) -> Result<String, (i64, String)> {
    let params = json!({ "selectedCapabilityRoots": roots });
    let result = client.request("thread/start", params).await?;
    Ok(result["thread"]["id"].as_str().unwrap().to_owned())
}

async fn names(client: &mut Client, params: Value) -> Vec<String> {
    let status = client.request("mcpServerStatus/list", params).await.unwrap();
    let servers = status["data"].as_array().unwrap();
    servers.iter().map(|server| server["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_plugins_below_selected_roots_are_of_that_thread_alone() {
    let home = Home::new(&stdio("docs", &[]));
    let plugin = home.path().join("selected/p");
    let own = json!({ "command": test_server(), "args": ["stdio"] });
    write_plugin(
        &plugin,
        &json!({ "own": own, "bad": { "command": 1 }, "docs": { "command": "x" } }),
    );
    let mut client = client(&home, Environment::default()).await;
    let thread = start(&mut client, &[root("p", "local", &plugin)]).await.unwrap();
    let other = client.thread().await;
    assert!(client.call(&thread, "own", "echo").await.is_ok());
    // The user's own server of a name wins.
    assert!(client.call(&thread, "docs", "echo").await.is_ok());
    let unknown = (-32603, "unknown MCP server 'own'".to_owned());
    assert_eq!(client.call(&other, "own", "echo").await.unwrap_err(), unknown);
    assert_eq!(names(&mut client, json!({ "threadId": thread })).await, ["docs", "own"]);
    assert_eq!(names(&mut client, json!({ "threadId": other })).await, ["docs"]);
    assert_eq!(names(&mut client, json!({})).await, ["docs"]);
    // What a thread selected survives a reload, and later changes of the plugin do not count.
    write_plugin(&plugin, &json!({}));
    client.request("config/mcpServer/reload", json!(null)).await.unwrap();
    assert!(client.call(&thread, "own", "echo").await.is_ok());
    client.finish().await;
}

#[tokio::test]
async fn a_root_that_cannot_be_read_has_no_servers_and_an_invalid_one_is_refused() {
    let home = Home::new(&stdio("docs", &[]));
    let mut client = client(&home, Environment::default()).await;
    for environment in ["local", "elsewhere"] {
        let root = root("p", environment, home.path());
        let thread = start(&mut client, &[root]).await.unwrap();
        assert!(client.call(&thread, "docs", "echo").await.is_ok());
    }
    let invalid = root("p", "local", Path::new("relative"));
    let (code, message) = start(&mut client, &[invalid]).await.unwrap_err();
    assert_eq!(code, -32600);
    assert!(message.contains("selectedCapabilityRoots[0]: "), "{message}");
    client.finish().await;
}
