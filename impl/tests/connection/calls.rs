//! Tool calls and resources.

use std::time::{Duration, Instant};

use mcp_overlay_host::connection::{
    ConnectContext, ConnectError, ConnectOptions, Elicitation, check_name, connect,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::endpoint::{APPS_PATH, Form, initialize_result, tool, working};
use crate::support::{connect_docs, context, on, result, seen, server, sessions, until_seen, what};

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn object(value: Value) -> Option<serde_json::Map<String, Value>> {
    value.as_object().cloned()
}

/// A server that responds to tool calls with `respond`.
async fn on_calls(
    respond: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static,
) -> MockServer {
    let endpoint = sessions().await;
    Mock::given(|request: &Request| what(request) == "tools/call")
        .respond_with(respond)
        .with_priority(1)
        .mount(&endpoint)
        .await;
    endpoint
}

#[tokio::test]
async fn a_call_carries_its_arguments_and_meta() {
    let endpoint = sessions().await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    assert_eq!(connection.name(), "docs");
    assert_eq!(connection.server_info().unwrap().name, "apps");
    let arguments = json!({ "q": [1, { "a": null }] });
    let meta = json!({ "threadId": "t-1", "x": { "y": 1 } });
    let answer = connection.call_tool("a", object(arguments.clone()), object(meta)).await.unwrap();
    let sent = answer.structured_content.unwrap();
    assert_eq!(sent["name"], "a");
    assert_eq!(sent["arguments"], arguments);
    assert_eq!(sent["_meta"]["threadId"], "t-1");
    assert_eq!(sent["_meta"]["x"], json!({ "y": 1 }));
    connection.shutdown().await;
}

#[tokio::test]
async fn a_tool_that_is_not_offered_is_not_called() {
    let endpoint = sessions().await;
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let configs = [
        json!({ "url": url, "enabled_tools": ["b"] }),
        json!({ "url": url, "disabled_tools": ["a"] }),
        json!({ "url": url, "enabled_tools": ["a"], "disabled_tools": ["a"] }),
    ];
    for config in configs {
        let connection = connect("docs", &server(&config), &context()).await.unwrap();
        assert!(connection.tools().is_empty() && connection.list_tools().await.unwrap().is_empty());
        let error = connection.call_tool("a", None, None).await.unwrap_err();
        let (server, tool) = ("docs".to_owned(), "a".to_owned());
        assert_eq!(error, ConnectError::UnknownTool { server, tool });
        connection.shutdown().await;
    }
    assert!(!seen(&endpoint).await.contains(&"tools/call".to_owned()));
}

/// A server that repeats a header of the request in its error, cut at every place of the message.
#[tokio::test]
async fn a_refused_call_shows_no_secret_that_the_server_repeats() {
    let endpoint = on_calls(|request| {
        let token = request.headers["authorization"].to_str().unwrap();
        let key = request.headers["x-api-key"].to_str().unwrap();
        let query = request.url.query().unwrap_or_default();
        let fill = "x".repeat(
            usize::try_from(body(request)["params"]["arguments"]["n"].as_u64().unwrap()).unwrap(),
        );
        let message = format!("{fill} bad {token}, {key} or {query}");
        let error = json!({ "code": -32602, "message": message });
        let id = &body(request)["id"];
        ResponseTemplate::new(200)
            .set_body_json(json!({ "jsonrpc": "2.0", "id": id, "error": error }))
    })
    .await;
    let script =
        crate::support::Script::new(&[Some("secret-token-1"), Some("secret-token-2")], None);
    let url = format!("{}{}?key=secret-query", endpoint.uri(), APPS_PATH);
    let headers = json!({ "x-api-key": "secret-key" });
    let docs = server(&json!({ "url": url, "http_headers": headers }));
    let context = crate::support::with_oauth(&script);
    let connection = connect("docs", &docs, &context).await.unwrap();
    for fill in [0, 960, 970, 980, 985] {
        let arguments = object(json!({ "n": fill }));
        let error = connection.call_tool("a", arguments, None).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(" bad ") && !shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn a_refused_call_shows_the_servers_message_within_bounds() {
    let endpoint = on_calls(|request| {
        let message = format!("no\n\u{1b}[31m {}", "ä".repeat(5_000));
        let error = json!({ "code": -32602, "message": message });
        let id = &body(request)["id"];
        let answer = json!({ "jsonrpc": "2.0", "id": id, "error": error });
        ResponseTemplate::new(200).set_body_json(answer)
    })
    .await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    let ConnectError::CallRefused { address, code, message, request } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((address.server.as_str(), *code, *request), ("docs", -32602, "tools/call"));
    assert!(message.starts_with("no  [31m ää"), "{message}");
    assert_eq!(message.chars().count(), 1_000);
    connection.shutdown().await;
}

#[tokio::test]
async fn a_result_without_content_is_a_result() {
    for sparse in [json!({}), json!({ "_meta": { "a": 1 } }), json!({ "isError": true })] {
        let answer = sparse.clone();
        let endpoint = on_calls(move |request| result(request, &answer)).await;
        let connection = connect_docs(&endpoint, &context()).await.unwrap();
        let got = connection.call_tool("a", None, None).await.unwrap();
        assert!(got.content.is_empty());
        assert_eq!(got.is_error == Some(true), sparse["isError"] == true);
        connection.shutdown().await;
    }
}

#[tokio::test]
async fn a_call_that_times_out_is_cancelled() {
    let endpoint =
        on_calls(|_| ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let url = format!("{}{APPS_PATH}", endpoint.uri());
    let config = server(&json!({ "url": url, "tool_timeout_sec": 0.3 }));
    let connection = connect("docs", &config, &context()).await.unwrap();
    let begin = Instant::now();
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { seconds: 0.3, .. }), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(1));
    let cancelled = body(&until_seen(&endpoint, "notifications/cancelled").await);
    let call = body(&until_seen(&endpoint, "tools/call").await);
    assert_eq!(cancelled["params"]["requestId"], call["id"]);
    connection.shutdown().await;
}

#[tokio::test]
async fn a_dropped_call_is_cancelled() {
    let endpoint =
        on_calls(|_| ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    let call = connection.call_tool("a", None, None);
    assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
    until_seen(&endpoint, "notifications/cancelled").await;
    connection.shutdown().await;
}

/// Concurrent calls that fail in different ways on one connection.
#[tokio::test]
async fn concurrent_calls_have_their_own_outcomes() {
    let endpoint = on_calls(|request| {
        let number = body(request)["params"]["arguments"]["n"].as_u64().unwrap();
        // Responses arrive in another order than calls.
        let delay = Duration::from_millis(number * 37 % 11);
        let id = &body(request)["id"];
        let answer = match number % 4 {
            0 => result(request, &json!({ "content": [], "structuredContent": { "n": number } })),
            1 => ResponseTemplate::new(500 + u16::try_from(number).unwrap()),
            2 => {
                let error = json!({ "code": number, "message": format!("call {number}") });
                let body = json!({ "jsonrpc": "2.0", "id": id, "error": error });
                ResponseTemplate::new(200).set_body_json(body)
            }
            _ => ResponseTemplate::new(200).set_body_raw("<p>", "text/html"),
        };
        answer.set_delay(delay)
    })
    .await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    let calls = (0..60).map(|n| connection.call_tool("a", object(json!({ "n": n })), None));
    let outcomes = futures_util::future::join_all(calls).await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match (number % 4, outcome) {
            (0, Ok(answer)) => assert_eq!(answer.structured_content.unwrap()["n"], number),
            (1, Err(ConnectError::HttpStatus { status, .. })) => {
                assert_eq!(usize::from(status), 500 + number);
            }
            (2, Err(ConnectError::CallRefused { message, .. })) => {
                assert_eq!(message, format!("call {number}"));
            }
            (3, Err(ConnectError::Protocol { .. })) => {}
            (_, other) => panic!("call {number}: {other:?}"),
        }
    }
    connection.shutdown().await;
}

#[tokio::test]
async fn resources_are_listed_in_pages_and_read() {
    let endpoint = sessions().await;
    on(&endpoint, "resources/list", |request| {
        let resource = |name: &str| json!({ "uri": format!("a://{name}"), "name": name });
        let page = if body(request)["params"]["cursor"] == "2" {
            json!({ "resources": [resource("two")] })
        } else {
            json!({ "resources": [resource("one")], "nextCursor": "2" })
        };
        result(request, &page)
    })
    .await;
    on(&endpoint, "resources/templates/list", |request| {
        let template = json!({ "uriTemplate": "a://{x}", "name": "x" });
        result(request, &json!({ "resourceTemplates": [template] }))
    })
    .await;
    on(&endpoint, "resources/read", |request| {
        let uri = &body(request)["params"]["uri"];
        result(request, &json!({ "contents": [{ "uri": uri, "text": "hello" }] }))
    })
    .await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    let resources = connection.list_resources().await.unwrap();
    let names: Vec<_> = resources.iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(connection.list_resource_templates().await.unwrap().len(), 1);
    let read = serde_json::to_value(connection.read_resource("a://one").await.unwrap()).unwrap();
    assert_eq!(read["contents"][0]["text"], "hello");
    assert_eq!(read["contents"][0]["uri"], "a://one");
    connection.shutdown().await;
}

#[tokio::test]
async fn lists_of_resources_are_bounded() {
    let endpoint = sessions().await;
    on(&endpoint, "resources/list", |request| {
        result(request, &json!({ "resources": [], "nextCursor": "again" }))
    })
    .await;
    on(&endpoint, "resources/templates/list", |request| {
        let template = json!({ "uriTemplate": "a://{x}", "name": "x" });
        result(request, &json!({ "resourceTemplates": [template, template, template] }))
    })
    .await;
    let options = ConnectOptions { max_items: 2, max_pages: 3, ..ConnectOptions::default() };
    let context = ConnectContext { options, ..context() };
    let connection = connect_docs(&endpoint, &context).await.unwrap();
    for error in [
        connection.list_resources().await.unwrap_err(),
        connection.list_resource_templates().await.unwrap_err(),
    ] {
        assert!(matches!(error, ConnectError::TooLarge { .. }), "{error:?}");
    }
    connection.shutdown().await;
}

#[tokio::test]
async fn a_server_without_resources_is_not_asked_for_them() {
    let endpoint = working(Form::Json).await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    let before = seen(&endpoint).await.len();
    assert!(connection.list_resources().await.unwrap().is_empty());
    assert!(connection.list_resource_templates().await.unwrap().is_empty());
    assert_eq!(seen(&endpoint).await.len(), before);
    connection.shutdown().await;
}

#[tokio::test]
async fn a_server_without_tools_has_none() {
    for (capabilities, works) in [(json!({}), true), (json!({ "tools": {} }), false)] {
        let endpoint = MockServer::start().await;
        let mut about = initialize_result();
        about["capabilities"] = capabilities;
        on(&endpoint, "initialize", move |request| result(request, &about)).await;
        on(&endpoint, "notifications/initialized", |_| ResponseTemplate::new(202)).await;
        on(&endpoint, "tools/list", |request| {
            let error = json!({ "code": -32601, "message": "what?" });
            let id = &body(request)["id"];
            let answer = json!({ "jsonrpc": "2.0", "id": id, "error": error });
            ResponseTemplate::new(200).set_body_json(answer)
        })
        .await;
        let connected = connect_docs(&endpoint, &context()).await;
        assert_eq!(connected.is_ok(), works);
        if let Ok(connection) = connected {
            assert!(connection.tools().is_empty());
            connection.shutdown().await;
        }
    }
}

#[tokio::test]
async fn an_event_that_is_too_large_is_reported() {
    let endpoint = on_calls(|request| {
        let text = "x".repeat(5_000);
        let result = json!({ "content": [{ "type": "text", "text": text }] });
        crate::endpoint::answer(Form::Events, &body(request)["id"], &result)
    })
    .await;
    let options = ConnectOptions { max_response_bytes: 2_000, ..ConnectOptions::default() };
    let context = ConnectContext { options, ..context() };
    let connection = connect_docs(&endpoint, &context).await.unwrap();
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::TooLarge { .. }), "{error:?}");
    connection.shutdown().await;
}

#[tokio::test]
async fn initialize_carries_the_hosts_name_and_capabilities() {
    for (elicitation, told) in [
        (Elicitation::Decline, json!({})),
        (Elicitation::AcceptDefaults, json!({ "elicitation": { "form": {} } })),
    ] {
        let endpoint = working(Form::Json).await;
        let options = ConnectOptions {
            client_name: "me".into(),
            client_version: "7".into(),
            elicitation,
            ..ConnectOptions::default()
        };
        let context = ConnectContext { options, ..context() };
        connect_docs(&endpoint, &context).await.unwrap().shutdown().await;
        let said = body(&until_seen(&endpoint, "initialize").await)["params"].clone();
        assert_eq!(said["clientInfo"], json!({ "name": "me", "version": "7" }));
        assert_eq!(said["capabilities"], told);
    }
}

#[tokio::test]
async fn server_names_are_checked() {
    for good in ["a", "A-b_9", &"x".repeat(64)] {
        check_name(good).unwrap();
    }
    let endpoint = working(Form::Json).await;
    let config = server(&json!({ "url": endpoint.uri() }));
    for bad in ["", "a b", "a.b", "ä", "a/b", "a\n", &"x".repeat(65)] {
        let error = connect(bad, &config, &context()).await.unwrap_err();
        assert!(matches!(error, ConnectError::InvalidName { .. }), "{error:?}");
        assert!(!error.to_string().contains('\n'));
    }
    let error = check_name(&"ä".repeat(1_000)).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
    assert_eq!(seen(&endpoint).await.len(), 0);
}

#[tokio::test]
async fn a_listed_tool_has_its_schema() {
    let endpoint = sessions().await;
    let connection = connect_docs(&endpoint, &context()).await.unwrap();
    let listed = serde_json::to_value(connection.tools()).unwrap();
    assert_eq!(listed, json!([tool("a")]));
    connection.shutdown().await;
}
