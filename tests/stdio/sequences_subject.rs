//! A subject that plays sequences over stdio, rightly or with the fault that its argument names. The
//! tests in this folder start it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a process for tests; that it dies is its purpose"
)]

#[path = "../in_process/wrong.rs"]
mod wrong;

use std::io::{self, BufRead, Write};
use std::time::Duration;

use mcp_overlay::Subject;
use mcp_overlay::in_process::driver::HostDriver;
use mcp_overlay::in_process::subject::HostSubject;
use mcp_overlay::subject::ProductionSubject;
use mcp_overlay_model::lifecycle::{BASE, Listed, Means, Seen, Sequence, SignIn, Step};
use mcp_overlay_model::{Answer, Auth, Case, Contributor, ContributorKind, Profile};
use serde_json::{Value, json};
use wrong::Wrong;

fn main() {
    let fault = std::env::args().nth(1).unwrap_or_default();
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        match request["cmd"].as_str().unwrap() {
            "start" => say(&hello(&fault).to_string()),
            "resolve" => {
                let case: Case = serde_json::from_value(request["case"].clone()).unwrap();
                let mut answer = serde_json::to_value(ProductionSubject.resolve(&case)).unwrap();
                answer["seq"] = request["seq"].clone();
                say(&answer.to_string());
            }
            "sequence" => {
                let sequence = serde_json::from_value(request["sequence"].clone()).unwrap();
                say(&answer(&fault, &sequence, request["seq"].as_u64().unwrap()));
            }
            _ => return,
        }
    }
}

fn say(line: &str) {
    println!("{line}");
    io::stdout().flush().unwrap();
}

fn hello(fault: &str) -> Value {
    let mut hello = json!({
        "version": 1,
        "implementation": {"name": "sequences", "version": fault},
        "profiles": Profile::ALL.map(Profile::name),
        "capabilities": ["resolve", "warnings", "sequence"],
    });
    let steps = match fault {
        "knows-dancing" => json!(["config", "view", "dance"]),
        "knows-nothing-that-shows" => json!(["config", "sign_in", "call"]),
        fault if fault.starts_with("library") => json!(["view", "sign_out", "sign_in", "config"]),
        _ => return hello,
    };
    hello["steps"] = steps;
    hello
}

/// The line of the answer.
fn answer(fault: &str, sequence: &Sequence, seq: u64) -> String {
    let observations = match fault.strip_prefix("library") {
        Some(fault) => library(fault.trim_start_matches('-'), sequence),
        None => {
            let host = HostDriver::with(Box::new(Wrong(known(fault))));
            HostSubject::with(host).play(sequence)
        }
    };
    let written = match observations {
        Ok(observations) => json!({"seq": seq, "observations": observations}),
        Err(message) => json!({"seq": seq, "errored": {"message": message}}),
    };
    spoiled(fault, written)
}

/// A fault with a lifetime that suits a host.
fn known(fault: &str) -> &'static str {
    fault.to_string().leak()
}

/// Whether no process of this test has paused.
fn is_first() -> bool {
    let marker = std::env::args().nth(2).unwrap();
    std::fs::File::create_new(marker).is_ok()
}

/// An answer whose form is wrong.
fn spoiled(fault: &str, mut written: Value) -> String {
    let last = written["observations"].as_array_mut().and_then(|all| all.last_mut());
    match (fault, last) {
        ("answers-one-observation-too-few", _) => {
            written["observations"].as_array_mut().map(Vec::pop);
        }
        ("answers-one-observation-too-many", _) => {
            written["observations"].as_array_mut().unwrap().push("done".into());
        }
        ("observes-a-number", Some(last)) => *last = 5.into(),
        ("observes-an-unknown-word", Some(last)) => *last = "dnoe".into(),
        ("observes-a-servers-list", Some(last)) => *last = json!({"servers": ["a"]}),
        ("lists-with-a-word-of-its-own", Some(last)) => *last = json!({"servers": {"a": "tools"}}),
        ("observes-two-things", Some(last)) => *last = json!({"answered": {"by": "u"}, "held": {}}),
        ("observes-a-call-as-a-list", Some(last)) => *last = json!({"answered": ["u", "alice"]}),
        ("misspells-the-account", Some(last)) => {
            *last = json!({"answered": {"by": "u", "acount": "alice"}});
        }
        ("leaves-out-the-url", Some(last)) => *last = json!({"failed": {"account": null}}),
        ("observes-another-step", Some(last)) => *last = json!({"released": []}),
        ("releases-what-is-held", Some(last)) => {
            *last = json!({"released": [{"answered": {"by": "u"}}, {"released": []}]});
        }
        ("answers-another-seq", _) => written["seq"] = 1_000_000.into(),
        ("answers-without-seq", _) => written["seq"] = Value::Null,
        ("answers-as-to-a-case", _) => {
            written = json!({"seq": written["seq"], "skipped": {"reason": "no"}});
        }
        ("fails", _) => written = json!({"seq": written["seq"], "errored": {"message": "no luck"}}),
        ("exits", _) => std::process::exit(3),
        ("hangs", _) => std::thread::sleep(Duration::from_secs(600)),
        ("pauses-once", _) if is_first() => std::thread::sleep(Duration::from_millis(2_300)),
        ("answers-with-a-long-line", _) => return "x".repeat(17 << 20),
        ("nests-deeply", _) => {
            let deep = "[".repeat(100_000) + &"]".repeat(100_000);
            return format!("{{\"seq\":{},\"observations\":{deep}}}", written["seq"]);
        }
        ("repeats-a-member", _) => {
            let line = written.to_string();
            return line.replacen("\"answered\":{", "\"answered\":{\"by\":\"u\",", 1);
        }
        ("answers-twice", _) => return format!("{written}\n{written}"),
        _ => {}
    }
    written.to_string()
}

/// A library that resolves, and knows no threads: it gets a config and a sign-in, and lists servers. It
/// dies of a step that it has not declared.
fn library(fault: &str, sequence: &Sequence) -> Result<Vec<Seen>, String> {
    let mut config = json!({"chatgpt_base_url": BASE});
    // Tokens that the client gave count before the stored sign-in.
    let (mut stored, mut given): (Option<Auth>, Option<Auth>) = (None, None);
    let mut last = Seen::Servers([].into());
    let step = |step: &Step| match step {
        Step::Config(now) => {
            config = now.clone();
            Seen::Done
        }
        Step::SignIn(SignIn { auth, by: Means::Protocol, .. }) if *auth != Auth::ApiKey => {
            given = Some(*auth);
            Seen::Done
        }
        Step::SignIn(SignIn { auth, by, .. }) => {
            stored = Some(*auth);
            given = given.filter(|_| *by == Means::File);
            Seen::Done
        }
        Step::SignOut { by } => {
            if fault != "keeps-the-former-account" {
                stored = None;
                given = given.filter(|_| *by == Means::File);
            }
            Seen::Done
        }
        Step::View => {
            let now = listed(sequence.profile, &config, given.or(stored));
            if fault == "shows-the-last-good-config" && now == Seen::Refused {
                return last.clone();
            }
            last = now.clone();
            now
        }
        other => panic!("asked for {other:?}"),
    };
    Ok(sequence.steps.iter().map(step).collect())
}

/// What a host lists of this config and sign-in.
fn listed(profile: Profile, config: &Value, auth: Option<Auth>) -> Seen {
    let hosted = Contributor { id: "hosted".into(), kind: ContributorKind::HostedApps };
    let case = Case {
        id: String::new(),
        profile,
        host: config.clone(),
        plugins: Vec::new(),
        contributors: vec![hosted],
        auth,
        thread: None,
        requirements: None,
    };
    match ProductionSubject.resolve(&case) {
        Answer::Resolved { views, .. } => {
            let listed = |server: &Value| match server["enabled"].as_bool() {
                Some(false) => Listed::WithoutTools,
                _ => Listed::WithTools,
            };
            let servers = views.effective.iter();
            Seen::Servers(servers.map(|(name, server)| (name.clone(), listed(server))).collect())
        }
        _ => Seen::Refused,
    }
}
