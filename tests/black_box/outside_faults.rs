//! Faults over time that were chosen without a look at the checker (`outside/faults.tsv`): each is
//! found, and blamed on its rule.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use mcp_overlay::black_box::BlackBox;
use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::{Broken, judge, reached};
use mcp_overlay::sequences::story::told;
use mcp_overlay::subject::Driver;
use mcp_overlay_model::lifecycle::{Sequence, Step};
use mcp_overlay_model::{Profile, Rule};

use crate::{IMPATIENCE, PATIENCE, for_each, logins, turns};

const TABLE: &str = include_str!("outside/faults.tsv");
const PAGE: &str = include_str!("../../docs/sequences.md");

/// The seeds of which the table has the median. `check` uses the first one.
const SEEDS: [u64; 5] = [27_191, 1, 2, 3, 4];

/// The sequences to play in place of those that the table names: a busy machine may miss one.
const MORE: u64 = 100;

/// As many as the issue allows.
const MOST: u64 = 200;

/// A line of the table.
pub(crate) struct Fault {
    pub name: &'static str,
    pub rule: Rule,
    /// The public reports.
    reports: &'static str,
    what: &'static str,
    /// The median of the sequences that it takes.
    median: &'static str,
    /// The seed that finds it soonest, and the sequences that it takes then.
    pub seed: u64,
    after: u64,
}

pub(crate) fn faults() -> Vec<Fault> {
    let lines = TABLE.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let fault = |columns: Vec<&'static str>| {
        let rule = Rule::ALL.iter().find(|rule| rule.id() == columns[1]);
        let number = |column: usize| columns.get(column).and_then(|text| text.parse().ok());
        Fault {
            name: columns[0],
            rule: *rule.unwrap(),
            reports: columns[2],
            what: columns[3],
            median: columns.get(4).copied().unwrap_or_default(),
            seed: number(5).unwrap_or_default(),
            after: number(6).unwrap_or(MOST),
        }
    };
    lines.map(fault).collect()
}

/// All faults, or those that the environment variable `FAULT` names.
pub(crate) fn asked_for() -> Vec<Fault> {
    let asked = std::env::var("FAULT").ok();
    let is_asked = |fault: &Fault| asked.as_ref().is_none_or(|names| names.contains(fault.name));
    faults().into_iter().filter(is_asked).collect()
}

/// The profile in which a fault against this rule shows: only the first ones send the host's
/// credentials to loopback, and only the last ones take a reload up at once.
pub(crate) fn profile_of(rule: Rule) -> Profile {
    match rule {
        Rule::LifecycleSignedOut | Rule::LifecycleOtherAccount | Rule::CredentialsAppsOnly => {
            Profile::CodexPr27191
        }
        _ => Profile::CodexPr31803,
    }
}

pub(crate) fn start(fault: &str, profile: Profile) -> BlackBox {
    let tool = env!("CARGO_BIN_EXE_mcp-overlay");
    let stdio = [tool, "endpoint", "stdio"].map(str::to_string).to_vec();
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/outside-host");
    let program = program.display().to_string();
    let command = [&program, fault, "app-server", "--profile", profile.name()];
    let command = command.map(str::to_string).to_vec();
    let is_sound = ["none", turns::SOUND].contains(&fault);
    let patience = if is_sound { PATIENCE } else { IMPATIENCE };
    BlackBox::start(command, stdio, patience, AppsOrigin::Loopback).unwrap()
}

/// What a sequence breaks: the rule, or the kind of breakdown.
pub(crate) fn broken_by(subject: &BlackBox, sequence: &Sequence) -> Option<Result<Broken, String>> {
    match subject.play(sequence).unwrap() {
        Err(failure) => Some(Err(failure.message)),
        Ok(trace) => judge(sequence, &trace).broken().cloned().map(Ok),
    }
}

/// The hosts of these tests give each of their app-servers other URLs, so neither a stored login nor a
/// setting on the command line is for them. `logins.rs` has the faults about logins.
pub(crate) fn is_for_other_hosts(sequence: &Sequence) -> bool {
    sequence.steps.iter().any(|step| {
        matches!(step, Step::LogIn { .. } | Step::SecondThread { .. } | Step::Arguments(_))
    })
}

/// How many sequences it takes until one breaks the rule, and what others broke before.
pub(crate) fn found_after(fault: &Fault, seed: u64, most: u64) -> (Option<u64>, Vec<String>) {
    let profile = profile_of(fault.rule);
    let subject = start(fault.name, profile);
    let mut others = Vec::new();
    for number in 0..most {
        let sequence = random_sequence(profile, Stage::Outside, seed, number);
        if is_for_other_hosts(&sequence) || !reached(&sequence).has(fault.rule) {
            continue;
        }
        match broken_by(&subject, &sequence) {
            None => {}
            Some(Ok(broken)) if broken.rule == fault.rule => return (Some(number + 1), others),
            Some(Ok(broken)) => others.push(format!("{} {}", number + 1, broken.rule)),
            Some(Err(message)) => others.push(format!("{} {message}", number + 1)),
        }
    }
    (None, others)
}

/// More than this takes long; `measure` has them all, and `track_record.rs` a sequence for each.
const SOON: u64 = 20;

#[test]
fn most_faults_from_outside_are_found_soon_and_blamed() {
    let soon: Vec<Fault> = faults().into_iter().filter(|fault| fault.after <= SOON).collect();
    assert!(soon.len() * 3 > faults().len() * 2, "{}", soon.len());
    let problems = Mutex::new(Vec::new());
    for_each(soon, |fault| {
        let (found, others) = found_after(&fault, fault.seed, fault.after + MORE);
        if found.is_none() {
            problems.lock().unwrap().push(format!("{}: {others:?}", fault.name));
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "not found:\n{}", problems.join("\n"));
}

/// The sound host is built as the faulty ones are: an app-server for each thread, with servers in
/// between.
#[test]
fn a_host_with_an_app_server_for_each_thread_is_not_blamed() {
    for profile in [Profile::CodexPr27191, Profile::CodexPr31803] {
        let subject = start("none", profile);
        let next = AtomicU64::new(0);
        for_each((0..40).collect(), |_: u64| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let sequence = random_sequence(profile, Stage::Outside, 1, number);
            if is_for_other_hosts(&sequence) {
                return;
            }
            match broken_by(&subject, &sequence) {
                None => {}
                Some(Ok(broken)) => panic!("{}", told(&sequence, &broken)),
                Some(Err(message)) => panic!("{message}"),
            }
        });
    }
}

#[test]
fn every_rule_over_time_has_a_fault_from_outside() {
    let faults = faults();
    let tested = |rule: &&Rule| {
        let of_logins = logins::FAULTS.iter().any(|(_, breaks)| breaks == *rule);
        let of_turns = turns::FAULTS.iter().any(|(_, breaks)| breaks == *rule);
        of_logins || of_turns || faults.iter().any(|fault| fault.rule == **rule)
    };
    let over_time = Rule::ALL.iter().filter(|rule| rule.id().starts_with("lifecycle"));
    let missing: Vec<&Rule> = over_time.filter(|rule| !tested(rule)).collect();
    // A host that fits neither reading of a change of `auth.json` breaks another rule.
    assert_eq!(missing, [&Rule::LifecycleFileCounts]);
}

/// The rows of the table in docs/sequences.md.
fn rows() -> String {
    let link = |report: &str| {
        let (repository, number) = report.split_once('#').unwrap();
        format!("[{report}](https://github.com/{repository}/issues/{number})")
    };
    let row = |fault: Fault| {
        let reports: Vec<String> =
            fault.reports.split(", ").filter(|report| !report.is_empty()).map(link).collect();
        let Fault { what, rule, median, .. } = fault;
        format!("| {what} | `{rule}` | {} | {median} |\n", reports.join(", "))
    };
    faults().into_iter().map(row).collect()
}

#[test]
fn the_page_has_the_table() {
    let rows = rows();
    assert!(PAGE.contains(&rows), "docs/sequences.md should have:\n{rows}");
}

/// Prints how many sequences each fault takes with each seed; `FAULT=NAMES` chooses.
#[test]
#[ignore = "measures; takes many minutes"]
fn measure() {
    for seed in SEEDS {
        for_each(asked_for(), |fault| {
            let (number, others) = found_after(&fault, seed, MOST);
            let number = number.map_or("-".into(), |number| number.to_string());
            println!("{}\t{seed}\t{number}\t{}", fault.name, others.join(", "));
        });
    }
}
