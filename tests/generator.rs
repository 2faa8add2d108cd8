//! The generator reaches what it must reach, and what it finds is minimised to the bone: shown on
//! subjects that are broken in one known place each.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

#[path = "common/broken.rs"]
mod broken;

use std::collections::BTreeSet;

use broken::BROKEN;
use mcp_overlay::generate::{BYTES_PER_CASE, case_from_bytes, random_case};
use mcp_overlay::investigate::investigate;
use mcp_overlay::labels::{LABELS, LabelCounts, labels};
use mcp_overlay::oracle::judge;
use mcp_overlay::rules;
use mcp_overlay::subject::{ModelSubject, ProductionSubject, Subject};
use mcp_overlay_model::{Answer, Case, Contribution, Contributor, ContributorKind, resolve};
use serde_json::Value;

const SEED: u64 = 20_260_401;

#[test]
fn every_situation_has_its_share_of_random_cases() {
    let mut counts = LabelCounts::default();
    for index in 0..60_000 {
        let case = random_case(SEED, index);
        counts.record(labels(&case, &resolve(&case)));
    }
    assert_eq!(counts.cases, 60_000);
    for ((label, words, count), (_, _, least)) in counts.rows().zip(LABELS) {
        let share = count * 1000 / counts.cases;
        println!("{words}: {share} of 1000, at least {least}");
        assert!(least > 0, "{label:?} may never occur");
        assert!(share >= u64::from(least), "{label:?}, {words}: {share} of 1000, not {least}");
    }
}

#[test]
fn the_same_bytes_make_the_same_case() {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut different = BTreeSet::new();
    for _ in 0..2_000 {
        let mut bytes = vec![0; rng.usize(0..2 * BYTES_PER_CASE)];
        rng.fill(&mut bytes);
        let case = case_from_bytes(&bytes);
        assert_eq!(case, case_from_bytes(&bytes));
        different.insert(serde_json::to_string(&case).unwrap());
    }
    assert!(different.len() > 1_500, "only {} cases of 2000 differ", different.len());
    assert_eq!(random_case(1, 2), random_case(1, 2));
    assert_ne!(random_case(1, 2), random_case(1, 3));
    assert_ne!(random_case(1, 2), random_case(2, 2));
}

/// A fuzzer hands over anything: nothing, one byte over and over, bytes cut off anywhere.
#[test]
fn any_bytes_make_a_case_that_survives_json() {
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    for byte in 0..=255 {
        inputs.push(vec![byte; BYTES_PER_CASE]);
    }
    let mut bytes = vec![0; BYTES_PER_CASE];
    fastrand::Rng::with_seed(SEED).fill(&mut bytes);
    for length in 0..=BYTES_PER_CASE {
        inputs.push(bytes[..length].to_vec());
    }
    for input in inputs {
        let case = case_from_bytes(&input);
        let text = serde_json::to_string(&case).unwrap();
        let read: Case = serde_json::from_str(&text).unwrap();
        let both = [&case, &read].map(|case| ModelSubject.resolve(case));
        assert_eq!(both[0], both[1], "{text}");
    }
}

/// Every case that lacks one contributor, contribution, plugin, server, field, feature, variable
/// or host key of `case`, or its auth. Written apart from the minimiser that it checks.
fn lacking_one_part(case: &Case) -> Vec<Case> {
    let mut smaller = Vec::new();
    let mut keep = |change: &dyn Fn(&mut Case)| {
        let mut candidate = case.clone();
        change(&mut candidate);
        smaller.push(candidate);
    };
    if case.auth.is_some() {
        keep(&|case| case.auth = None);
    }
    for i in 0..case.plugins.len() {
        keep(&|case| drop(case.plugins.remove(i)));
        for name in case.plugins[i].mcp_servers.keys() {
            keep(&|case| drop(case.plugins[i].mcp_servers.remove(name)));
            for field in fields(&case.plugins[i].mcp_servers[name]) {
                keep(&|case| remove_field(&mut case.plugins[i].mcp_servers[name], &field));
            }
        }
    }
    for i in 0..case.contributors.len() {
        keep(&|case| drop(case.contributors.remove(i)));
        for j in 0..list(&case.contributors[i]).len() {
            keep(&|case| drop(list_mut(&mut case.contributors[i]).remove(j)));
            if let Contribution::Set { server, .. } = &list(&case.contributors[i])[j] {
                for field in fields(server) {
                    keep(&|case| match &mut list_mut(&mut case.contributors[i])[j] {
                        Contribution::Set { server, .. } => remove_field(server, &field),
                        Contribution::Remove { .. } => {}
                    });
                }
            }
        }
    }
    for key in fields(&case.host) {
        keep(&|case| remove_field(&mut case.host, &key));
        for inner in fields(&case.host[&key]) {
            keep(&|case| remove_field(&mut case.host[&key], &inner));
            for field in fields(&case.host[&key][&inner]) {
                keep(&|case| remove_field(&mut case.host[&key][&inner], &field));
            }
        }
    }
    smaller
}

fn fields(value: &Value) -> Vec<String> {
    value.as_object().map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

fn remove_field(value: &mut Value, field: &str) {
    if let Value::Object(table) = value {
        table.remove(field);
    }
}

fn list(contributor: &Contributor) -> &[Contribution] {
    match &contributor.kind {
        ContributorKind::Scripted(list) => list,
        ContributorKind::HostedApps => &[],
    }
}

fn list_mut(contributor: &mut Contributor) -> &mut Vec<Contribution> {
    match &mut contributor.kind {
        ContributorKind::Scripted(list) => list,
        ContributorKind::HostedApps => panic!("it has no list"),
    }
}

/// How many findings of each broken subject are looked at.
const FINDINGS: usize = 6;

#[test]
fn every_broken_subject_is_found_blamed_and_minimised() {
    let mut problems = Vec::new();
    for broken in &BROKEN {
        let found = (0..4_000).map(|index| random_case(SEED, index));
        let found = found.filter_map(|case| investigate(broken, &case)).take(FINDINGS);
        let mut blamed = BTreeSet::new();
        for finding in found {
            blamed.insert(finding.rule.clone());
            assert_eq!(finding.sentence, rules::text(&finding.rule));
            assert!(judge(broken, &finding.case).1.is_finding(), "{}: {finding}", broken.name());
            for smaller in lacking_one_part(&finding.case) {
                if judge(broken, &smaller).1.is_finding() {
                    problems.push(format!("{}: not minimal:\n{finding}", broken.name()));
                }
            }
        }
        println!("{}: {blamed:?}", broken.name());
        if !blamed.contains(broken.rules[0]) {
            problems.push(format!("{}: {blamed:?}, not {}", broken.name(), broken.rules[0]));
        }
        if !blamed.iter().all(|rule| broken.rules.contains(&rule.as_str())) {
            problems.push(format!("{}: {blamed:?}, only {:?}", broken.name(), broken.rules));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_crash_and_a_failure_are_found_and_minimised_too() {
    let removes_docs = |case: &Case| {
        case.contributors.iter().flat_map(list).any(
            |contribution| matches!(contribution, Contribution::Remove { name } if name == "docs"),
        )
    };
    struct Fails<F>(F, fn() -> Answer);
    impl<F: Fn(&Case) -> bool + Sync> Subject for Fails<F> {
        fn name(&self) -> &str {
            "fails"
        }
        fn resolve(&self, case: &Case) -> Answer {
            if (self.0)(case) { (self.1)() } else { ModelSubject.resolve(case) }
        }
    }
    // `resume_unwind`, because a panic would fill the report with its message.
    let crash: fn() -> Answer = || std::panic::resume_unwind(Box::new("no such server"));
    for (verdict, answer) in [("crashed", crash), ("errored", || Answer::errored("no such server"))]
    {
        let subject = Fails(removes_docs, answer);
        let case = (0..2_000).map(|index| random_case(SEED, index)).find(removes_docs).unwrap();
        let finding = investigate(&subject, &case).unwrap();
        assert_eq!(finding.verdict, verdict);
        assert_eq!(finding.rule, "");
        assert!(finding.to_string().contains("no such server"), "{finding}");
        for smaller in lacking_one_part(&finding.case) {
            assert!(!judge(&subject, &smaller).1.is_finding(), "not minimal:\n{finding}");
        }
    }
}

#[test]
fn a_subject_that_is_right_yields_no_finding() {
    for subject in [&ModelSubject as &dyn Subject, &ProductionSubject] {
        for index in 0..2_000 {
            let finding = investigate(subject, &random_case(SEED, index));
            assert!(finding.is_none(), "{}", finding.unwrap());
        }
    }
}
