//! A host that exits leaves no process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::processes::runs;

/// Starts, and ignores the request to exit.
const STUBBORN: &str = r#"
echo $$ >>"$1/pids"
trap '' TERM HUP INT
read -r line
echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}'
read -r line
read -r line
echo '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","inputSchema":{"type":"object"}}]}}'
"#;

/// Its endless loop.
const WAITS: &str = "while :; do sleep 0.1; done";
/// In shells of their own, which a write to a closed pipe would end.
const FLOODS: &str = r#"while :; do
yes '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}'
done"#;
/// Answers calls.
const ANSWERS: &str = r#"n=2; while read -r line; do case "$line" in *tools/call*)
echo "{\"jsonrpc\":\"2.0\",\"id\":$n,\"result\":{\"content\":[]}}"; n=$((n+1));; esac; done"#;

/// A host with these servers, which write their process ids to its folder.
struct Host {
    process: Child,
    lines: Box<dyn Iterator<Item = Value>>,
    folder: tempfile::TempDir,
}

impl Host {
    /// Starts it and a thread, and waits until all servers run.
    fn start(servers: &[(&str, &str)]) -> (Self, String) {
        let folder = tempfile::tempdir().unwrap();
        let config: String = servers.iter().map(|server| entry(server, folder.path())).collect();
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_mcp-overlay-host"))
            .arg("app-server")
            .env("CODEX_HOME", folder.path())
            // The minimum number of worker threads.
            .env("TOKIO_WORKER_THREADS", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let lines = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        let mut host = Self { process, lines: Box::new(lines), folder };
        let client = json!({ "clientInfo": { "name": "test", "version": "1" } });
        host.ask(0, "initialize", &client);
        let started = host.ask(1, "thread/start", &json!({}));
        let thread = started["result"]["thread"]["id"].as_str().unwrap().to_owned();
        (host, thread)
    }

    fn ask(&mut self, id: u64, method: &str, params: &Value) -> Value {
        let request = json!({ "id": id, "method": method, "params": params });
        writeln!(self.process.stdin.as_mut().unwrap(), "{request}").unwrap();
        self.lines.find(|line| line["id"] == id && line.get("method").is_none()).unwrap()
    }

    fn pids(&self, count: usize) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let pids = std::fs::read_to_string(self.folder.path().join("pids")).unwrap_or_default();
            if pids.lines().count() == count {
                return pids.lines().map(str::to_owned).collect();
            }
            assert!(begin.elapsed() < Duration::from_secs(5), "{pids:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How long it takes to exit, and which of these processes still run then.
    fn end(mut self, pids: Vec<String>) -> (Duration, Vec<String>) {
        let begin = Instant::now();
        drop(self.process.stdin.take());
        // Reads its output so that it does not block.
        self.lines.by_ref().for_each(drop);
        self.process.wait().unwrap();
        let took = begin.elapsed();
        // The system takes a moment to remove killed processes.
        std::thread::sleep(Duration::from_millis(100));
        (took, pids.into_iter().filter(|pid| runs(pid)).collect())
    }
}

fn entry((name, rest): &(&str, &str), folder: &Path) -> String {
    let args = json!(["-c", format!("{STUBBORN}{rest}"), "sh", folder]);
    format!("[mcp_servers.{name}]\ncommand = \"bash\"\nargs = {args}\n")
}

#[test]
fn no_process_is_left_of_servers_that_write_without_end() {
    let servers = [("stubborn", WAITS), ("flood", FLOODS), ("flood2", FLOODS)];
    let (host, _) = Host::start(&servers);
    let pids = host.pids(3);
    std::thread::sleep(Duration::from_secs(1));
    let (took, left) = host.end(pids);
    assert!(left.is_empty(), "{left:?}");
    assert!(took < Duration::from_millis(2_300), "{took:?}");
}

#[test]
fn no_process_is_left_after_a_signal() {
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        let (mut host, _) = Host::start(&[("stubborn", WAITS)]);
        let pids = host.pids(1);
        let id = host.process.id().to_string();
        Command::new("kill").args(["-s", signal, &id]).status().unwrap();
        assert!(host.process.wait().unwrap().success(), "{signal}");
        std::thread::sleep(Duration::from_millis(100));
        assert!(!runs(&pids[0]), "{signal}");
    }
}

#[test]
fn servers_that_write_without_end_block_no_other_server() {
    let servers = [("flood", FLOODS), ("flood2", FLOODS), ("plain", ANSWERS)];
    let (mut host, thread) = Host::start(&servers);
    let pids = host.pids(3);
    std::thread::sleep(Duration::from_millis(500));
    let begin = Instant::now();
    let call = json!({ "threadId": thread, "server": "plain", "tool": "a" });
    let answer = host.ask(2, "mcpServer/tool/call", &call);
    let took = begin.elapsed();
    let (_, left) = host.end(pids);
    assert!(answer["result"].is_object(), "{answer}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn no_process_is_left_of_a_host_that_is_killed() {
    // It ignores the end of its input and signals; its child too.
    let child = "(trap '' TERM; while :; do sleep 0.1; done) & echo $! >>\"$1/pids\"";
    // It left the process group.
    let stray = "setsid sleep 300 & echo $! >>\"$1/pids\"";
    let with_children = format!("{child}\n{stray}\n{WAITS}");
    let (mut host, _) = Host::start(&[("stubborn", &with_children), ("flood", FLOODS)]);
    let pids = host.pids(4);
    assert!(pids.iter().all(|pid| runs(pid)), "{pids:?}");
    host.process.kill().unwrap();
    host.process.wait().unwrap();
    let begin = Instant::now();
    while pids.iter().any(|pid| runs(pid)) {
        assert!(begin.elapsed() < Duration::from_secs(3), "{pids:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
