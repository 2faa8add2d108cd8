//! A sequence that failed in an earlier run tells the failure in the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mcp_overlay::Options;
use mcp_overlay::campaign::{self, Phase, Quiet};
use mcp_overlay::finding::expected::Expected;
use mcp_overlay::in_process::driver::HostDriver;
use mcp_overlay::report::expected_failures::{self, Naming};
use mcp_overlay::report::{Report, RunVerdict};
use mcp_overlay_model::Profile;
use mcp_overlay_model::lifecycle::Sequence;

use crate::wrong::Wrong;

fn run(fault: &'static str, seed: u64, sequences: u64, folder: &Path, list: &str) -> Report {
    let options = Options {
        profile: Profile::CodexPr31803,
        phases: BTreeSet::from([Phase::Sequences]),
        sequences,
        seed,
        findings: Some(folder.into()),
        expected: Expected::parse(list, "known.toml").unwrap(),
        ..Options::default()
    };
    campaign::run(&HostDriver::with(Box::new(Wrong(fault))), &options, &mut Quiet).unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_saved_sequence_is_told_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let first = run("ignores-logout", 1, 300, folder.path(), "");
    let told = |report: &Report| -> BTreeMap<String, Option<Sequence>> {
        let failed = report.scenarios.iter();
        failed.map(|failed| (failed.name.clone(), failed.sequence.clone())).collect()
    };
    let first = told(&first);
    let saved = files(folder.path());
    for (seed, sequences) in [(2, 300), (3, 1)] {
        let again = run("ignores-logout", seed, sequences, folder.path(), "");
        assert_eq!(again.verdict(), RunVerdict::Findings, "{}", again.to_text());
        let again = told(&again);
        assert!(first.iter().all(|(rule, sequence)| again.get(rule) == Some(sequence)));
        let files = files(folder.path());
        assert!(saved.iter().all(|file| files.contains(file)), "{files:?} lacks some of {saved:?}");
    }
    assert!(run("none", 2, 1, folder.path(), "").has_no_disagreement());
    assert!(files(folder.path()).is_empty(), "it no longer fails");
}

/// Its sequence may be rare: an entry that the random ones do not meet is played.
#[test]
fn the_sequence_of_an_entry_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let first = run("ignores-logout", 1, 300, folder.path(), "");
    let before = Expected::default();
    let written = expected_failures::write(&first, Naming::ByFinding, &before);
    assert!(written.contains("\nsequence = "), "{written}");
    fs::remove_dir_all(folder.path()).unwrap();
    let again = run("ignores-logout", 3, 1, folder.path(), &written);
    assert!(again.has_no_disagreement(), "{written}\n{}", again.to_text());
    assert_eq!(again.expectations[0].met, 1);
    let mended = run("none", 3, 1, folder.path(), &written);
    assert_eq!(mended.verdict(), RunVerdict::Findings, "it no longer fails");
}
