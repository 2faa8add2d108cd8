//! The protocol of executors, as docs/executor.md says.

use std::time::Duration;

use mcp_overlay_host::Environment;
use mcp_overlay_host::connection::serve_executor;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, duplex};
use tokio::task::JoinHandle;

struct Executor {
    input: Option<DuplexStream>,
    output: BufReader<DuplexStream>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Executor {
    async fn start() -> Self {
        let ((input, theirs), (output, ours)) = (duplex(1 << 16), duplex(1 << 16));
        let environment = Environment::from_pairs([
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("NAMED", "1".into()),
            ("OTHER", "1".into()),
        ]);
        let serving = tokio::spawn(serve_executor(BufReader::new(theirs), output, environment));
        let mut executor = Self { input: Some(input), output: BufReader::new(ours), serving };
        assert_eq!(executor.event().await, json!({ "event": "hello", "version": 1 }));
        executor
    }

    async fn ask(&mut self, request: Value) {
        let line = format!("{request}\n");
        self.input.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    async fn event(&mut self) -> Value {
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn sh(&mut self, process: u64, script: &str) {
        let env_vars = ["NAMED"];
        self.ask(
            json!({ "op": "spawn", "process": process, "command": "sh", "args": ["-c", script],
            "env": { "OWN": "1" }, "env_vars": env_vars }),
        )
        .await;
        assert_eq!(self.event().await, json!({ "event": "spawned", "process": process }));
    }
}

#[tokio::test]
async fn a_process_is_fed_heard_and_ended() {
    let mut executor = Executor::start().await;
    executor.sh(1, "echo $NAMED$OTHER$OWN; cat; exit 3").await;
    // "11": of the variables of the executor only the named one, and the given one.
    let stdout = |data: &str| json!({ "event": "stdout", "process": 1, "data": data });
    assert_eq!(executor.event().await, stdout("MTEK"));
    executor.ask(json!({ "op": "stdin", "process": 1, "data": "YWJj" })).await;
    assert_eq!(executor.event().await, stdout("YWJj"));
    executor.ask(json!({ "op": "close", "process": 1 })).await;
    let exit = json!({ "event": "exit", "process": 1, "status": "exit status: 3" });
    assert_eq!(executor.event().await, exit);

    executor.sh(2, "sleep 60").await;
    executor.ask(json!({ "op": "kill", "process": 2 })).await;
    assert_eq!(executor.event().await["status"], "signal: 15 (SIGTERM)");
    executor.ask(json!({ "op": "spawn", "process": 3, "command": "/nowhere" })).await;
    let failed = executor.event().await;
    assert_eq!((&failed["event"], &failed["process"]), (&json!("failed"), &json!(3)));
    executor.input = None;
    executor.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn only_files_inside_of_a_root_are_read() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("in")).unwrap();
    std::fs::write(root.path().join("in/file"), "abc").unwrap();
    std::fs::write(root.path().join("secret"), "x").unwrap();
    std::os::unix::fs::symlink("../secret", root.path().join("in/link")).unwrap();
    let mut executor = Executor::start().await;
    let inside = root.path().join("in");
    for (path, data, error) in [
        ("file", json!("YWJj"), None),
        ("none", Value::Null, None),
        ("../secret", Value::Null, Some("expected a path inside")),
        ("link", Value::Null, Some("leads out")),
    ] {
        executor.ask(json!({ "op": "read", "request": 7, "root": inside, "path": path })).await;
        let file = executor.event().await;
        assert_eq!((&file["event"], &file["request"]), (&json!("file"), &json!(7)));
        assert_eq!(file["data"], data, "{path}");
        let said = file["error"].as_str();
        assert_eq!(said.is_some(), error.is_some(), "{path}: {said:?}");
        assert!(said.unwrap_or_default().contains(error.unwrap_or_default()), "{path}: {said:?}");
    }
}

#[tokio::test]
async fn what_is_no_request_or_too_long_ends_it_without_being_repeated() {
    for (line, expected) in [
        ("{\"op\":\"SECRET\"}\n".to_owned(), "a line is not a request"),
        ("SECRET".repeat(400_000), "it writes a line that is too long"),
    ] {
        let mut executor = Executor::start().await;
        let mut input = executor.input.take().unwrap();
        let writing = tokio::spawn(async move { drop(input.write_all(line.as_bytes()).await) });
        let error = executor.serving.await.unwrap().unwrap_err().to_string();
        assert_eq!(error, expected);
        writing.await.unwrap();
    }
}

/// As many as docs/executor.md says, and another one as soon as one has ended.
#[tokio::test]
async fn an_executor_runs_a_limited_number_of_processes() {
    const MOST: u64 = 256;
    let mut executor = Executor::start().await;
    let spawn = |process: u64| json!({ "op": "spawn", "process": process, "command": "sleep", "args": ["60"] });
    for process in 0..MOST {
        executor.ask(spawn(process)).await;
        assert_eq!(executor.event().await, json!({ "event": "spawned", "process": process }));
    }
    executor.ask(spawn(MOST)).await;
    let failed = executor.event().await;
    assert_eq!((&failed["event"], &failed["process"]), (&json!("failed"), &json!(MOST)));
    executor.ask(json!({ "op": "kill", "process": 7 })).await;
    let exit = executor.event().await;
    assert_eq!((&exit["event"], &exit["process"]), (&json!("exit"), &json!(7)));
    executor.ask(spawn(MOST + 1)).await;
    assert_eq!(executor.event().await, json!({ "event": "spawned", "process": MOST + 1 }));
    executor.input = None;
    executor.serving.await.unwrap().unwrap();
}
