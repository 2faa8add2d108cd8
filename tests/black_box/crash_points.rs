//! The host is killed at each of its file operations, and started again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mcp_overlay::black_box::crash::point::Record;
use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::black_box::{BlackBox, Crash, CrashError, CrashReport};
use mcp_overlay_model::Profile;

use crate::PATIENCE;
use crate::over_time::start;

const PROFILE: Profile = Profile::CodexPr31803;

/// The exit status of `crash-at` where nothing can be traced.
const REFUSED: i32 = 3;

fn tracer() -> Vec<String> {
    [env!("CARGO_BIN_EXE_mcp-overlay"), "crash-at"].map(str::to_string).into()
}

/// The host's own program.
fn host() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("mcp-overlay-host");
    let place = path.display();
    assert!(path.exists(), "{place} is missing; build it: cargo build --workspace --bins");
    path
}

/// Says on the real standard error, which the test harness does not capture, that nothing was checked.
fn not_checked(reason: &str) {
    let _ = writeln!(std::io::stderr(), "NOT CHECKED HERE: crash points: {reason}");
}

fn crash_points(subject: &BlackBox, is_chosen: &dyn Fn(&str) -> bool) -> Option<CrashReport> {
    match subject.crash_points(PROFILE, &tracer(), is_chosen) {
        Ok(report) => Some(report),
        Err(error @ CrashError::NotTraced(_)) => {
            not_checked(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn problems(report: &CrashReport) -> Vec<String> {
    let of = |crash: &Crash| {
        let Crash { point, operation, during, problems, .. } = crash;
        let told = |problem: &String| format!("{point} {operation}, during {during}: {problem}");
        problems.iter().map(told).collect::<Vec<_>>()
    };
    report.crashes.iter().flat_map(of).collect()
}

/// Rule `lifecycle.durable`: A host that ended at any moment and starts again MUST show what is on
/// disk.
#[test]
fn our_host_killed_at_any_file_operation_loses_nothing() {
    let stdio = [env!("CARGO_BIN_EXE_mcp-overlay"), "endpoint", "stdio"].map(str::to_string).into();
    let host = host().display().to_string();
    let command = [&host, "app-server", "--profile", PROFILE.name()].map(str::to_string).into();
    let subject = BlackBox::start(command, stdio, PATIENCE, AppsOrigin::Loopback).unwrap();
    let Some(report) = crash_points(&subject, &|_| true) else { return };
    assert_eq!(problems(&report), [""; 0]);
    let all = report.operations.join("\n");
    for renamed in [".credentials.json", "auth.json"] {
        let is = |operation: &&String| {
            operation.starts_with("rename ") && operation.ends_with(&format!(" {renamed}"))
        };
        assert!(report.operations.iter().any(|operation| is(&operation)), "{renamed}: {all}");
    }
    assert!(all.contains("unlink auth.json"), "{all}");
    // The run that was counted may have done more than the others.
    let not_reached = &report.not_reached;
    assert!(not_reached.len() * 8 <= report.crashes.len(), "{not_reached:?}");
    // The new token is stored before anything else is done: only writing it out is in between.
    let in_between = report.crashes.iter().filter(|crash| !crash.lost.is_empty());
    for Crash { point, operation, .. } in in_between {
        let is_writing = ["write .credentials.json.", "sync .credentials.json.", "rename ."];
        assert!(is_writing.iter().any(|begin| operation.starts_with(begin)), "{point} {operation}");
    }
}

/// Each with words of what is found.
const FAULTS: [(&str, &str); 3] = [
    ("writes-logins-in-place", ".credentials.json is not a JSON object: it has 0 bytes"),
    ("removes-logins-before-it-writes-them", ".credentials.json has lost a login"),
    (
        "does-not-store-the-refreshed-token",
        "a got the new access token, and the old, spent refresh token is stored",
    ),
];

#[test]
fn a_host_that_is_not_careful_is_found() {
    for (fault, words) in FAULTS {
        // Where it writes the logins of the home itself, and where its own store is done.
        let of_logins = |operation: &str| {
            operation.ends_with(".credentials.json") || operation == "unlink auth.json"
        };
        let Some(report) = crash_points(&start(fault, PROFILE), &of_logins) else { return };
        let problems = problems(&report);
        assert!(problems.iter().any(|problem| problem.ends_with(words)), "{fault}: {problems:#?}");
    }
}

/// Runs a program under the tracer; `None` where nothing can be traced.
fn traced(folder: &Path, kill: Option<&str>, command: &[&str]) -> Option<(Output, Record)> {
    let record = tempfile::NamedTempFile::new().unwrap();
    let [program, arguments @ ..] = &tracer()[..] else { unreachable!() };
    let mut tracer = Command::new(program);
    tracer.args(arguments).arg("--folder").arg(folder).arg("--record").arg(record.path());
    tracer.args(kill.iter().flat_map(|kill| ["--kill", kill])).arg("--").args(command);
    tracer.env("CODEX_HOME", folder).stdin(Stdio::null());
    let output = tracer.output().unwrap();
    if output.status.code() == Some(REFUSED) {
        not_checked(&String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let record = Record::read(&std::fs::read_to_string(record.path()).unwrap());
    Some((output, record))
}

/// Each operation is one of another thread: `strace -e inject=…:when=2` would never kill.
const THREADS: &str = "
import os, sys, threading
os.chdir(sys.argv[1])
def alone(act, *arguments):
    thread = threading.Thread(target=act, args=arguments)
    thread.start()
    thread.join()
def write(name, text):
    file = os.open(name, os.O_WRONLY | os.O_CREAT)
    os.write(file, text)
    os.close(file)
alone(write, 'a', b'old')
alone(write, 'b', b'new')
alone(os.rename, 'b', 'a')
alone(os.unlink, 'a')
os.open('/dev/null', os.O_WRONLY)
sys.exit(7)
";

#[test]
fn operations_are_counted_over_all_threads_and_a_kill_is_before_or_after_one() {
    let run = |kill: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let (output, record) =
            traced(&path, kill, &["python3", "-c", THREADS, path.to_str().unwrap()])?;
        let read = |name: &str| std::fs::read_to_string(path.join(name)).ok();
        Some((output.status.code(), record, [read("a"), read("b")]))
    };
    let Some((status, record, _)) = run(None) else { return };
    let all = ["open a", "write a", "open b", "write b", "rename b a", "unlink a"];
    assert_eq!(record.operations, all);
    assert_eq!((status, record.was_killed), (Some(7), false));
    let text = |text: &str| Some(text.to_string());
    for (point, left) in [
        ("before:1", [None, None]),
        ("after:1", [text(""), None]),
        ("before:5", [text("old"), text("new")]),
        ("after:5", [text("new"), None]),
        ("before:6", [text("new"), None]),
        ("after:6", [None, None]),
    ] {
        let (status, record, found) = run(Some(point)).unwrap();
        assert_eq!((status, record.was_killed, found), (Some(137), true, left), "{point}");
    }
    assert!(!run(Some("before:7")).unwrap().1.was_killed);
}

const CONFIG: &str =
    "# mine\nmodel = \"m\" # kept\n\n[mcp_servers.a]\nurl = \"https://a.example\"\n";

/// `mcp add` and `mcp remove` write the config of the user.
#[test]
fn an_edit_of_the_config_is_whole_wherever_it_is_killed() {
    let host = host().display().to_string();
    let add = ["mcp", "add", "b", "--url", "https://b.example"];
    for edit in [&add[..], &["mcp", "remove", "a"]] {
        let command: Vec<&str> = [&*host].into_iter().chain(edit.iter().copied()).collect();
        let run = |kill: Option<&str>| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().canonicalize().unwrap();
            std::fs::write(path.join("config.toml"), CONFIG).unwrap();
            let (output, record) = traced(&path, kill, &command)?;
            let config = std::fs::read_to_string(path.join("config.toml")).unwrap();
            Some((output, record, config))
        };
        let Some((output, record, edited)) = run(None) else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_ne!(edited, CONFIG);
        let renamed = record.operations.iter().position(|one| one.starts_with("rename "));
        let renamed = renamed.unwrap() + 1;
        for operation in 1..=record.operations.len() {
            for (when, is_new) in [("before", operation > renamed), ("after", operation >= renamed)]
            {
                let (_, record, config) = run(Some(&format!("{when}:{operation}"))).unwrap();
                assert!(record.was_killed, "{when}:{operation}");
                let expected = if is_new { edited.as_str() } else { CONFIG };
                assert_eq!(config, expected, "{when}:{operation} {:?}", record.operations.last());
            }
        }
    }
}
