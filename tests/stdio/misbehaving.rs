//! A subject that is correct except for cases with an agent identity, on which it misbehaves as its
//! argument says. The tests in this folder start it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a process for tests; that it dies is its purpose"
)]

use std::io::{self, BufRead, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio, exit};
use std::thread::sleep;
use std::time::Duration;

use mcp_overlay::Subject;
use mcp_overlay::cases::numbers::case_with_integers;
use mcp_overlay::subject::ProductionSubject;
use mcp_overlay_model::{Answer, Auth, Case, Profile};
use serde_json::{Value, json};

const FOREVER: Duration = Duration::from_secs(600);

fn main() {
    let way = std::env::args().nth(1).unwrap_or_default();
    note_process(std::process::id());
    let mut questions = 0_u64;
    let mut stale = None;
    for line in lines(&way) {
        if line.trim().is_empty() && way != "chokes-on-blank-lines" {
            continue;
        }
        if is_too_much(&way, &line) {
            exit(6);
        }
        let mut request: Value = serde_json::from_str(&line).unwrap();
        misread(&way, &line, &mut request, questions);
        match request["cmd"].as_str() {
            Some("start") => start(&way),
            Some("resolve") => {
                questions += 1;
                if skips_profile(&way, &request) {
                    continue;
                }
                let case: Case = serde_json::from_value(request["case"].clone()).unwrap();
                let seq = request["seq"].as_u64().unwrap();
                let answer = match way.as_str() {
                    way if way.contains("-numbers-in-") => {
                        ProductionSubject.resolve(&case_with_integers(case.clone()))
                    }
                    "remembers-the-last-auth" => with_auth_of(&case, &mut stale),
                    _ => ProductionSubject.resolve(&case),
                };
                if way == "pauses-once" && is_first() || way == "pauses-often" && questions == 50 {
                    sleep(Duration::from_millis(2_300));
                }
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
                } else if way.starts_with("warns-") {
                    say_answer(seq, &without_warnings(answer));
                } else {
                    say_answer(seq, &answer);
                }
            }
            _ if way == "does-not-stop" => sleep(FOREVER),
            _ if way == "stops-with-1" => exit(1),
            _ if way == "ignores-stop" => {}
            _ if way == "writes-half-a-line-after-stop" => {
                print!("bye");
                io::stdout().flush().unwrap();
                return;
            }
            _ => return,
        }
    }
    match way.as_str() {
        "waits-for-stop" => sleep(FOREVER),
        "ends-with-1-without-stop" => exit(1),
        _ => {}
    }
}

/// Skips a case of an unknown profile; whether it was one.
fn skips_profile(way: &str, request: &Value) -> bool {
    let known = Profile::ALL.map(Profile::name);
    let profile = request["case"]["profile"].as_str().unwrap_or(known[0]);
    let is_unknown = !known.contains(&profile);
    if is_unknown {
        say_answer(
            request["seq"].as_u64().unwrap(),
            &match way {
                "fails-on-an-unknown-profile" => Answer::errored("unknown profile"),
                _ => Answer::skipped("unknown profile"),
            },
        );
    }
    is_unknown
}

/// Whether no process of this test has paused.
fn is_first() -> bool {
    let folder = std::env::var("MISBEHAVING_PROCESSES").unwrap();
    std::fs::File::create_new(format!("{folder}/paused")).is_ok()
}

/// The lines of standard input. One way reads what is there and takes no more than 300 lines of it.
fn lines(way: &str) -> Box<dyn Iterator<Item = String>> {
    if way != "forgets-requests-far-ahead" {
        return Box::new(io::stdin().lock().lines().map(Result::unwrap));
    }
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 1 << 20]);
    Box::new(
        std::iter::from_fn(move || {
            // Let the pipe fill.
            sleep(Duration::from_millis(20));
            let read = io::stdin().lock().read(&mut chunk).unwrap();
            bytes.extend_from_slice(&chunk[..read]);
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let text: Vec<u8> = bytes.drain(..whole).collect();
            let lines = String::from_utf8(text).unwrap();
            (read > 0).then(|| lines.lines().take(300).map(str::to_string).collect::<Vec<_>>())
        })
        .flatten(),
    )
}

/// Whether a line is more than this subject can read.
fn is_too_much(way: &str, line: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Strict {
        #[serde(rename = "cmd")]
        _cmd: String,
    }
    #[derive(serde::Deserialize)]
    struct StrictCase {
        #[serde(rename = "case")]
        _case: Option<Case>,
    }
    let depth = line.matches("[").count();
    match way {
        "knows-its-own-members-only" => {
            let request: Value = serde_json::from_str(line).unwrap();
            let known = ["cmd", "seq", "case", "version"];
            request.as_object().unwrap().keys().any(|name| !known.contains(&name.as_str()))
        }
        "refuses-a-member-twice" => serde_json::from_str::<Strict>(line).is_err(),
        "refuses-a-member-of-a-case-twice" => serde_json::from_str::<StrictCase>(line).is_err(),
        "wants-cmd-first" => !line.trim_start().starts_with("{\"cmd\""),
        "wants-compact-json" => line.contains("\t"),
        "knows-no-carriage-return" => line.contains('\r'),
        // Every other exponent has a sign.
        "wants-a-sign-of-an-exponent" => line.contains("_sec\":1e15"),
        "reads-2-to-the-64" => line.contains("18446744073709551616"),
        "reads-64-levels" => depth > 64 && line.contains("[[[["),
        "reads-a-million-bytes" => line.len() > 1_000_000,
        _ => false,
    }
}

/// Reads a request as another one than was sent.
fn misread(way: &str, line: &str, request: &mut Value, questions: u64) {
    if request["cmd"] != "resolve" {
        return;
    }
    let case = request["case"].as_object_mut().unwrap();
    match way {
        "wants-auth" if !case.contains_key("auth") => {
            case.insert("auth".into(), "chatgpt".into());
        }
        "takes-the-last-profile" if !case.contains_key("profile") => {
            case.insert("profile".into(), Profile::ALL.last().unwrap().name().into());
        }
        "wants-a-host" if !case.contains_key("host") => {
            case.insert("host".into(), Value::Null);
        }
        "takes-plugins-for-inactive" | "wants-servers-of-plugins" => {
            let plugins = case.get_mut("plugins").and_then(Value::as_array_mut);
            for plugin in plugins.into_iter().flatten() {
                let plugin = plugin.as_object_mut().unwrap();
                if way == "takes-plugins-for-inactive" {
                    plugin.entry("active").or_insert(false.into());
                } else if !plugin.contains_key("mcp_servers") {
                    exit(6);
                }
            }
        }
        "takes-null-for-a-list" if case.get("plugins") == Some(&Value::Null) => {
            exit(6);
        }
        "knows-no-surrogate-pairs" if line.to_lowercase().contains("\\ud83e") => {
            let text = Value::Object(case.clone()).to_string().replace('\u{1f980}', "\u{fffd}");
            request["case"] = serde_json::from_str(&text).unwrap();
        }
        "counts-itself" => request["seq"] = (questions + 1).into(),
        "reads-seq-as-32-bits" => {
            let seq = request["seq"].as_u64().unwrap();
            request["seq"] = (seq as u32).into();
        }
        _ => {}
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
        "repeats-its-version" => say(
            r#"{"version":2,"version":1,"implementation":{"name":"m"},"profiles":["codex-pr-27191"],"capabilities":["resolve"]}"#,
        ),
        "speaks-version-2" => say(
            r#"{"version":2,"implementation":{"name":"m"},"profiles":[],"capabilities":["resolve"]}"#,
        ),
        _ => say(&json!({
            "version": 1,
            "implementation": {
                "name": "misbehaving",
                "version": way,
                "language": way.split_once("-numbers-in-").map(|(_, language)| language),
            },
            "profiles": match way {
                "knows-another-profile" => ["codex-pr-1"],
                "knows-a-later-profile" => ["codex-pr-31803"],
                _ => ["codex-pr-27191"],
            },
            "capabilities": match way {
                "warns-undeclared" => vec!["resolve"],
                way if way.starts_with("declares-exact-numbers") => {
                    vec!["resolve", "warnings", "exact-numbers"]
                }
                _ => vec!["resolve", "warnings"],
            },
        })
        .to_string()),
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
            Answer::Resolved { views, plugin_owners, .. } => say(&json!([
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
        repeats if repeats.starts_with("repeats-") => {
            say(&with_a_member_twice(repeats, seq, answer))
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

/// The line of an answer with a member twice. The last one is right, which most readers take.
fn with_a_member_twice(way: &str, seq: u64, answer: &Answer) -> String {
    let (from, to) = match way {
        "repeats-its-seq" => ("{", r#"{"seq":0,"#),
        "repeats-a-view" => (r#""views":"#, r#""views":{},"views":"#),
        "repeats-a-server" => (r#""effective":{"#, r#""effective":{"a":{},"#),
        _ => (r#""effective":{"a":{"#, r#""effective":{"a":{"command":"x","#),
    };
    line_of(seq, answer).replacen(from, to, 1)
}

/// Resolves with the auth of the previous case.
fn with_auth_of(case: &Case, stale: &mut Option<Option<Auth>>) -> Answer {
    let auth = stale.replace(case.auth).unwrap_or(case.auth);
    ProductionSubject.resolve(&Case { auth, ..case.clone() })
}

fn say_answer(seq: u64, answer: &Answer) {
    say(&line_of(seq, answer));
}

fn without_warnings(mut answer: Answer) -> Answer {
    if let Answer::Resolved { warnings, .. } = &mut answer {
        *warnings = None;
    }
    answer
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
