//! Subjects in subprocesses: driven as the protocol says, and never trusted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics fails, as it should")]
#![cfg(unix)]

mod breakdowns;
mod checked;
mod numbers;
mod sequences;
mod warnings;
mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcp_overlay::subject::StdioDriver;
use mcp_overlay::subject::stdio::Patience;
use mcp_overlay_model::{Case, Profile};
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_millis(600);

/// An example, which cargo builds with the tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing; cargo test builds it, or: cargo build --examples",
        path.display()
    );
    path
}

/// The misbehaving processes of one test, with a record of each start.
struct Processes {
    noted: tempfile::TempDir,
}

impl Processes {
    fn new() -> Self {
        Processes { noted: tempfile::tempdir().unwrap() }
    }

    /// The command for a subject with this misbehaviour.
    fn command(&self, way: &str) -> Vec<String> {
        let noted = format!("MISBEHAVING_PROCESSES={}", self.noted.path().display());
        let program = example("misbehaving-subject").display().to_string();
        let words = ["env", &noted, &program, way];
        words.map(str::to_string).to_vec()
    }

    fn start(&self, way: &str) -> StdioDriver {
        self.start_with(way, TIMEOUT)
    }

    fn start_with(&self, way: &str, timeout: Duration) -> StdioDriver {
        let patience = Patience { case: timeout, start: Duration::from_secs(10) };
        StdioDriver::start(self.command(way), &[Profile::default()], patience).unwrap()
    }

    /// Asserts that all processes end soon; returns how many were started.
    fn assert_gone(&self) -> usize {
        let ids: Vec<String> = std::fs::read_dir(self.noted.path())
            .unwrap()
            .map(|noted| noted.unwrap().file_name().into_string().unwrap())
            .collect();
        let deadline = Instant::now() + Duration::from_secs(1);
        for id in &ids {
            while is_running(id) {
                assert!(Instant::now() < deadline, "process {id} is still there");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        ids.len()
    }
}

/// Whether a process is running; a zombie is not.
fn is_running(id: &str) -> bool {
    let status = std::process::Command::new("ps").args(["-o", "stat=", "-p", id]).output().unwrap();
    let stat = String::from_utf8(status.stdout).unwrap();
    !stat.trim().is_empty() && !stat.trim().starts_with('Z')
}

fn case(case: Value) -> Case {
    serde_json::from_value(case).unwrap()
}

/// The case that makes a misbehaving subject misbehave.
fn fatal() -> Case {
    case(json!({"auth": "agent_identity", "host": {"mcp_servers": {"a": {"command": "srv"}}}}))
}

/// A case that it answers.
fn harmless() -> Case {
    case(json!({"auth": "chatgpt", "host": {"mcp_servers": {"b": {"command": "srv"}}}}))
}

/// Saved findings.
fn saved(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder).into_iter().flatten();
    files
        .map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap())
        .collect()
}
