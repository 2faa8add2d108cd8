//! Lines that are no requests, and too many that are.

use serde_json::{Value, json};

use crate::support::{Client, Home, stdio};

/// The error of the next message, which answers no request of ours.
async fn refusal(client: &mut Client) -> (Value, i64, String) {
    let message = client.message().await.unwrap();
    let error = &message["error"];
    let text = error["message"].as_str().unwrap().to_owned();
    (message["id"].clone(), error["code"].as_i64().unwrap(), text)
}

#[tokio::test]
async fn a_line_that_is_no_message_is_refused_and_the_next_one_served() {
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
async fn a_full_queue_is_said_to_be_full_and_what_was_taken_is_answered() {
    let home = Home::new(&stdio("docs", &["--call-delay-ms", "1500"]));
    let mut client = Client::at(&home).await;
    let thread = client.thread().await;
    client.startup("docs", "ready").await;
    // Each takes a quarter of the places.
    let filler = "x".repeat(16_384 / 4 * 4096 - 4096);
    let params = json!({
        "threadId": thread, "server": "docs", "tool": "pid", "arguments": { "x": filler },
    });
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(client.send("mcpServer/tool/call", params.clone()).await);
    }
    let last = sent.pop().unwrap();
    let error = client.answer(last, "mcpServer/tool/call").await.unwrap_err();
    assert_eq!(error, (-32001, "Server overloaded; retry later.".to_owned()));
    // The places are free again when the answers are written.
    for _ in 0..sent.len() {
        let message = client.message().await.unwrap();
        assert!(message["result"].is_object(), "{}", message["error"]);
    }
    assert!(client.call(&thread, "docs", "echo").await.is_ok());
    client.finish().await;
}
