//! Faults over time that were chosen without a look at the checker (`outside/faults.tsv`): each is
//! found, and blamed on its rule.

use std::path::PathBuf;
use std::sync::Mutex;

use mcp_overlay::black_box::BlackBox;
use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::{Broken, Verdict, judge};
use mcp_overlay::sequences::story::told;
use mcp_overlay::subject::Driver;
use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::{Profile, Rule};

use crate::PATIENCE;

const TABLE: &str = include_str!("outside/faults.tsv");

/// The seeds of which the table has the median.
const SEEDS: [u64; 5] = [27191, 1, 2, 3, 4];

struct Fault {
    name: &'static str,
    rule: Rule,
}

fn faults() -> Vec<Fault> {
    let lines = TABLE.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let fault = |columns: Vec<&'static str>| {
        let rule = Rule::ALL.into_iter().find(|rule| rule.id() == columns[1]);
        Fault { name: columns[0], rule: *rule.unwrap() }
    };
    lines.map(fault).collect()
}

/// The profile in which a fault against this rule shows: only the first ones send the host's
/// credentials to loopback, and only the last ones take a reload up at once.
fn profile_of(rule: Rule) -> Profile {
    match rule {
        Rule::LifecycleSignedOut | Rule::LifecycleOtherAccount | Rule::LifecycleFileCounts => {
            Profile::CodexPr27191
        }
        _ => Profile::CodexPr31803,
    }
}

fn start(fault: &str, profile: Profile) -> BlackBox {
    let tool = std::env::var("TOOL").unwrap_or(env!("CARGO_BIN_EXE_mcp-overlay").into());
    let stdio = [&*tool, "endpoint", "stdio"].map(str::to_string).to_vec();
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/outside-host");
    let program = program.display().to_string();
    let command = [&program, fault, "app-server", "--profile", profile.name()];
    let command = command.map(str::to_string).to_vec();
    BlackBox::start(command, stdio, PATIENCE, AppsOrigin::Loopback).unwrap()
}

/// How many sequences it takes until one breaks the rule, and what broke before.
fn found_after(
    subject: &BlackBox,
    fault: &Fault,
    seed: u64,
    most: u64,
) -> (Option<u64>, Vec<String>) {
    let profile = profile_of(fault.rule);
    let mut others = Vec::new();
    for number in 0..most {
        let sequence = random_sequence(profile, Stage::Outside, seed, number);
        let rule = match subject.play(&sequence).unwrap() {
            Err(failure) => failure.kind.word().to_string(),
            Ok(trace) => match judge(&sequence, &trace) {
                Verdict::Agree => continue,
                Verdict::Advisory(broken) | Verdict::Disagree(broken) => {
                    if broken.rule == fault.rule {
                        return (Some(number + 1), others);
                    }
                    tell(&sequence, &broken);
                    broken.rule.to_string()
                }
            },
        };
        others.push(format!("{} {rule}", number + 1));
    }
    (None, others)
}

fn tell(sequence: &Sequence, broken: &Broken) {
    if std::env::var_os("TELL").is_some() {
        println!("{}", told(sequence, broken));
    }
}

/// Prints how many sequences each fault needs.
#[test]
#[ignore = "measures; takes many minutes"]
fn measure() {
    let text = |name: &str| std::env::var(name).unwrap_or_default();
    let (only, most) = (text("ONLY"), text("MOST").parse().unwrap_or(200));
    let seeds = text("SEEDS").parse().unwrap_or(SEEDS.len());
    let left = Mutex::new(faults().into_iter().rev().filter(|fault| {
        only.is_empty()
            || only
                .split(' ')
                .any(|part| fault.name.contains(part) || fault.rule.id().contains(part))
    }));
    let measure = || {
        loop {
            let Some(fault) = left.lock().unwrap().next() else { return };
            let subject = start(fault.name, profile_of(fault.rule));
            let found: Vec<String> = SEEDS[..seeds]
                .iter()
                .map(|seed| {
                    let (number, others) = found_after(&subject, &fault, *seed, most);
                    let number = number.map_or("-".into(), |number| number.to_string());
                    if others.is_empty() { number } else { format!("{number} {others:?}") }
                })
                .collect();
            println!("{}\t{}\t{}", fault.name, fault.rule, found.join("\t"));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(measure);
        }
    });
}
