//! Processes, and the homes that they are given.

use mcp_overlay::black_box::narrow::Reach;
use mcp_overlay::subject::{Driver, Route, ask_one};
use mcp_overlay_model::Case;
use serde_json::{Value, json};

use crate::{Hosts, case};

fn with_server(name: &str, auth: Value) -> Case {
    let servers = json!({name: {"url": "https://a.example"}});
    Reach::Loopback.nearest(case(json!({"auth": auth, "host": {"mcp_servers": servers}})))
}

#[test]
fn one_process_is_asked_many_cases() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    let introduced = hosts.noted().len();
    assert_eq!(introduced, 1, "one that says who it is");
    for name in ["a", "b", "c", "a"] {
        ask_one(&subject, &with_server(name, Value::Null));
    }
    assert_eq!(hosts.noted().len() - introduced, 1, "only the file differs");
    // Somebody else is signed in: that is said at the start.
    ask_one(&subject, &with_server("a", "chatgpt".into()));
    assert_eq!(hosts.noted().len() - introduced, 2);
    ask_one(&subject, &with_server("b", Value::Null));
    assert_eq!(hosts.noted().len() - introduced, 2, "both are kept");
    // So are arguments.
    for name in ["a", "b"] {
        ask_one(subject.by_route(Route::Arguments).unwrap(), &with_server(name, Value::Null));
    }
    assert_eq!(hosts.noted().len() - introduced, 4);
}

#[test]
fn restart_starts_afresh() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    ask_one(&subject, &with_server("a", Value::Null));
    let before = hosts.assert_gone_but(1);
    subject.restart();
    assert_eq!(hosts.assert_gone(), before);
    ask_one(&subject, &with_server("a", Value::Null));
    assert_eq!(hosts.noted().len(), before + 1);
}

#[test]
fn few_processes_wait_and_none_is_left_behind() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    let asked = Reach::Loopback.nearest(with_server("a", Value::Null));
    let arguments = subject.by_route(Route::Arguments).unwrap();
    for index in 0..10 {
        let mut case = asked.clone();
        case.host["mcp_servers"]["a"]["url"] = format!("https://{index}.example").into();
        ask_one(arguments, &case);
    }
    hosts.assert_gone_but(6);
    drop(subject);
    assert_eq!(hosts.assert_gone(), 11);
}

/// The secrets differ from process to process, and nobody but the user may read them.
#[test]
fn every_home_has_credentials_of_its_own() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    for auth in ["chatgpt", "api_key"] {
        ask_one(&subject, &with_server("a", auth.into()));
        subject.restart();
        ask_one(&subject, &with_server("a", auth.into()));
    }
    let secrets: Vec<String> = hosts.noted().into_iter().filter_map(|noted| noted.secret).collect();
    let distinct: std::collections::BTreeSet<&String> = secrets.iter().collect();
    assert_eq!((secrets.len(), distinct.len()), (4, 4), "{secrets:?}");
}

#[test]
fn credentials_are_readable_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    ask_one(&subject, &with_server("a", "chatgpt".into()));
    let home = hosts.noted().pop().unwrap().home;
    let mode = |name: &str| home.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("auth.json"), mode("")), (0o600, 0o700));
}
