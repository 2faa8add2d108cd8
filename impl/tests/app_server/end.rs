//! The end of input: pending requests get a response, and the server exits within 2 seconds.

use std::time::{Duration, Instant};

use mcp_overlay_host::app_server::{Mode, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt as _, BufReader};

use crate::support::{Client, Home, options, stdio};

#[tokio::test]
async fn requests_in_progress_are_answered_before_the_end() {
    let stubborn = stdio("slow", &["--call-delay-ms", "60000", "--no-exit-on-eof"]);
    let quick = stdio("quick", &["--call-delay-ms", "200"]);
    let mut client = Client::at(&Home::new(&(stubborn + &quick))).await;
    let thread = client.thread().await;
    client.startup("slow", "ready").await;
    let call = |server: &str| json!({ "threadId": thread, "server": server, "tool": "echo" });
    let slow = client.send("mcpServer/tool/call", call("slow")).await;
    let quick = client.send("mcpServer/tool/call", call("quick")).await;
    client.line(r#"{"id":99,"method":"app/li"#.trim_end()).await;
    client.end().await;
    let began = Instant::now();
    let mut answers: Vec<(Value, bool)> = Vec::new();
    while let Some(message) = client.message().await {
        if message.get("id").is_some() {
            answers.push((message["id"].clone(), message.get("result").is_some()));
        }
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(answers.contains(&(json!(quick), true)), "{answers:?}");
    assert!(answers.contains(&(json!(slow), false)), "{answers:?}");
    client.finish().await;
}

#[tokio::test]
async fn cancelling_the_stop_token_ends_the_server() {
    let mut client = Client::at(&Home::new(&stdio("docs", &[]))).await;
    client.thread().await;
    client.startup("docs", "ready").await;
    client.stop.cancel();
    while client.message().await.is_some() {}
    client.finish().await;
}

#[tokio::test]
async fn a_client_that_closes_its_end_ends_the_server() {
    let (input, theirs) = tokio::io::duplex(1 << 16);
    let (output, their_output) = tokio::io::duplex(1 << 16);
    let home = Home::new("");
    let mode = Mode::Local { codex_home: home.path().to_owned() };
    let options = options(mode, <_>::default());
    let serving =
        tokio::spawn(serve(options, BufReader::new(theirs), their_output, <_>::default()));
    drop(output);
    let mut input = input;
    input.write_all(b"{\"id\":1,\"method\":\"app/list\"}\n").await.unwrap();
    // The input stays open.
    tokio::time::timeout(Duration::from_secs(2), serving).await.unwrap().unwrap().unwrap();
    drop(input);
}
