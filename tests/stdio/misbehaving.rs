//! A subject that is correct except for cases with an agent identity, on which it misbehaves as its
//! argument says. The tests in this folder start it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a process for tests; that it dies is its purpose"
)]

use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio, exit};
use std::thread::sleep;
use std::time::Duration;

use mcp_overlay::Subject;
use mcp_overlay::subject::ProductionSubject;
use mcp_overlay_model::{Answer, Auth, Case};
use serde_json::{Value, json};

const FOREVER: Duration = Duration::from_secs(600);

fn main() {
    let way = std::env::args().nth(1).unwrap_or_default();
    note_process(std::process::id());
    let mut questions = 0;
    let mut stale = None;
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        match request["cmd"].as_str() {
            Some("start") => start(&way),
            Some("resolve") => {
                questions += 1;
                let case: Case = serde_json::from_value(request["case"].clone()).unwrap();
                let seq = request["seq"].as_u64().unwrap();
                let answer = match way.as_str() {
                    "remembers-the-last-auth" => with_auth_of(&case, &mut stale),
                    _ => ProductionSubject.resolve(&case),
                };
                if case.auth == Some(Auth::AgentIdentity) {
                    misbehave(&way, seq, &answer);
                } else if way == "lets-api-keys-pass-and-dies" && case.auth == Some(Auth::ApiKey) {
                    // Answers such cases incorrectly, and exits at the fifth.
                    questions += 1_000;
                    if questions > 5_000 {
                        exit(9);
                    }
                    let auth = Some(Auth::ChatGpt);
                    say_answer(seq, &ProductionSubject.resolve(&Case { auth, ..case }));
                } else if way == "logs-its-variables" {
                    eprintln!("asked: {}", case.host["env"]);
                    say_answer(seq, &answer);
                } else if way == "gives-a-variable-as-reason" && case.host["env"].is_object() {
                    let reason = format!("no use for {}", case.host["env"]["TOK"]);
                    say_answer(seq, &Answer::skipped(&reason));
                } else if way == "skips-api-keys" && case.auth == Some(Auth::ApiKey) {
                    say_answer(seq, &Answer::skipped("no such auth here"));
                } else if way == "answers-too-much" {
                    say_answer(seq, &Answer::skipped("x".repeat(15 << 20)));
                } else if way == "dies-of-the-hundredth" && questions == 100 {
                    exit(4);
                } else {
                    say_answer(seq, &answer);
                }
            }
            _ if way == "does-not-stop" => sleep(FOREVER),
            _ if way == "stops-with-1" => exit(1),
            _ => return,
        }
    }
}

/// Records a process that must have ended when the test ends.
fn note_process(id: u32) {
    if let Ok(folder) = std::env::var("MISBEHAVING_PROCESSES") {
        std::fs::write(format!("{folder}/{id}"), "").unwrap();
    }
}

fn start(way: &str) {
    match way {
        "never-starts" => sleep(FOREVER),
        "says-no-hello" => say("ready"),
        "speaks-version-2" => say(r#"{"version":2,"implementation":{"name":"m"},"profiles":[],"capabilities":["resolve"]}"#),
        _ => say(&json!({
            "version": 1,
            "implementation": {"name": "misbehaving", "version": way},
            "profiles": [if way == "knows-another-profile" { "codex-pr-1" } else { "codex-pr-27191" }],
            "capabilities": ["resolve"],
        }).to_string()),
    }
}

fn misbehave(way: &str, seq: u64, answer: &Answer) {
    match way {
        "hangs" => sleep(FOREVER),
        "answers-late" => {
            sleep(Duration::from_millis(1_500));
            say_answer(seq, answer);
        }
        "exits" => exit(3),
        "exits-with-0" => exit(0),
        "dies-by-a-signal" => std::process::abort(),
        "says-no-protocol" => say("Resolving servers... \x1b[31mdone"),
        "says-a-number" => say("42"),
        "says-nothing-of-the-matter" => say(&json!({"seq": seq}).to_string()),
        "answers-another-seq" => say_answer(seq + 1_000_000, answer),
        "dies-in-the-middle-of-a-line" => {
            print!("{{\"seq\":{seq},\"vie");
            io::stdout().flush().unwrap();
            exit(3);
        }
        "answers-with-a-list" => match answer {
            Answer::Resolved { views, plugin_owners } => say(&json!([
                seq,
                [views.configured, views.runtime, views.effective],
                plugin_owners,
                null,
                null,
                null,
            ])
            .to_string()),
            answer => say_answer(seq, answer),
        },
        "answers-without-seq" => say(&json!({"errored": {"message": "no"}}).to_string()),
        "answers-twice" => {
            say_answer(seq, answer);
            say_answer(seq, answer);
        }
        "answers-not" => {}
        "says-a-long-line" => say(&"x".repeat(17 << 20)),
        "closes-its-output" => {
            // The new program keeps this process's id, with another output.
            let mut other = Command::new("sleep");
            other.arg("600").stdout(Stdio::null());
            eprintln!("{}", other.exec());
        }
        "has-a-child-answer" => {
            let line = line_of(seq, answer);
            let script = ["-c", "sleep 0.1; printf '%s\\n' \"$1\"", "sh", &line];
            note_process(Command::new("sh").args(script).spawn().unwrap().id());
            exit(5);
        }
        "leaves-a-child" => {
            let child = Command::new("sleep").arg("600").spawn().unwrap();
            note_process(child.id());
            exit(3);
        }
        "floods-its-standard-error" => {
            let noise = "E".repeat(1 << 20);
            (0..4).for_each(|_| eprintln!("{noise}"));
            say_answer(seq, answer);
        }
        "answers-at-random" => {
            let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            match elapsed.unwrap().subsec_micros() % 2 {
                0 => say_answer(seq, answer),
                _ => say_answer(seq, &Answer::errored("unlucky")),
            }
        }
        _ => say_answer(seq, answer),
    }
}

/// Resolves with the auth of the previous case.
fn with_auth_of(case: &Case, stale: &mut Option<Option<Auth>>) -> Answer {
    let auth = stale.replace(case.auth).unwrap_or(case.auth);
    ProductionSubject.resolve(&Case { auth, ..case.clone() })
}

fn say_answer(seq: u64, answer: &Answer) {
    say(&line_of(seq, answer));
}

fn line_of(seq: u64, answer: &Answer) -> String {
    let mut answer = serde_json::to_value(answer).unwrap();
    answer["seq"] = seq.into();
    answer.to_string()
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    // The reader may have closed the pipe.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
