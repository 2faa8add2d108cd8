//! `tests/sequences/`: for each fault of `outside/faults.tsv` a small sequence that shows it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::Broken;
use mcp_overlay::sequences::known::KNOWN;
use mcp_overlay::sequences::saved::{FORMAT, SavedSequence};
use mcp_overlay::sequences::shrink::shrink;
use mcp_overlay::sequences::story::told;
use mcp_overlay_model::lifecycle::Sequence;

use crate::outside_faults::{Fault, asked_for, broken_by, faults, found_after, profile_of, start};
use crate::{for_each, over_time};

/// Some faults are races, which a busy machine may decide the other way.
const PLAYS: usize = 10;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sequences")
}

fn read(path: &Path) -> SavedSequence {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn file_of(fault: &Fault) -> PathBuf {
    folder().join(format!("{}.json", fault.name))
}

#[test]
fn every_fault_from_outside_has_one_sequence() {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let files: BTreeSet<PathBuf> = files.collect();
    assert_eq!(files, faults().iter().map(file_of).collect());
    let known: BTreeSet<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, faults().iter().map(|fault| fault.name).collect());
    for fault in faults() {
        let saved = read(&file_of(&fault));
        assert_eq!((saved.format, saved.rule), (FORMAT, Some(fault.rule)), "{}", fault.name);
    }
}

#[test]
fn every_fault_from_outside_is_shown_by_its_sequence() {
    let problems = Mutex::new(Vec::new());
    for_each(faults(), |fault| {
        let sequence = read(&file_of(&fault)).sequence;
        let subject = start(fault.name, sequence.profile);
        let seen: Vec<_> = (0..PLAYS)
            .map(|_| broken_by(&subject, &sequence))
            .take_while(|broken| !is_of(&fault, broken))
            .collect();
        if seen.len() == PLAYS {
            problems.lock().unwrap().push(format!("{}: {seen:?}", fault.name));
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "not shown:\n{}", problems.join("\n"));
}

fn is_of(fault: &Fault, broken: &Option<Result<Broken, String>>) -> bool {
    matches!(broken, Some(Ok(broken)) if broken.rule == fault.rule)
}

/// The faulty hosts without their fault, and this project's own.
#[test]
fn no_sound_host_is_blamed_in_these_sequences() {
    for_each(faults(), |fault| {
        let sequence = read(&file_of(&fault)).sequence;
        for subject in [start("none", sequence.profile), over_time::start("none", sequence.profile)]
        {
            // As in a check, what does not come again is no finding: the machine may be busy.
            let again = || broken_by(&subject, &sequence);
            match again().and_then(|_| again()).and_then(|_| again()) {
                None => {}
                Some(Ok(broken)) => panic!("{}: {}", fault.name, told(&sequence, &broken)),
                Some(Err(message)) => panic!("{}: {message}", fault.name),
            }
        }
    });
}

/// Writes the sequences anew, from those that the generator makes.
#[test]
#[ignore = "writes tests/sequences"]
fn write() {
    std::fs::create_dir_all(folder()).unwrap();
    for_each(asked_for(), |fault| {
        let Some(small) = smallest(&fault) else {
            println!("{}: not found", fault.name);
            return;
        };
        println!("{}: {} steps", fault.name, small.steps.len());
        let saved = SavedSequence {
            format: FORMAT,
            rule: Some(fault.rule),
            subject: None,
            sequence: small,
        };
        let text = serde_json::to_string_pretty(&saved).unwrap();
        std::fs::write(file_of(&fault), format!("{text}\n")).unwrap();
    });
}

/// The smaller one of those that two seeds find; for a race, one that shows it sometimes.
fn smallest(fault: &Fault) -> Option<Sequence> {
    let profile = profile_of(fault.rule);
    let subject = start(fault.name, profile);
    let of_seed = |seed, often: usize| {
        let number = found_after(fault, seed, 200).0?;
        let mut sequence = random_sequence(profile, Stage::Outside, seed, number - 1);
        // What comes after the failing step shows nothing.
        if let Some(Ok(broken)) = broken_by(&subject, &sequence) {
            sequence.steps.truncate(broken.step + 1);
        }
        let shows = |smaller: &Sequence| {
            let plays = (0..2).map(|_| broken_by(&subject, smaller));
            plays.filter(|broken| is_of(fault, broken)).count() >= often
        };
        Some(shrink(&sequence, shows)).filter(|small| shows(small))
    };
    let of = |often| {
        let found = [fault.seed, 7].into_iter().filter_map(|seed| of_seed(seed, often));
        found.min_by_key(|small| small.steps.len())
    };
    of(2).or_else(|| of(1))
}
