//! The requests to servers, and their headers.

use mcp_overlay_host::connection::{ConnectError, ConnectOptions, HostCredentials, connect_apps};
use mcp_overlay_host::hosted_apps::CODEX_APPS;
use mcp_overlay_host::{Auth, Environment};
use serde_json::json;
use wiremock::MockServer;

use crate::endpoint::{
    APPS_PATH, Form, apps_at, connect, credentials, methods, mount_initialize, mount_tools, tool,
    view, view_of, working,
};

fn names(tools: &[mcp_overlay_host::connection::Tool]) -> Vec<&str> {
    tools.iter().map(|tool| &*tool.name).collect()
}

#[tokio::test]
async fn every_request_goes_to_the_endpoint_with_the_host_credentials() {
    for form in [Form::Json, Form::Events] {
        let server = working(form).await;
        let view = view(&server.uri(), Some(Auth::ChatGpt), &Environment::default()).await;
        let connection = connect(&view).await.unwrap();
        assert_eq!(names(connection.tools()), ["first", "second"]);
        connection.shutdown().await;

        let expected = ["initialize", "notifications/initialized", "tools/list", "tools/list"];
        assert_eq!(methods(&server).await, expected);
        for request in server.received_requests().await.unwrap() {
            assert_eq!(request.url.path(), APPS_PATH);
            assert_eq!(request.headers["authorization"], "Bearer access-token-1");
            assert_eq!(request.headers["chatgpt-account-id"], "account-123");
            assert_eq!(request.headers["x-openai-product-sku"], "tpp");
            assert!(!request.headers.contains_key("referer"));
        }
    }
}

#[tokio::test]
async fn tools_can_be_listed_again() {
    let server = working(Form::Json).await;
    let view = view(&server.uri(), Some(Auth::ChatGpt), &Environment::default()).await;
    let connection = connect(&view).await.unwrap();
    assert_eq!(names(&connection.list_tools().await.unwrap()), ["first", "second"]);
    connection.shutdown().await;
}

#[tokio::test]
async fn a_closed_gate_sends_nothing() {
    let server = working(Form::Json).await;
    for auth in [None, Some(Auth::ApiKey)] {
        let view = view(&server.uri(), auth, &Environment::default()).await;
        assert_eq!(connect(&view).await.unwrap_err(), ConnectError::Absent);
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn only_the_connected_server_receives_requests() {
    let server = working(Form::Json).await;
    let url = format!("{}{APPS_PATH}", server.uri());
    let disabled = view_of(&json!({ "url": url, "enabled": false })).await;
    assert_eq!(
        connect(&disabled).await.unwrap_err(),
        ConnectError::Disabled { server: CODEX_APPS.into() }
    );
    let stdio = view_of(&json!({ "command": "apps" })).await;
    assert_eq!(connect(&stdio).await.unwrap_err(), ConnectError::Stdio);
    let mail = view_of(&json!({ "url": "mailto:a@b.example" })).await;
    assert_eq!(
        connect(&mail).await.unwrap_err(),
        ConnectError::InvalidUrl { server: CODEX_APPS.into() }
    );
    // The HTTP client would send these instead of the host's credentials.
    for user in ["user", "user:secret", ":secret"] {
        let url = url.replace("http://", &format!("http://{user}@"));
        let error = connect(&view_of(&json!({ "url": url })).await).await.unwrap_err();
        assert_eq!(error, ConnectError::InvalidUrl { server: CODEX_APPS.into() });
        assert!(error.to_string().contains("without user or password"), "{error}");
    }

    let view = view_of(&json!({ "url": url })).await;
    let env = Environment::default();
    let error = connect_apps(&view, None, &env, ConnectOptions::default()).await.unwrap_err();
    assert_eq!(error, ConnectError::NoCredentials { address: apps_at(&server) });
    assert!(error.to_string().contains("sign in"));
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn host_credentials_replace_configured_headers_of_the_same_name() {
    let server = working(Form::Json).await;
    let view = view_of(&json!({
        "url": format!("{}{APPS_PATH}", server.uri()),
        "http_headers": { "AUTHORIZATION": "Basic x", "chatgpt-account-id": "other", "X-A": "a" },
        "env_http_headers": { "X-B": "B", "X-Unset": "UNSET", "X-Blank": "BLANK" },
    }))
    .await;
    let env = Environment::from_pairs([("B", "b"), ("BLANK", " ")]);
    let options = ConnectOptions::default();
    connect_apps(&view, Some(&credentials()), &env, options).await.unwrap().shutdown().await;
    for request in server.received_requests().await.unwrap() {
        let all = |name: &str| {
            let values = request.headers.get_all(name).iter();
            values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(all("authorization"), ["Bearer access-token-1"]);
        assert_eq!(all("chatgpt-account-id"), ["account-123"]);
        assert_eq!(all("x-a"), ["a"]);
        assert_eq!(all("x-b"), ["b"]);
        assert_eq!(all("x-unset"), Vec::<&str>::new());
        assert_eq!(all("x-blank"), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn a_configured_account_is_not_sent_with_the_hosts_token() {
    let server = working(Form::Json).await;
    let url = format!("{}{APPS_PATH}", server.uri());
    let headers = json!({ "ChatGPT-Account-ID": "other" });
    let view = view_of(&json!({ "url": url, "http_headers": headers })).await;
    let credentials = HostCredentials { account_id: None, ..credentials() };
    let (env, options) = (Environment::default(), ConnectOptions::default());
    connect_apps(&view, Some(&credentials), &env, options).await.unwrap().shutdown().await;
    for request in server.received_requests().await.unwrap() {
        assert_eq!(request.headers["authorization"], "Bearer access-token-1");
        assert!(!request.headers.contains_key("chatgpt-account-id"));
    }
}

#[tokio::test]
async fn damaged_credentials_are_not_sent() {
    let server = working(Form::Json).await;
    let view = view(&server.uri(), Some(Auth::ChatGpt), &Environment::default()).await;
    for access_token in ["", "a\nb", "a\u{e9}"] {
        let damaged = HostCredentials { access_token: access_token.into(), account_id: None };
        let (env, options) = (Environment::default(), ConnectOptions::default());
        let error = connect_apps(&view, Some(&damaged), &env, options).await.unwrap_err();
        let reason = "the stored tokens cannot be sent as headers; sign in again".to_owned();
        assert_eq!(error, ConnectError::NotAuthorized { address: apps_at(&server), reason });
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

/// Runs another test of this file in a process with an unreachable proxy in its environment.
#[test]
fn a_proxy_is_not_asked_for_this_machine() {
    let test = "requests::every_request_goes_to_the_endpoint_with_the_host_credentials";
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(variable, "http://127.0.0.1:9");
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = command.args([test, "--exact"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Tries every name of this machine, with the proxy of the environment. The result depends on the
/// system's resolver.
#[tokio::test]
async fn other_names_of_this_machine_are_loopback() {
    for host in ["localhost.", "a.LOCALHOST", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::1]"] {
        let url = format!("http://{host}:9/mcp");
        let view = view_of(&json!({ "url": url, "startup_timeout_sec": 0.3 })).await;
        connect(&view).await.unwrap_err();
    }
}

/// Runs the test above with a proxy that must not be used.
#[test]
fn a_proxy_is_not_asked_for_other_names_of_this_machine() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.env_remove("NO_PROXY").env_remove("no_proxy").env("http_proxy", address);
    let output =
        command.args(["requests::other_names_of_this_machine_are_loopback", "--exact"]).output();
    let text = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
    assert!(text.contains("1 passed"), "{text}");
    proxy.set_nonblocking(true).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_token_from_the_environment_replaces_the_host_credentials() {
    let server = working(Form::Json).await;
    let env = Environment::from_pairs([("CODEX_CONNECTORS_TOKEN", " env-token ")]);
    let view = view(&server.uri(), Some(Auth::ChatGpt), &env).await;
    let options = ConnectOptions::default();
    connect_apps(&view, Some(&credentials()), &env, options).await.unwrap().shutdown().await;
    let requests = server.received_requests().await.unwrap();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.headers["authorization"], "Bearer env-token");
        assert!(!request.headers.contains_key("chatgpt-account-id"));
        assert!(!format!("{request:?}").contains("access-token-1"));
    }
}

#[tokio::test]
async fn without_a_usable_token_in_the_named_variable_nothing_is_sent() {
    let server = working(Form::Json).await;
    let url = format!("{}{APPS_PATH}", server.uri());
    let view = view_of(&json!({ "url": url, "bearer_token_env_var": "TOKEN" })).await;
    let environments = [
        Environment::default(),
        Environment::from_pairs([("TOKEN", " \t")]),
        Environment::from_pairs([("TOKEN", "a\nb")]),
    ];
    for env in environments {
        let options = ConnectOptions::default();
        let error = connect_apps(&view, Some(&credentials()), &env, options).await.unwrap_err();
        let expected =
            ConnectError::NoToken { address: apps_at(&server), variable: "TOKEN".into() };
        assert_eq!(error, expected);
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn invalid_headers_are_refused_without_showing_their_value() {
    let url = "http://127.0.0.1:9/mcp";
    for headers in [json!({ "X-A": "a\nsecret" }), json!({ "no good": "secret" })] {
        let view = view_of(&json!({ "url": url, "http_headers": headers })).await;
        let error = connect(&view).await.unwrap_err();
        assert!(matches!(error, ConnectError::InvalidHeader { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn only_offered_tools_are_listed() {
    let server = MockServer::start().await;
    mount_initialize(&server, Form::Json).await;
    mount_tools(&server, |request| {
        let tools = json!({ "tools": [tool("a"), tool("b"), tool("c")] });
        crate::endpoint::answer(Form::Json, &crate::endpoint::id_of(request), &tools)
    })
    .await;
    let url = format!("{}{APPS_PATH}", server.uri());
    let view =
        view_of(&json!({ "url": url, "enabled_tools": ["a", "b"], "disabled_tools": ["b"] })).await;
    let connection = connect(&view).await.unwrap();
    assert_eq!(names(connection.tools()), ["a"]);
    connection.shutdown().await;
}

#[test]
fn debug_shows_no_credentials() {
    let shown = format!("{:?}", credentials());
    assert!(!shown.contains("access-token-1") && !shown.contains("account-123"), "{shown}");
}
