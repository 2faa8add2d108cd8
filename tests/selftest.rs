//! The seeded faults: a campaign finds each of them, with its rule and a minimal case, and the
//! committed matrix is up to date.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

#[path = "common/smaller.rs"]
mod smaller;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_overlay::campaign::{self, Options, Phase, Quiet};
use mcp_overlay::cases::edges;
use mcp_overlay::display::grouped;
use mcp_overlay::finding::Finding;
use mcp_overlay::finding::investigate::{Asked, investigate};
use mcp_overlay::judge::verdict::FindingKind;
use mcp_overlay::rules;
use mcp_overlay::selftest::{self, Fault, Matrix, MatrixRow, Watch, faults};
use mcp_overlay::subject::FailureKind;
use mcp_overlay_model::{Case, Rule};
use smaller::lacking_one_part;

/// Runs `check` for every fault, in two threads, and collects the problems.
fn every_fault(check: impl Fn(&'static Fault) -> Vec<String> + Sync) -> Vec<String> {
    let faults: Vec<_> = faults::all().collect();
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
            let of_this = check(fault);
            problems.lock().unwrap().extend(of_this);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    problems.into_inner().unwrap()
}

/// The cases of the faults that have one, by name.
fn listed() -> BTreeMap<String, Case> {
    serde_json::from_str(include_str!("faults/cases.json")).unwrap()
}

/// The finding of the listed case, or those of a small campaign; and that of the edge that the
/// committed matrix names.
fn findings_of(fault: &'static Fault) -> Vec<Finding> {
    let row = Matrix::committed().faults.iter().find(|row| row.fault == fault.name);
    let edge = row.and_then(|row| edges::case_in(fault.profile(), row.edges? - 1));
    let listed = listed().remove(fault.name);
    let driver = fault.driver();
    let of_case = |case: Case| investigate(&*driver, &Case { profile: fault.profile(), ..case });
    let mut findings: Vec<Finding> = if listed.is_none() { campaign_of(fault) } else { Vec::new() };
    findings.extend(listed.into_iter().chain(edge).filter_map(of_case));
    findings
}

/// The vectors, 1,500 random cases, and a part of the small scope.
fn campaign_of(fault: &'static Fault) -> Vec<Finding> {
    let options = Options {
        profile: fault.profile(),
        phases: BTreeSet::from([Phase::Vectors, Phase::Random]),
        cases: Some(1_500),
        ..Options::default()
    };
    let small_scope = Options {
        profile: fault.profile(),
        phases: BTreeSet::from([Phase::Exhaustive]),
        shard: "27/1000".parse().unwrap(),
        ..Options::default()
    };
    let driver = fault.driver();
    let run = |options| campaign::run(&*driver, options, &mut Quiet).unwrap();
    let found = [run(&options), run(&small_scope)].into_iter().flat_map(|report| report.findings);
    found.map(|found| found.finding).collect()
}

#[test]
fn every_fault_is_found_blamed_and_minimised() {
    let problems = every_fault(|fault| {
        let findings = findings_of(fault);
        let mut problems = problems_of_blame(fault, &findings);
        for finding in &findings {
            assert_eq!(finding.subject, fault.name);
            assert_eq!(finding.sentence, finding.rule.map(rules::sentence).unwrap_or_default());
            problems.extend(problem_of_size(fault, finding));
        }
        problems
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Neighbours in the small scope differ only in auth, so such a fault fails without asking again.
#[test]
fn a_fault_that_depends_on_the_previous_case_is_minimised() {
    let fault = faults::named("stale-effective-after-logout").unwrap();
    let phases = BTreeSet::from([Phase::Exhaustive]);
    let options = Options { phases, twice: 0.0, ..Options::default() };
    let report = campaign::run(&*fault.driver(), &options, &mut Quiet).unwrap();
    assert!(!report.findings.is_empty());
    for found in report.findings {
        assert_eq!(found.finding.rule, fault.rule);
        assert!(found.finding.after.is_some() && found.finding.note.is_empty());
        assert_eq!(problem_of_size(fault, &found.finding), None);
    }
}

/// Some finding names the rule of the fault, and none names an unrelated rule.
fn problems_of_blame(fault: &Fault, findings: &[Finding]) -> Vec<String> {
    let blamed: BTreeSet<Option<Rule>> = findings.iter().map(|finding| finding.rule).collect();
    println!("{}: {blamed:?}", fault.name);
    let mut problems = Vec::new();
    // A listed case may show another rule alone that the fault goes through.
    let by_also = listed().contains_key(fault.name)
        && fault.also.iter().any(|rule| blamed.contains(&Some(*rule)));
    if !blamed.contains(&fault.rule) && !by_also {
        problems.push(format!("{}: not blamed on {:?}: {blamed:?}", fault.name, fault.rule));
    }
    for finding in findings {
        let also = finding.rule.is_some_and(|rule| fault.also.contains(&rule));
        // A wrong answer may happen to be what upstream says.
        if finding.rule != fault.rule && !also && !finding.is_advisory() {
            problems.push(format!("{}: blamed on something else:\n{finding}", fault.name));
        }
    }
    if fault.rule.is_none() {
        let crashed = findings
            .iter()
            .any(|finding| finding.verdict == FindingKind::Failed(FailureKind::Crashed));
        problems.extend((!crashed).then(|| format!("{}: no crash was found", fault.name)));
    }
    problems
}

/// Reports a finding that is not minimal: with any one part removed, the case must no longer fail in
/// the same way.
fn problem_of_size(fault: &'static Fault, finding: &Finding) -> Option<String> {
    let driver = fault.driver();
    let fails = |case: Case| {
        let finding = Finding { case, ..finding.clone() };
        let asked = Asked::again(&*driver, &finding);
        let verdict = asked.verdict();
        let about_another = finding.is_advisory() && verdict.rule() != finding.rule;
        verdict.kind() == Some(finding.verdict) && !about_another
    };
    if !fails(finding.case.clone()) {
        return Some(format!("{}: does not fail again:\n{finding}", fault.name));
    }
    let smaller = lacking_one_part(&finding.case).into_iter().find(|case| fails(case.clone()))?;
    let smaller = serde_json::to_string(&smaller).unwrap();
    Some(format!("{}: not minimal:\n{finding}  smaller: {smaller}", fault.name))
}

/// The rule's id as the matrix writes it: empty for a crash.
fn id(fault: &Fault) -> &'static str {
    fault.rule.map_or("", Rule::id)
}

/// The whole self-test takes minutes and is a command; `.ci/run` compares its figures.
#[test]
fn the_committed_matrix_is_about_these_faults() {
    let matrix = Matrix::committed();
    assert_eq!(matrix.version, env!("CARGO_PKG_VERSION"));
    let committed: Vec<[&str; 3]> =
        matrix.faults.iter().map(|row| [&*row.fault, &*row.rule, &*row.what]).collect();
    let current: Vec<[&str; 3]> =
        faults::all().map(|fault| [fault.name, id(fault), fault.what]).collect();
    assert_eq!(committed, current, "write it anew: mcp-overlay selftest --json {COMMITTED}");
    assert_eq!(matrix.weaknesses(), Vec::<String>::new());
    assert!(matrix.sound_cases >= 5_000_000);
}

const COMMITTED: &str = "src/selftest/matrix.json";

#[test]
fn the_page_has_the_committed_matrix() {
    let page = include_str!("../docs/strength.md");
    let matrix = Matrix::committed();
    assert!(page.contains(&matrix.markdown()), "paste it anew: mcp-overlay selftest --markdown");
    let sound = format!("{} random cases", grouped(matrix.sound_cases));
    assert!(page.contains(&sound), "the page lacks {sound:?}");
    assert!(page.contains(&format!("{} faults", matrix.faults.len())));
}

/// A matrix of one fault.
fn matrix_of(row: MatrixRow) -> Matrix {
    Matrix { faults: vec![row], ..Matrix::default() }
}

#[test]
fn a_weak_matrix_lists_its_weaknesses() {
    let none = MatrixRow {
        fault: "x".into(),
        vectors: None,
        edges: None,
        exhaustive: None,
        random: None,
        random_worst: None,
        endpoint: None,
        ..Matrix::committed().faults[0].clone()
    };
    let one = MatrixRow { edges: Some(7), ..none.clone() };
    let two = MatrixRow { random: Some(19_000), ..one.clone() };
    assert_eq!(matrix_of(two).weaknesses(), Vec::<String>::new());
    assert_eq!(matrix_of(one).weaknesses(), ["x: phases that find it: 1, not 2"]);
    assert_eq!(matrix_of(none).weaknesses(), ["x: phases that find it: 0, not 2"]);
    let alarms = Matrix { sound_cases: 5, false_alarms: 1, ..Matrix::default() };
    assert!(alarms.weaknesses()[0].starts_with("false alarms in 5 sound cases: 1"));
}

/// A self-test of two faults: the figures are those of the committed matrix.
#[test]
fn a_self_test_reproduces_the_committed_figures() {
    struct Unseen;
    impl Watch for Unseen {
        fn begin(&self, _: &'static str, _: u64) {}
        fn done(&self, _: u64) {}
    }
    let names = ["api-key-passes-gate", "stale-effective-after-logout"];
    let faults = names.map(|name| faults::named(name).unwrap()).to_vec();
    let matrix = selftest::run(&selftest::Options { faults, sound_cases: 500 }, &Unseen).unwrap();
    assert_eq!(matrix.false_alarms, 0);
    for row in matrix.faults {
        let committed = Matrix::committed().faults.iter().find(|known| known.fault == row.fault);
        assert_eq!(Some(&row), committed);
    }
}
