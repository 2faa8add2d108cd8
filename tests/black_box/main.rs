//! A running app-server, checked from outside: this project's own host, sound and with deliberate
//! faults.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]
#![cfg(all(unix, feature = "cli"))]

mod command_line;
#[cfg(target_os = "linux")]
mod crash_points;
mod faults;
mod fits;
mod logins;
mod outside_faults;
mod over_time;
mod page;
mod processes;
mod releases;
#[path = "../common/sequence_examples.rs"]
mod sequence_examples;
mod sound;
mod track_record;
mod turns;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mcp_overlay::black_box::BlackBox;
use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::campaign::{self, Options, Phase, Quiet};
use mcp_overlay::report::Report;
use mcp_overlay::subject::stdio::Patience;
use mcp_overlay::subject::{Driver, Reply, ask_one};
use mcp_overlay_model::{Answer, Case, Profile};

/// Each profile that a running host shows; the others differ from one of these in wide cases only.
const SHOWN: [Profile; 5] = [
    Profile::CodexPr27191,
    Profile::CodexPr27198,
    Profile::CodexPr27414,
    Profile::CodexPr29924,
    Profile::CodexPr31803,
];

/// Long enough for a busy machine.
const PATIENCE: Patience =
    Patience { case: Duration::from_secs(20), start: Duration::from_secs(20) };

/// What has no answer by then has none: some faults leave many calls without one.
const IMPATIENCE: Patience = Patience { case: Duration::from_secs(5), ..PATIENCE };

/// Does something with each, a few at a time: most of the time is spent waiting for processes.
fn for_each<T: Send>(all: Vec<T>, act: impl Fn(T) + Sync) {
    let left = Mutex::new(all.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some(next) = next else { return };
                    act(next);
                }
            });
        }
    });
}

/// The example `black-box-host`, which cargo builds with the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples/black-box-host");
    assert!(
        path.exists(),
        "{} is missing; cargo test builds it, or: cargo build --examples",
        path.display()
    );
    path
}

/// The hosts of one test, with a record of each process.
struct Hosts {
    folder: tempfile::TempDir,
}

/// The record of a process, written when it started.
struct Noted {
    process: String,
    home: PathBuf,
    /// The credential that it was given, if any.
    secret: Option<String>,
}

impl Hosts {
    fn new() -> Self {
        Hosts { folder: tempfile::tempdir().unwrap() }
    }

    /// The command for a host with this fault.
    fn command(&self, fault: &str) -> Vec<String> {
        let notes = self.folder.path().join("notes").display().to_string();
        let program = program().display().to_string();
        [&program, fault, &notes, "app-server"].map(str::to_string).to_vec()
    }

    fn start(&self, fault: &str) -> BlackBox {
        self.start_with(fault, PATIENCE)
    }

    fn start_with(&self, fault: &str, patience: Patience) -> BlackBox {
        let tool = env!("CARGO_BIN_EXE_mcp-overlay");
        let stdio = [tool, "endpoint", "stdio"].map(str::to_string).to_vec();
        BlackBox::start(self.command(fault), stdio, patience, AppsOrigin::Loopback).unwrap()
    }

    /// All processes that were started, in order.
    fn noted(&self) -> Vec<Noted> {
        let notes = std::fs::read_to_string(self.folder.path().join("notes")).unwrap_or_default();
        let noted = notes.lines().map(|line| {
            let [process, home, secret] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let secret = (!secret.is_empty()).then(|| secret.to_string());
            Noted { process: process.into(), home: home.into(), secret }
        });
        noted.collect()
    }

    /// Asserts that all processes end soon, and that their homes are removed; returns their number.
    fn assert_gone(&self) -> usize {
        self.assert_gone_but(0)
    }

    /// The same, except for `running` processes that keep their homes.
    fn assert_gone_but(&self, running: usize) -> usize {
        let noted = self.noted();
        let deadline = Instant::now() + Duration::from_secs(2);
        let there = || noted.iter().filter(|noted| is_running(&noted.process)).count();
        while there() > running {
            assert!(Instant::now() < deadline, "{} processes are still there", there());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(there(), running);
        assert_eq!(noted.iter().filter(|noted| noted.home.exists()).count(), running, "homes");
        noted.len()
    }

    /// Asserts that a text contains no credential of any process.
    fn assert_no_secret_in(&self, text: &str) {
        for secret in self.noted().iter().filter_map(|noted| noted.secret.as_ref()) {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

/// Whether a process is running; a zombie is not.
fn is_running(id: &str) -> bool {
    let status = std::process::Command::new("ps").args(["-o", "stat=", "-p", id]).output().unwrap();
    let stat = String::from_utf8(status.stdout).unwrap();
    !stat.trim().is_empty() && !stat.trim().starts_with('Z')
}

fn case(case: serde_json::Value) -> Case {
    serde_json::from_value(case).unwrap()
}

/// The answer to a case.
fn answer(driver: &dyn Driver, case: &Case) -> Answer {
    match ask_one(driver, case) {
        Reply::Answered(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// Runs one phase with `cases` random cases; by the other routes, with a tenth of them.
fn run(driver: &dyn Driver, phase: Phase, cases: u64) -> Report {
    let options =
        Options { phases: [phase].into(), cases: Some(cases), seed: 1, ..Options::default() };
    campaign::run(driver, &options, &mut Quiet).unwrap()
}
