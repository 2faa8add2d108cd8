//! Stdio servers: their environment, and their end. They are shell scripts, which rely on rmcp's
//! request ids, counted from 0.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcp_overlay_host::connection::{
    ConnectContext, ConnectError, ConnectOptions, Connection, Elicitation, Executor, connect,
};
use mcp_overlay_host::hosted_apps::CODEX_APPS;
use mcp_overlay_host::{Environment, ServerConfig};
use serde_json::{Value, json};

use crate::support::{context, server};

/// Responds to initialization and the first list of tools: `a` and `b`.
pub(crate) const START: &str = r#"
read -r line
echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}'
read -r line
read -r line
echo '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","inputSchema":{"type":"object"}},{"name":"b","inputSchema":{"type":"object"}}]}}'
"#;

/// Responds to the first call.
const CALL: &str = r#"read -r line; echo '{"jsonrpc":"2.0","id":2,"result":{"content":[]}}'
"#;

/// A server that runs this script with a folder as `$1`.
pub(crate) fn script(text: &str, folder: &Path, more: Value) -> ServerConfig {
    let mut config = json!({ "command": "sh", "args": ["-c", text, "sh", folder] });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server(&config)
}

fn host(environment: Environment) -> ConnectContext {
    ConnectContext { environment, ..context() }
}

/// A host with only `PATH` in its environment.
pub(crate) fn plain() -> ConnectContext {
    host(Environment::from_pairs([("PATH", std::env::var_os("PATH").unwrap())]))
}

async fn run(text: &str, folder: &Path) -> Result<Connection, ConnectError> {
    let more = json!({ "startup_timeout_sec": 5, "tool_timeout_sec": 3 });
    connect("sh", &script(text, folder, more), &plain()).await
}

async fn until_written(path: &Path) -> String {
    let look = async {
        loop {
            match std::fs::read_to_string(path) {
                Ok(text) if text.ends_with('\n') => return text,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), look).await.unwrap()
}

/// Whether a process with this id runs; a zombie does not.
pub(crate) fn runs(pid: &str) -> bool {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{}/stat", pid.trim())));
    let state = |text: String| text.rsplit(')').next().unwrap().trim().chars().next();
    !matches!(status.map(state), Err(_) | Ok(Some('Z' | 'X')))
}

async fn until_gone(pids: &str) {
    let look = async {
        while pids.split_whitespace().any(runs) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(3), look).await;
    assert!(gone.is_ok(), "of {pids:?} some still run");
}

#[tokio::test]
async fn a_process_lists_and_calls_tools() {
    let folder = tempfile::tempdir().unwrap();
    let more = json!({ "disabled_tools": ["b"] });
    let config = script(&format!("{START}{CALL}cat >/dev/null"), folder.path(), more);
    let connection = connect("sh", &config, &plain()).await.unwrap();
    assert_eq!(connection.server_info().unwrap().name, "sh");
    let names: Vec<_> = connection.tools().iter().map(|tool| tool.name.to_string()).collect();
    assert_eq!(names, ["a"]);
    let refused = connection.call_tool("b", None, None).await.unwrap_err();
    assert!(matches!(refused, ConnectError::UnknownTool { .. }), "{refused:?}");
    connection.call_tool("a", None, None).await.unwrap();
    let begin = Instant::now();
    connection.shutdown().await;
    connection.shutdown().await;
    assert!(begin.elapsed() < Duration::from_millis(400), "{:?}", begin.elapsed());
    connection.closed().await;
    let closed = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(closed, ConnectError::Closed { .. }), "{closed:?}");
}

#[tokio::test]
async fn a_process_sees_only_allowed_environment_variables() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("env >\"$1/env\"; echo >>\"$1/env\"{START}cat >/dev/null");
    let secret = |name: &str| (name.to_owned(), std::ffi::OsString::from("secret"));
    let mut pairs: Vec<_> = [
        "CODEX_CONNECTORS_TOKEN",
        "OPENAI_API_KEY",
        "CODEX_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "SSH_AUTH_SOCK",
        "LD_PRELOAD_NOT",
        "HTTPS_PROXY",
    ]
    .map(secret)
    .to_vec();
    pairs.extend([
        ("PATH".to_owned(), std::env::var_os("PATH").unwrap()),
        ("HOME".to_owned(), "/home/me".into()),
        ("LANG".to_owned(), "de_DE".into()),
        ("TZ".to_owned(), "UTC".into()),
        ("GIVEN".to_owned(), "given".into()),
        ("GIVEN_TOO".to_owned(), "given too".into()),
        ("TERM".to_owned(), "host".into()),
    ]);
    let more = json!({
        "env": { "OWN": "own", "TZ": "own", "GIVEN_TOO": "own" },
        "env_vars": ["GIVEN", { "name": "GIVEN_TOO", "source": "local" }, "UNSET"],
    });
    let config = script(&text, folder.path(), more);
    connect("sh", &config, &host(Environment::from_pairs(pairs))).await.unwrap().shutdown().await;
    let written = std::fs::read_to_string(folder.path().join("env")).unwrap();
    // Set by the shell.
    let own = ["PWD=", "_=", "SHLVL=", "OLDPWD="];
    let mut seen: Vec<_> = written
        .lines()
        .filter(|line| !line.is_empty() && !own.iter().any(|own| line.starts_with(own)))
        .filter(|line| !line.starts_with("PATH="))
        .collect();
    seen.sort_unstable();
    let expected = [
        "GIVEN=given",
        "GIVEN_TOO=own",
        "HOME=/home/me",
        "LANG=de_DE",
        "OWN=own",
        "TERM=host",
        "TZ=own",
    ];
    assert_eq!(seen, expected);
    assert!(!written.contains("secret"));
}

#[tokio::test]
async fn env_vars_passes_a_token_to_a_process() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("echo \"$OPENAI_API_KEY\" >\"$1/token\"{START}cat >/dev/null");
    let config = script(&text, folder.path(), json!({ "env_vars": ["OPENAI_API_KEY"] }));
    let path = std::env::var("PATH").unwrap();
    let env = Environment::from_pairs([("OPENAI_API_KEY", "sk-1"), ("PATH", path.as_str())]);
    connect("sh", &config, &host(env)).await.unwrap().shutdown().await;
    assert_eq!(std::fs::read_to_string(folder.path().join("token")).unwrap(), "sk-1\n");
}

#[tokio::test]
async fn a_process_runs_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    std::fs::create_dir(base.join("sub")).unwrap();
    let text = format!("pwd >\"$1/pwd\"{START}cat >/dev/null");
    let cases = [
        (None, json!({ "cwd": base }), base.clone()),
        (Some(base.clone()), json!({}), base.clone()),
        (Some(base.clone()), json!({ "cwd": "sub" }), base.join("sub")),
        (Some("/".into()), json!({ "cwd": base }), base.clone()),
    ];
    for (cwd, more, expected) in cases {
        let context = ConnectContext { cwd, ..plain() };
        let config = script(&text, &base, more);
        connect("sh", &config, &context).await.unwrap().shutdown().await;
        let written = std::fs::read_to_string(base.join("pwd")).unwrap();
        assert_eq!(Path::new(written.trim()), expected);
    }
    let config = script(&text, &base, json!({ "cwd": base.join("missing") }));
    let error = connect("sh", &config, &plain()).await.unwrap_err();
    assert!(matches!(error, ConnectError::SpawnFailed { .. }), "{error:?}");
    assert!(error.to_string().contains("missing is not a folder"), "{error}");
}

#[tokio::test]
async fn a_missing_command_is_a_spawn_failure() {
    let config = server(&json!({ "command": "no-such-program", "args": ["--token", "secret"] }));
    let error = connect("docs", &config, &plain()).await.unwrap_err();
    assert!(matches!(error, ConnectError::SpawnFailed { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("docs at `no-such-program`: cannot be started: No such file"), "{text}");
    assert!(!format!("{error:?}").contains("secret"));
}

#[tokio::test]
async fn without_an_executor_no_process_starts() {
    let folder = tempfile::tempdir().unwrap();
    let text = "echo started >\"$1/started\"; cat";
    let local = script(text, folder.path(), json!({}));
    let elsewhere = script(text, folder.path(), json!({ "environment_id": "box", "cwd": "/" }));
    let http = server(&json!({ "url": "http://127.0.0.1:9", "environment_id": "box" }));
    let none = ConnectContext { executor: Executor::None, ..plain() };
    for (config, context) in [(&local, &none), (&elsewhere, &plain()), (&http, &plain())] {
        let error = connect("docs", config, context).await.unwrap_err();
        assert!(matches!(error, ConnectError::NeedsExecutor { .. }), "{error:?}");
        assert!(error.to_string().contains("docs needs an executor"), "{error}");
    }
    let more = json!({ "env_vars": [{ "name": "A", "source": "remote" }] });
    let error = connect("docs", &script(text, folder.path(), more), &plain()).await.unwrap_err();
    assert!(matches!(error, ConnectError::RemoteVariable { .. }), "{error:?}");
    let disabled = script(text, folder.path(), json!({ "enabled": false }));
    let error = connect("docs", &disabled, &plain()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Disabled { .. }), "{error:?}");
    let error = connect(CODEX_APPS, &local, &plain()).await.unwrap_err();
    assert_eq!(error, ConnectError::Stdio);
    assert!(!folder.path().join("started").exists());
}

#[tokio::test]
async fn an_exited_process_reports_its_status() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["echo secret >&2; exit 3", "read -r line; exit 3"] {
        let begin = Instant::now();
        let error = run(text, folder.path()).await.unwrap_err();
        let ConnectError::ProcessExited { status, .. } = &error else { panic!("{error:?}") };
        assert!(status.contains('3'), "{status}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn a_call_during_which_the_process_exits_fails() {
    let folder = tempfile::tempdir().unwrap();
    // A child process holds the output open.
    // Or it closes its output a moment before it exits.
    for text in [
        "read -r line; kill -9 $$",
        "sleep 300 & read -r line; kill -9 $$",
        "read -r line; exec >&-; sleep 0.2; kill -9 $$",
    ] {
        let connection = run(&format!("{START}{text}"), folder.path()).await.unwrap();
        let begin = Instant::now();
        let error = connection.call_tool("a", None, None).await.unwrap_err();
        let ConnectError::ProcessExited { status, .. } = &error else { panic!("{error:?}") };
        assert!(status.contains('9'), "{status}");
        assert!(begin.elapsed() < Duration::from_secs(2));
        tokio::time::timeout(Duration::from_secs(2), connection.closed()).await.unwrap();
        let again = connection.call_tool("a", None, None).await.unwrap_err();
        assert!(matches!(again, ConnectError::ProcessExited { .. }), "{again:?}");
    }
}

#[tokio::test]
async fn a_process_that_closes_its_output_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("echo $$ >\"$1/pids\"{START}read -r line; exec >&-; sleep 300");
    let connection = run(&text, folder.path()).await.unwrap();
    let pids = until_written(&folder.path().join("pids")).await;
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
    until_gone(&pids).await;
    let error = connection.call_tool("a", None, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
    assert!(error.to_string().contains("closed its output: check command"), "{error}");
}

#[tokio::test]
async fn a_response_written_just_before_the_exit_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let connection = run(&format!("{START}{CALL}"), folder.path()).await.unwrap();
    connection.call_tool("a", None, None).await.unwrap();
    tokio::time::timeout(Duration::from_secs(2), connection.closed()).await.unwrap();
}

#[tokio::test]
async fn other_output_is_ignored_and_an_overlong_line_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let noise = "echo 'Welcome!'; echo; echo '{\"a\":'; echo '[1]'; echo 'x' >&2\n";
    run(&format!("{noise}{START}{noise}cat >/dev/null"), folder.path())
        .await
        .unwrap()
        .shutdown()
        .await;

    let options = ConnectOptions { max_response_bytes: 100_000, ..ConnectOptions::default() };
    let context = ConnectContext { options, ..plain() };
    let endless = "tr '\\0' x </dev/zero";
    for text in [endless.to_owned(), format!("{START}read -r line; {endless}")] {
        let begin = Instant::now();
        let config = script(&text, folder.path(), json!({ "tool_timeout_sec": 5 }));
        let error = match connect("sh", &config, &context).await {
            Ok(connection) => connection.call_tool("a", None, None).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, ConnectError::TooLarge { .. }), "{error:?}");
        assert!(begin.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn output_on_standard_error_does_not_block_a_process() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("head -c 3000000 /dev/zero >&2{START}cat >/dev/null");
    run(&text, folder.path()).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_process_that_does_not_read_blocks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("echo $$ >\"$1/pids\"{START}sleep 300");
    let connection = run(&text, folder.path()).await.unwrap();
    let large = json!({ "text": "x".repeat(3_000_000) });
    let begin = Instant::now();
    let error = connection.call_tool("a", large.as_object().cloned(), None).await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(4));
    let begin = Instant::now();
    connection.shutdown().await;
    assert!(begin.elapsed() < Duration::from_millis(2_300), "{:?}", begin.elapsed());
    until_gone(&until_written(&folder.path().join("pids")).await).await;
}

#[tokio::test]
async fn no_process_is_left_after_a_startup_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let text = "sleep 300 & echo $$ $! >\"$1/pids\"; sleep 301";
    let config = script(text, folder.path(), json!({ "startup_timeout_sec": 0.5 }));
    let begin = Instant::now();
    let error = connect("sh", &config, &plain()).await.unwrap_err();
    assert!(matches!(error, ConnectError::StartupTimeout { seconds: 0.5, .. }), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(1));
    until_gone(&until_written(&folder.path().join("pids")).await).await;
}

/// Processes that exit at the end of their input, when asked, or only by force, each with a child
/// process.
const STUBBORN: [&str; 3] = [
    "cat >/dev/null",
    "while :; do sleep 0.1; done",
    "trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo $! >>\"$1/pids\"; \
     while :; do sleep 0.1; done",
];

#[tokio::test]
async fn no_process_is_left_after_a_shutdown() {
    for text in STUBBORN {
        for wait in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let text = format!("sleep 300 & echo $$ $! >\"$1/pids\"{START}{text}");
            let connection = run(&text, folder.path()).await.unwrap();
            let pids = until_written(&folder.path().join("pids")).await;
            assert!(pids.split_whitespace().all(runs), "{pids}");
            let begin = Instant::now();
            if wait {
                connection.shutdown().await;
                let alive: Vec<_> = pids.split_whitespace().filter(|pid| runs(pid)).collect();
                assert!(alive.is_empty(), "{text}: {alive:?} of {pids:?} run");
            } else {
                drop(connection);
            }
            until_gone(&pids).await;
            assert!(begin.elapsed() < Duration::from_millis(2_500), "{:?}", begin.elapsed());
        }
    }
}

/// Starts a process that leaves the process group of the server, and its child, before the server
/// starts.
const STRAYS: &str = r#"
setsid sh -c 'trap "" TERM; sleep 300 & echo $! >>"$1/pids"; wait' sh "$1" &
echo $! >>"$1/pids"
until [ "$(wc -l <"$1/pids")" = 2 ]; do sleep 0.01; done"#;

#[tokio::test]
async fn no_process_is_left_that_left_the_process_group() {
    for text in STUBBORN {
        let folder = tempfile::tempdir().unwrap();
        let connection = run(&format!("{STRAYS}{START}{text}"), folder.path()).await.unwrap();
        let pids = until_written(&folder.path().join("pids")).await;
        let strays = pids.lines().take(2).collect::<Vec<_>>().join(" ");
        assert_eq!(strays.split(' ').filter(|pid| runs(pid)).count(), 2, "{strays}");
        connection.shutdown().await;
        until_gone(&strays).await;
    }
}

#[tokio::test]
async fn many_connections_shut_down_concurrently() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("trap '' TERM{START}while :; do sleep 0.1; done");
    let starts = (0..8).map(|_| run(&text, folder.path()));
    let connections = futures_util::future::join_all(starts).await;
    let connections: Vec<_> = connections.into_iter().map(Result::unwrap).collect();
    let begin = Instant::now();
    let ends = connections.iter().map(Connection::shutdown);
    futures_util::future::join_all(ends).await;
    assert!(begin.elapsed() < Duration::from_millis(2_300), "{:?}", begin.elapsed());
}

#[test]
fn no_process_is_left_if_the_runtime_ends_first() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let text = format!("trap '' TERM; sleep 300 & echo $$ $! >\"$1/pids\"{START}sleep 301");
    let connection = runtime.block_on(run(&text, folder.path())).unwrap();
    let pids = runtime.block_on(until_written(&folder.path().join("pids")));
    drop(runtime);
    drop(connection);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(until_gone(&pids));
}

/// Sends a request to the host during a call and records the response.
fn asking(question: &str) -> String {
    let ask = format!("read -r line; echo '{question}'; read -r line; echo \"$line\" >\"$1/said\"");
    let answer = r#"echo '{"jsonrpc":"2.0","id":2,"result":{"content":[]}}'; cat >/dev/null"#;
    format!("{START}{ask}\n{answer}")
}

async fn answer_to(question: &Value, elicitation: Elicitation) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let options = ConnectOptions { elicitation, ..ConnectOptions::default() };
    let context = ConnectContext { options, ..plain() };
    let config = script(&asking(&question.to_string()), folder.path(), json!({}));
    let connection = connect("sh", &config, &context).await.unwrap();
    connection.call_tool("a", None, None).await.unwrap();
    connection.shutdown().await;
    let said = std::fs::read_to_string(folder.path().join("said")).unwrap();
    serde_json::from_str(&said).unwrap()
}

fn form(properties: Value, required: Value) -> Value {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let params = json!({ "mode": "form", "message": "Who?", "requestedSchema": schema });
    json!({ "jsonrpc": "2.0", "id": 77, "method": "elicitation/create", "params": params })
}

#[tokio::test]
async fn elicitations_are_answered_with_defaults_if_the_options_say_so() {
    let properties = json!({
        "name": { "type": "string", "default": "Jo" },
        "age": { "type": "integer", "default": 42 },
        "score": { "type": "number", "default": 9.5 },
        "member": { "type": "boolean", "default": false },
        "colour": { "type": "string", "enum": ["red", "blue"], "default": "blue" },
        "nick": { "type": "string" },
    });
    let question = form(properties, json!(["name"]));
    let said = answer_to(&question, Elicitation::AcceptDefaults).await;
    assert_eq!(said["id"], 77);
    let content =
        json!({ "name": "Jo", "age": 42, "score": 9.5, "member": false, "colour": "blue" });
    assert_eq!(said["result"], json!({ "action": "accept", "content": content }));

    let said = answer_to(&question, Elicitation::Decline).await;
    assert_eq!(said["result"], json!({ "action": "decline" }));
    // A user would have to type a value.
    let question = form(json!({ "nick": { "type": "string" } }), json!(["nick"]));
    let said = answer_to(&question, Elicitation::AcceptDefaults).await;
    assert_eq!(said["result"], json!({ "action": "decline" }));
}

#[tokio::test]
async fn other_server_requests_are_refused() {
    for method in ["roots/list", "sampling/createMessage", "something/else"] {
        let params = json!({ "messages": [], "maxTokens": 1 });
        let question = json!({ "jsonrpc": "2.0", "id": 77, "method": method, "params": params });
        let said = answer_to(&question, Elicitation::AcceptDefaults).await;
        assert_eq!(said["error"]["code"], -32601, "{said}");
    }
}
