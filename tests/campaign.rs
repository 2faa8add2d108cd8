//! A whole run against subjects that are sound, broken, crashing or silent: the summary, the saved
//! findings and the text report.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mcp_overlay::campaign::{self, ENOUGH_FAILURES, Options, Phase};
use mcp_overlay::finding::Finding;
use mcp_overlay::judge::verdict::FindingKind;
use mcp_overlay::report::text::TextReporter;
use mcp_overlay::report::{Report, RunVerdict};
use mcp_overlay::subject::{FailureKind, InProcess, ProductionSubject, Subject};
use mcp_overlay_model::{Answer, Auth, Case, Rule};

/// A subject that resolves with the given function.
struct Altered<F>(F);

impl<F: Fn(&Case) -> Answer + Sync> Subject for Altered<F> {
    fn name(&self) -> &str {
        "production"
    }

    fn resolve(&self, case: &Case) -> Answer {
        (self.0)(case)
    }
}

/// Resolves with a gate that accepts an API key as a ChatGPT account.
fn api_key_passes(case: &Case) -> Answer {
    let mut case = case.clone();
    if case.auth == Some(Auth::ApiKey) {
        case.auth = Some(Auth::ChatGpt);
    }
    ProductionSubject.resolve(&case)
}

fn run(subject: &dyn Subject, folder: &Path) -> (Report, String) {
    let options = Options {
        cases: Some(3_000),
        seed: 1,
        findings: Some(folder.into()),
        phases: BTreeSet::from([Phase::Vectors, Phase::Random]),
        ..Options::default()
    };
    let mut out = Vec::new();
    let summary =
        campaign::run(&InProcess(subject), &options, &mut TextReporter::new(&mut out)).unwrap();
    // The reporter writes colours, which `anstream` would remove.
    (summary, anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string())
}

fn saved(folder: &Path) -> Vec<Finding> {
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    files.map(|bytes| serde_json::from_slice(&bytes).unwrap()).collect()
}

#[test]
fn a_sound_subject_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, report) = run(&ProductionSubject, folder.path());
    assert!(summary.has_no_disagreement());
    assert_eq!(summary.compared(), 3_400);
    assert!(report.contains("no disagreement in 3,400 cases"), "{report}");
}

#[test]
fn a_broken_subject_is_found_and_its_finding_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, report) = run(&Altered(api_key_passes), folder.path());
    assert!(summary.verdict() == RunVerdict::Findings);
    let findings = saved(folder.path());
    assert_eq!(findings.len(), summary.findings.len());
    for finding in &findings {
        assert!([Some(Rule::GateOpen), Some(Rule::GateClosedRemoves)].contains(&finding.rule));
        assert!(finding.sentence.contains("MUST be"), "{}", finding.sentence);
        assert!(report.contains(&finding.file_name()), "{report}");
        assert_eq!(finding.case.auth, Some(Auth::ApiKey));
    }
}

/// A run whose own cases do not show an earlier finding.
fn run_of_few(subject: &dyn Subject, folder: &Path) -> (Report, String) {
    let options = Options {
        cases: Some(1),
        seed: 3,
        twice: 0.0,
        findings: Some(folder.into()),
        phases: BTreeSet::from([Phase::Random]),
        ..Options::default()
    };
    let mut out = Vec::new();
    let report =
        campaign::run(&InProcess(subject), &options, &mut TextReporter::new(&mut out)).unwrap();
    (report, anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string())
}

#[test]
fn a_finding_of_an_earlier_run_counts_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    run(&Altered(api_key_passes), folder.path());
    let earlier = saved(folder.path());
    let (own, _) = run_of_few(&Altered(api_key_passes), tempfile::tempdir().unwrap().path());
    assert!(own.has_no_disagreement(), "the case of this run must not show the fault");

    let (report, text) = run_of_few(&Altered(api_key_passes), folder.path());
    assert_eq!(report.verdict(), RunVerdict::Findings, "{text}");
    assert_eq!(report.findings.len(), earlier.len(), "{text}");
    assert_eq!(saved(folder.path()).len(), earlier.len(), "{text}");

    // What is about something else stays.
    let other = Finding { subject: "another host 1.0".into(), ..earlier[0].clone() };
    let other = other.save(&folder.path().join("other")).unwrap();
    let other_path = folder.path().join("another.json");
    fs::rename(other, &other_path).unwrap();
    fs::remove_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let (report, text) = run_of_few(&ProductionSubject, folder.path());
    assert!(report.has_no_disagreement(), "{text}");
    let noun = if earlier.len() == 1 { "finding" } else { "findings" };
    let removed = format!("removed: {} saved {noun} of earlier runs", earlier.len());
    assert!(text.contains(&removed), "{text}");
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["another.json", "notes.txt"]);
}

/// The findings of a phase are above its row; the header is repeated above the next row.
#[test]
fn every_row_of_the_table_is_below_a_header() {
    let folder = tempfile::tempdir().unwrap();
    // Vectors have an id, so each phase has its own finding.
    let wrong = |case: &Case| match case.auth {
        Some(Auth::AgentIdentity) if case.id.is_empty() => Answer::errored("no such identity"),
        _ => api_key_passes(case),
    };
    let (_, report) = run(&Altered(wrong), folder.path());
    let lines: Vec<&str> = report.lines().collect();
    let is_row = |line: &str| line.starts_with("vectors  ") || line.starts_with("random  ");
    let is_header = |line: &str| line.starts_with("phase  ");
    let rows: Vec<usize> = (0..lines.len()).filter(|at| is_row(lines[*at])).collect();
    assert_eq!(rows.len(), 2, "{report}");
    for row in rows {
        assert!(is_header(lines[row - 1]) || is_row(lines[row - 1]), "{report}");
    }
    let (_, report) = run(&ProductionSubject, folder.path());
    assert_eq!(report.lines().filter(|line| is_header(line)).count(), 1, "{report}");
}

#[test]
fn the_finding_in_the_readme_matches_the_output() {
    let folder = tempfile::tempdir().unwrap();
    run(&Altered(api_key_passes), folder.path());
    let smallest = saved(folder.path()).into_iter().min_by_key(|f| f.to_string().len()).unwrap();
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains(&smallest.to_string()), "the README lacks:\n{smallest}");
}

#[test]
fn many_failures_end_the_phase_early() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, report) =
        run(&Altered(|_: &Case| Answer::errored("out of order")), folder.path());
    let random = summary.phases.last().unwrap();
    assert!(random.cut_short && random.failures >= ENOUGH_FAILURES && random.cases < 3_000);
    assert_eq!(summary.findings.len(), 1, "they are all the same once they are small");
    assert!(report.contains("ended early"), "{report}");
}

#[test]
fn a_crash_is_a_finding_with_its_message() {
    std::panic::set_hook(Box::new(|_| {}));
    let folder = tempfile::tempdir().unwrap();
    let dies = |case: &Case| match case.auth {
        Some(Auth::AgentIdentity) => panic!("no such identity"),
        _ => ProductionSubject.resolve(case),
    };
    let (summary, report) = run(&Altered(dies), folder.path());
    assert_eq!(summary.verdict(), RunVerdict::Findings);
    let findings = saved(folder.path());
    assert!(
        findings.iter().all(|finding| finding.verdict == FindingKind::Failed(FailureKind::Crashed))
    );
    assert!(report.contains("production crashed") && report.contains("no such identity"));
}

#[test]
fn a_subject_that_skips_every_case_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, report) = run(&Altered(|_: &Case| Answer::skipped("not today")), folder.path());
    assert!(!summary.has_no_disagreement());
    assert!(report.contains("nothing was checked"), "{report}");
    assert!(report.contains("3,000 not comparable"), "{report}");
}
