//! Runs one region of the project once, with fixed input and in one thread, for a tool that counts
//! its instructions: [`measured`] and what it calls is the region. See `gate` beside this package.
//!
//! `mcp-overlay-instructions --list` names the regions.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the input is fixed and valid; a panic fails the gate"
)]

#[path = "../../fixture/mod.rs"]
mod fixture;

use std::fmt::Write;
use std::hint::black_box;
use std::process::ExitCode;

use mcp_overlay::cases::generate::random_case;
use mcp_overlay::judge::compare::compare;
use mcp_overlay::protocol::serve;
use mcp_overlay::subject::{ProductionSubject, Subject};
use mcp_overlay_host::{Environment, HostConfig};
use mcp_overlay_model::{Case, resolve};
use serde_json::json;

use self::fixture::Fixture;

/// Random cases of a region that has some.
const CASES: u64 = 500;

/// A name, and what prepares the work that is measured.
type Region = (&'static str, fn() -> Box<dyn FnMut()>);

const REGIONS: [Region; 12] = [
    ("resolve-10", || resolution(Fixture::new(10))),
    ("resolve-1000", || resolution(Fixture::new(1_000))),
    ("resolve-10000", || resolution(Fixture::new(10_000))),
    ("resolve-plugins", || resolution(Fixture::of_plugins(10_000))),
    ("one-changed", one_changed),
    ("read-again", read_again),
    ("read-config", read_config),
    ("generate", generate),
    ("model", model),
    ("production", production),
    ("compare", comparison),
    ("stdio", stdio),
];

fn main() -> ExitCode {
    let asked = std::env::args().nth(1).unwrap_or_default();
    if asked == "--list" {
        REGIONS.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let Some((_, prepare)) = REGIONS.iter().find(|(name, _)| *name == asked) else {
        eprintln!("no region {asked:?}; mcp-overlay-instructions --list names them");
        return ExitCode::from(2);
    };
    measured(&mut *prepare());
    ExitCode::SUCCESS
}

/// What is counted: callgrind's `--toggle-collect` names this function.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

/// All three views of this host.
fn resolution(fixture: Fixture) -> Box<dyn FnMut()> {
    let manager = fixture.manager();
    Box::new(move || {
        black_box(fixture.resolve(&manager).contains("codex_apps"));
    })
}

/// The effective view of a host of 10,000 servers after one of its contributors changed.
fn one_changed() -> Box<dyn FnMut()> {
    let fixture = Fixture::new(10_000);
    let changing = fixture.changing();
    fixture.read_again(&changing.manager);
    changing.change(0);
    Box::new(move || {
        black_box(fixture.read_again(&changing.manager).contains(&fixture.last));
    })
}

/// The effective view of an unchanged host, many times.
fn read_again() -> Box<dyn FnMut()> {
    let fixture = Fixture::new(1_000);
    let manager = fixture.manager();
    fixture.read_again(&manager);
    Box::new(move || {
        for _ in 0..1_000 {
            black_box(fixture.read_again(&manager).contains("codex_apps"));
        }
    })
}

/// A `config.toml` with 1,000 servers, from its text.
fn read_config() -> Box<dyn FnMut()> {
    let text = fixture::config_toml(1_000);
    Box::new(move || {
        let env = Environment::default();
        black_box(HostConfig::from_toml_str(&text, "config.toml", &[], env).unwrap());
    })
}

fn cases() -> Vec<Case> {
    (0..CASES).map(|index| random_case(1, index)).collect()
}

fn generate() -> Box<dyn FnMut()> {
    Box::new(|| {
        for index in 0..CASES {
            black_box(random_case(1, index));
        }
    })
}

fn model() -> Box<dyn FnMut()> {
    let cases = cases();
    Box::new(move || {
        for case in &cases {
            black_box(resolve(case));
        }
    })
}

fn production() -> Box<dyn FnMut()> {
    let cases = cases();
    Box::new(move || {
        for case in &cases {
            black_box(ProductionSubject.resolve(case));
        }
    })
}

fn comparison() -> Box<dyn FnMut()> {
    let judged = |case: Case| (resolve(&case), ProductionSubject.resolve(&case), case);
    let judged: Vec<_> = cases().into_iter().map(judged).collect();
    Box::new(move || {
        for (outcome, answer, case) in &judged {
            black_box(compare(case, outcome, answer));
        }
    })
}

/// The protocol over stdio, from the lines of requests to those of answers.
fn stdio() -> Box<dyn FnMut()> {
    let mut requests = json!({"cmd": "start", "version": 1}).to_string();
    for (seq, case) in cases().iter().enumerate() {
        let request = json!({"cmd": "resolve", "seq": seq, "case": case});
        write!(requests, "\n{request}").unwrap();
    }
    requests.push('\n');
    Box::new(move || {
        let mut answers = Vec::new();
        serve(&ProductionSubject, requests.as_bytes(), &mut answers).unwrap();
        black_box(answers);
    })
}
