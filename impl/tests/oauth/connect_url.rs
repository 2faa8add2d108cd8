//! Connecting to a server by its URL.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_overlay_host::connect_url::{Answers, Browser, ConnectUrl, connect_url, parse_call};
use mcp_overlay_host::connection::ConnectError;

use super::provider::{Provider, browse};

fn asked(provider: &Provider, calls: &[&str]) -> ConnectUrl {
    ConnectUrl {
        url: provider.url(),
        timeout: Duration::from_secs(5),
        calls: calls.iter().map(|call| parse_call(call).unwrap()).collect(),
        answer_with_defaults: false,
        scopes: None,
        client_id: None,
        client_secret: None,
        client_metadata_url: None,
        environment: mcp_overlay_host::Environment::default(),
    }
}

async fn headless(provider: &Provider, calls: &[&str]) -> Result<Answers, ConnectError> {
    connect_url(asked(provider, calls), Browser::Headless).await
}

fn advice(result: Result<Answers, ConnectError>) -> String {
    match result.unwrap_err() {
        ConnectError::Unauthorized { advice, .. } => advice,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_server_without_authorization_needs_no_login() {
    let provider = Provider::start().await;
    let answers = headless(&provider, &["write={\"a\":1}"]).await.unwrap();
    assert_eq!(answers.server_info.unwrap().name, "provider");
    assert_eq!((answers.tools.len(), answers.results.len()), (1, 1));
    assert!(provider.state().requests.is_empty());
}

/// Every refusal leads to a login, for the missing scope and those granted before.
#[tokio::test]
async fn a_second_login_requests_the_missing_scope_and_the_granted_ones() {
    let provider = Provider::start().await;
    provider.state().needs = BTreeMap::from([("tools/list", "read"), ("tools/call", "write")]);
    let answers = headless(&provider, &["write", "write"]).await.unwrap();
    assert_eq!(answers.results.len(), 2);
    assert_eq!(provider.count("/authorize"), 2);
    assert_eq!(provider.last("/authorize")["scope"], "read write");
}

#[tokio::test]
async fn the_login_url_is_shown() {
    let provider = Provider::start().await;
    provider.state().needs = BTreeMap::from([("initialize", "read")]);
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    let person = Browser::Person(Arc::new(move |url: &str| {
        seen.lock().unwrap().push(url.to_owned());
        tokio::spawn(browse(url.to_owned()));
    }));
    connect_url(asked(&provider, &[]), person).await.unwrap();
    let shown = shown.lock().unwrap();
    assert!(shown.len() == 1 && shown[0].starts_with(&provider.authorization.uri()), "{shown:?}");
}

#[tokio::test]
async fn the_number_of_logins_is_bounded() {
    let provider = Provider::start().await;
    // Contains a space, so it is never granted.
    provider.state().needs = BTreeMap::from([("tools/list", "a"), ("tools/call", "b c")]);
    let never = advice(headless(&provider, &["write"]).await);
    assert!(never.contains("other scopes"), "{never}");
    assert_eq!(provider.count("/authorize"), 2);

    let provider = Provider::start().await;
    let methods = ["initialize", "notifications/initialized", "tools/list", "tools/call"];
    provider.state().needs = methods.into_iter().zip(["a", "b", "c", "d"]).collect();
    let many = advice(headless(&provider, &["write"]).await);
    assert!(many.contains("more than 3 logins"), "{many}");
    assert_eq!(provider.count("/authorize"), 3);
}

#[tokio::test]
async fn a_headless_login_that_needs_a_person_fails_with_a_message() {
    let provider = Provider::start().await;
    provider.state().needs = BTreeMap::from([("initialize", "read")]);
    let page = format!("{}/page", provider.resource.uri());
    let to = serde_json::Value::from(page);
    provider.state().metadata.insert("authorization_endpoint".to_owned(), to);
    let advice = advice(headless(&provider, &[]).await);
    assert!(advice.contains("a person must log in"), "{advice}");
}

#[tokio::test]
async fn a_refused_login_is_reported() {
    let provider = Provider::start().await;
    provider.state().needs = BTreeMap::from([("initialize", "read")]);
    provider.state().error = Some("access_denied");
    let advice = advice(headless(&provider, &[]).await);
    assert!(advice.contains("refused: access_denied"), "{advice}");
}

#[test]
fn calls_are_parsed() {
    assert_eq!(parse_call("tool"), Ok(("tool".to_owned(), None)));
    let (tool, arguments) = parse_call(r#"tool={"a":"b=c"}"#).unwrap();
    assert_eq!((&*tool, &arguments.unwrap()["a"]), ("tool", &"b=c".into()));
    assert!(parse_call("tool=[1]").is_err() && parse_call("tool={").is_err());
}
