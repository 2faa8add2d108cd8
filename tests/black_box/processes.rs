//! Processes and their homes.

use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::finding::investigate::investigate;
use mcp_overlay::judge::compare::compare;
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::subject::{Driver, Route, Visibility, ask_one};
use mcp_overlay_model::{Case, Rule, resolve};
use serde_json::{Value, json};

use crate::{Hosts, answer, case};

fn with_server(name: &str, auth: Value) -> Case {
    let servers = json!({name: {"url": "https://a.example"}});
    AppsOrigin::Loopback.nearest(case(json!({"auth": auth, "host": {"mcp_servers": servers}})))
}

#[test]
fn one_process_serves_many_cases() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    let introduced = hosts.noted().len();
    assert_eq!(introduced, 1, "one that says who it is");
    for name in ["a", "b", "c", "a"] {
        ask_one(&subject, &with_server(name, Value::Null));
    }
    assert_eq!(hosts.noted().len() - introduced, 1, "only the file differs");
    // Credentials are given at startup, so another auth needs another process.
    ask_one(&subject, &with_server("a", "chatgpt".into()));
    assert_eq!(hosts.noted().len() - introduced, 2);
    ask_one(&subject, &with_server("b", Value::Null));
    assert_eq!(hosts.noted().len() - introduced, 2, "both are kept");
    // Arguments are given at startup too.
    for name in ["a", "b"] {
        ask_one(subject.by_route(Route::Arguments).unwrap(), &with_server(name, Value::Null));
    }
    assert_eq!(hosts.noted().len() - introduced, 4);
}

#[test]
fn restart_starts_a_new_process() {
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
fn few_processes_stay_idle_and_none_outlives_the_driver() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    let asked = AppsOrigin::Loopback.nearest(with_server("a", Value::Null));
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

/// The secrets differ from process to process, and only the user may read them.
#[test]
fn every_home_has_its_own_credentials() {
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
fn credentials_are_readable_for_the_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    ask_one(&subject, &with_server("a", "chatgpt".into()));
    let home = hosts.noted().pop().unwrap().home;
    let mode = |name: &str| home.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("auth.json"), mode("")), (0o600, 0o700));
}

/// Rule `resolution.pure`: Resolution MUST be a pure function of the case.
#[test]
fn a_host_that_answers_from_memory_is_found_when_asked_again() {
    let hosts = Hosts::new();
    for fault in ["none", "answers-from-memory"] {
        let subject = hosts.start(fault);
        let asked = AppsOrigin::Loopback.nearest(case(json!({"auth": "chatgpt"})));
        let verdict = || {
            let expected = Visibility::Outside.of(&asked, resolve(&asked));
            compare(&asked, &expected, &answer(&subject, &asked))
        };
        assert_eq!(verdict(), Verdict::Agree);
        assert_eq!(verdict() == Verdict::Agree, fault == "none", "{fault}");
        let finding = investigate(&subject, &asked);
        let rule = finding.and_then(|finding| finding.rule);
        assert_eq!(rule, (fault != "none").then_some(Rule::ResolutionPure), "{fault}");
    }
}

/// Homes hold credentials, so none may stay behind.
#[test]
fn an_interrupted_check_leaves_no_folder_behind() {
    let (hosts, folder) = (Hosts::new(), tempfile::tempdir().unwrap());
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let host = hosts.command("none").join(" ");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["check", "--profile", "codex-pr-31803", "--app-server", &host])
        .current_dir(folder.path())
        .env("TMPDIR", &temporary)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let there = || std::fs::read_dir(&temporary).unwrap().count();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while there() < 3 && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(there() >= 3, "homes are made");
    let id = child.id().to_string();
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert_eq!(there(), 0);
}
