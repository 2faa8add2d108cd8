//! The binary.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{ACCESS_TOKEN, Home, chatgpt, stdio};
use crate::views::{apps, settings};

fn host(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-overlay-host"));
    command.arg("app-server").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn say(process: &mut Child, messages: &[Value]) {
    let input = process.stdin.as_mut().unwrap();
    for message in messages {
        writeln!(input, "{message}").unwrap();
    }
}

fn initialize() -> Value {
    let params = json!({ "clientInfo": { "name": "test", "version": "1" } });
    json!({ "id": 0, "method": "initialize", "params": params })
}

/// Its standard output and standard error until it exits.
fn rest(mut process: Child) -> (String, String) {
    let mut output = (String::new(), String::new());
    process.stdout.take().unwrap().read_to_string(&mut output.0).unwrap();
    process.stderr.take().unwrap().read_to_string(&mut output.1).unwrap();
    assert!(process.wait().unwrap().success(), "{output:?}");
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn orchestrator_mode_needs_no_writable_folder() {
    let server = apps().await;
    let config = settings(&server) + &stdio("docs", &[]);
    let output = tokio::task::spawn_blocking(move || {
        // Not even root can create a file there.
        let nowhere = Path::new("/proc");
        assert!(std::fs::write(nowhere.join("file"), "").is_err());
        let mut command = host(&["--orchestrator"]);
        command.env_clear().current_dir(nowhere);
        for name in ["HOME", "CODEX_HOME", "TMPDIR"] {
            command.env(name, nowhere);
        }
        command.env("MCP_OVERLAY_CONFIG_TOML", config);
        command.env("MCP_OVERLAY_AUTH_JSON", chatgpt(ACCESS_TOKEN).to_string());
        let mut process = command.spawn().unwrap();
        let list = |id: u32, method: &str| json!({ "id": id, "method": method, "params": {} });
        say(&mut process, &[initialize(), list(1, "mcpServerStatus/list"), list(2, "app/list")]);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut answers = vec![Value::Null; 3];
        for _ in 0..3 {
            let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            let id = usize::try_from(answer["id"].as_u64().unwrap()).unwrap();
            answers[id] = answer["result"].clone();
        }
        drop(process.stdin.take());
        let mut errors = String::new();
        process.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(process.wait().unwrap().success());
        (answers, errors)
    });
    let (answers, errors) = output.await.unwrap();
    assert_eq!(answers[1]["data"][0]["serverInfo"]["name"], "apps");
    assert_eq!(answers[1]["data"][1]["name"], "docs");
    assert_eq!(answers[1]["data"][1]["tools"], json!({}));
    assert_eq!(answers[2]["data"][1]["name"], "Mail");
    assert_eq!(errors, "");
}

#[test]
fn the_server_exits_within_two_seconds_of_the_end_of_input() {
    let slow = stdio("slow", &["--delay-ms", "60000", "--no-exit-on-eof"]);
    let home = Home::new(&slow);
    let mut process = host(&[]).env("CODEX_HOME", home.path()).spawn().unwrap();
    let start = json!({ "id": 1, "method": "thread/start", "params": {} });
    let status = json!({ "id": 2, "method": "mcpServerStatus/list", "params": {} });
    say(&mut process, &[initialize(), start, status]);
    let mut first = String::new();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    while !first.contains("starting") {
        output.read_line(&mut first).unwrap();
    }
    process.stdin.as_mut().unwrap().write_all(b"{\"id\":3,\"method\":\"app/li").unwrap();
    drop(process.stdin.take());
    let began = Instant::now();
    output.read_to_string(&mut first).unwrap();
    assert!(process.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    for id in ["\"id\":0", "\"id\":1", "\"id\":2"] {
        assert!(first.contains(id), "no answer {id}: {first}");
    }
}

#[test]
fn sigterm_ends_the_server_like_the_end_of_input() {
    let home = Home::new("");
    let mut process = host(&[]).env("CODEX_HOME", home.path()).spawn().unwrap();
    say(&mut process, &[initialize()]);
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    rest(process);
}

#[test]
fn overrides_apply_and_ignored_settings_cause_warnings() {
    let home = Home::new("mcp_servers.docs.command = \"true\"\nmcp_servers.docs.comand = 1\n");
    std::fs::write(home.path().join("auth.json"), "{ broken").unwrap();
    let mut command = host(&["-c", "mcp_servers.docs.enabled=false"]);
    let mut process = command.env("CODEX_HOME", home.path()).spawn().unwrap();
    let start = json!({ "id": 1, "method": "thread/start", "params": {} });
    let list = |id: u32| json!({ "id": id, "method": "mcpServerStatus/list", "params": {} });
    say(&mut process, &[initialize(), start, list(2), list(3)]);
    drop(process.stdin.take());
    let (output, besides) = rest(process);
    assert!(!output.contains("startupStatus"), "{output}");
    assert_eq!(besides.matches("config.toml:2:").count(), 1, "{besides}");
    assert_eq!(besides.matches("auth.json: not valid JSON").count(), 1, "{besides}");
}

#[test]
fn unread_warnings_block_nothing() {
    let many: String =
        (0..3_000).map(|i| format!("[mcp_servers.s{i}]\ncommand='x'\nfoo=1\n")).collect();
    let home = Home::new(&many);
    for closed in [true, false] {
        let mut process = host(&[]).env("CODEX_HOME", home.path()).spawn().unwrap();
        let unread = process.stderr.take().unwrap();
        if closed {
            drop(unread);
        }
        say(&mut process, &[initialize(), json!({ "id": 1, "method": "app/list" })]);
        // The input ends with the response: at its end the host answers for a short time only.
        let (answered, limit) = mpsc::channel::<()>();
        let input = process.stdin.take();
        std::thread::spawn(move || {
            let _ = limit.recv_timeout(Duration::from_secs(20));
            drop(input);
        });
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let response = lines.find(|line| line.as_ref().unwrap().contains("\"id\":1,\"result\""));
        assert!(response.is_some(), "stderr closed: {closed}");
        drop(answered);
        assert!(process.wait().unwrap().success());
    }
}

#[test]
fn the_end_of_input_is_noticed_behind_unread_responses() {
    let home = Home::new("");
    let mut process = host(&[]).env("CODEX_HOME", home.path()).spawn().unwrap();
    let _unread = process.stdout.take().unwrap();
    let mut input = process.stdin.take().unwrap();
    // Exceeds the capacity of pipes and queues.
    let writing = std::thread::spawn(move || {
        for _ in 0..40_000 {
            if input
                .write_all(b"no message at all, but long enough to fill what there is\n")
                .is_err()
            {
                return;
            }
        }
    });
    let began = Instant::now();
    assert!(process.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    writing.join().unwrap();
}

/// Python holds a lease of the file: the system makes another process wait when it opens the file, for
/// up to 45 seconds, as a file system that does not answer does.
#[cfg(target_os = "linux")]
const LEASE: &str = "
import fcntl, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
file = open(sys.argv[1], 'r+')
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
sys.stdin.read()
";

#[cfg(target_os = "linux")]
#[test]
fn a_home_that_does_not_answer_delays_requests_and_the_exit_for_a_bounded_time() {
    let home =
        Home::new(&format!("chatgpt_base_url = 'http://127.0.0.1:1'\n{}", stdio("docs", &[])));
    home.auth(&chatgpt(ACCESS_TOKEN));
    for file in ["config.toml", "auth.json"] {
        let mut process = host(&[]).env("CODEX_HOME", home.path()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut answer = || lines.next().expect("an answer").unwrap();
        say(&mut process, &[initialize()]);
        answer();
        let mut lease = Command::new("python3")
            .args(["-c", LEASE])
            .arg(home.path().join(file))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut held = String::new();
        BufReader::new(lease.stdout.take().unwrap()).read_line(&mut held).unwrap();
        assert_eq!(held, "held\n");
        let began = Instant::now();
        let list = |id: u32| json!({ "id": id, "method": "mcpServerStatus/list", "params": {} });
        say(&mut process, &[list(1), list(2), list(3)]);
        // In any order.
        for _ in 1..=3 {
            let line = answer();
            assert!(file == "auth.json" || line.contains("does not answer"), "{line}");
            // Without auth.json the user counts as signed out.
            assert!(!line.contains("codex_apps"), "{line}");
        }
        assert!(began.elapsed() < Duration::from_secs(12), "{file}: {:?}", began.elapsed());
        let began = Instant::now();
        drop(process.stdin.take());
        process.wait().unwrap();
        assert!(began.elapsed() < Duration::from_secs(3), "{file}: {:?}", began.elapsed());
        lease.kill().unwrap();
        lease.wait().unwrap();
    }
}
