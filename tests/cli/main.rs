//! The command line as a person or a CI job uses it: exit codes and the complete output.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod check;
mod diff;
mod explain;
mod fuzz_case;
mod lint;
mod lint_repairs;
mod parts;
mod replay;
mod rule;
mod selftest;
mod subject;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A temporary folder for a test's files, in which the tool runs.
struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    fn new() -> Self {
        Sandbox { folder: tempfile::tempdir().unwrap() }
    }

    /// Writes a file and returns its name, for use as an argument.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        name.to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the tool: exit code, standard output, standard error, as one text.
    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("CODEX_CONNECTORS_TOKEN")
            .env("COLUMNS", "100")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The tool may have closed its input already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Output {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

struct Output {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Output {
    /// The complete output, for a snapshot.
    fn whole(&self) -> String {
        let code = self.code.map_or("killed".to_string(), |code| code.to_string());
        format!("exit {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_command_has_help() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("help", sandbox.run(&["--help"]).whole());
    for command in [
        "check",
        "crash-points",
        "diff",
        "endpoint",
        "explain",
        "lint",
        "merge",
        "releases",
        "replay",
        "selftest",
        "subject",
    ] {
        let output = sandbox.run(&[command, "--help"]);
        insta::assert_snapshot!(format!("help_{command}"), output.whole());
    }
}

#[test]
fn wrong_use_exits_2() {
    let sandbox = Sandbox::new();
    for arguments in [&["no-such-command"][..], &["check", "--cases", "many"], &[]] {
        let output = sandbox.run(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}
