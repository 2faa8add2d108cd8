//! Invalid lines, and too many requests.

use serde_json::{Value, json};

use mcp_overlay_host::app_server::{AppServerOptions, Mode};

use crate::support::{Client, Home, options, stdio};

/// The error of the next message, whose id is null.
async fn refusal(client: &mut Client) -> (Value, i64, String) {
    let message = client.message().await.unwrap();
    let error = &message["error"];
    let text = error["message"].as_str().unwrap().to_owned();
    (message["id"].clone(), error["code"].as_i64().unwrap(), text)
}

#[tokio::test]
async fn an_invalid_line_is_refused_and_the_next_one_served() {
    let mut client = Client::at(&Home::new("")).await;
    for line in ["no json", "[]", "\u{0}", r#"{"id":{}}"#, "{\"id\":1"] {
        client.line(line).await;
        let (id, code, _) = refusal(&mut client).await;
        assert_eq!((id, code), (Value::Null, -32600), "{line}");
    }
    let giant = format!(
        r#"{{"id":9,"method":"app/list","params":{{"cursor":"{}"}}}}"#,
        "9".repeat(17 << 20)
    );
    client.line(&giant).await;
    let (id, code, text) = refusal(&mut client).await;
    assert_eq!((id, code), (Value::Null, -32600));
    assert_eq!(text, "the line is longer than 16777216 bytes");
    client.line("").await;
    assert!(client.names().await.is_empty());
    client.finish().await;
}

#[tokio::test]
async fn a_full_queue_refuses_requests_and_answers_those_it_took() {
    let home = Home::new(&stdio("docs", &["--call-delay-ms", "1000"]));
    let mode = Mode::Local { codex_home: home.path().to_owned() };
    let places = 8;
    let mut client = Client::of(AppServerOptions { places, ..options(mode, <_>::default()) });
    client.initialize(json!({})).await.unwrap();
    let thread = client.thread().await;
    client.startup("docs", "ready").await;
    let call = |bytes: usize| {
        let filler = "x".repeat(bytes);
        json!({ "threadId": thread, "server": "docs", "tool": "pid", "arguments": { "x": filler } })
    };
    // A line longer than 4 KiB takes two places, or more than there are.
    let mut taken = Vec::new();
    for bytes in [0, 0, 0, 0, 0, 0, 5_000] {
        taken.push(client.send("mcpServer/tool/call", call(bytes)).await);
    }
    for bytes in [0, 40_000] {
        let full = client.send("mcpServer/tool/call", call(bytes)).await;
        let error = client.answer(full, "mcpServer/tool/call").await.unwrap_err();
        assert_eq!(error, (-32001, "Server overloaded; retry later.".to_owned()));
    }
    for _ in &taken {
        let message = client.message().await.unwrap();
        assert!(message["result"].is_object(), "{message}");
    }
    // The places are freed when the responses are written.
    assert!(client.call(&thread, "docs", "pid").await.is_ok());
    client.finish().await;
}
