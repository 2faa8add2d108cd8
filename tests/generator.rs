//! The generator produces every situation often enough, and cases of breakdowns are minimal.
//! `tests/selftest.rs` tests wrong answers.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

#[path = "common/smaller.rs"]
mod smaller;

use std::collections::BTreeSet;

use mcp_overlay::cases::generate::{BYTES_PER_CASE, case_from_bytes, random_case, random_of};
use mcp_overlay::cases::labels::{LABELS, LabelCounts, LabelRow, labels};
use mcp_overlay::finding::investigate::investigate;
use mcp_overlay::judge::judge;
use mcp_overlay::subject::{InProcess, ModelSubject, ProductionSubject, Subject};
use mcp_overlay_model::{Answer, Case, Contribution, Profile, resolve};
use smaller::{lacking_one_part, list};

const SEED: u64 = 20_260_401;

#[test]
fn every_situation_has_its_share_of_random_cases_in_every_profile() {
    for profile in Profile::ALL {
        let mut counts = LabelCounts::default();
        for index in 0..30_000 {
            let case = Case { profile, ..random_of(profile)(SEED, index) };
            counts.record(labels(&case, &resolve(&case)));
        }
        for LabelRow { label, words, count, least, .. } in counts.rows(profile.rules()) {
            let share = count * 1000 / counts.cases;
            println!("{}: {words}: {share} of 1000, at least {least}", profile.name());
            assert!(least > 0, "{label:?} may never occur");
            assert!(share >= u64::from(least), "{label:?}, {words}: {share} of 1000, not {least}");
        }
    }
}

#[test]
fn every_situation_can_occur_in_some_profile() {
    for (label, .., rule) in LABELS {
        let can = |profile: Profile| rule.is_none_or(|rule| profile.has(rule));
        assert!(Profile::ALL.into_iter().any(can), "{label:?} needs {rule:?}");
    }
}

#[test]
fn every_profile_is_drawn_about_as_often_as_the_others() {
    for profile in Profile::ALL {
        let drawn = (0..5_000).filter(|index| random_case(SEED, *index).profile == profile).count();
        assert!((430..680).contains(&drawn), "{}: {drawn} of 5000", profile.name());
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

/// A fuzzer passes any bytes: none, one byte repeated, or truncated input.
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

#[test]
fn crashes_and_errors_are_found_and_minimised() {
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
        let subject = InProcess(Fails(removes_docs, answer));
        let case = (0..2_000).map(|index| random_case(SEED, index)).find(removes_docs).unwrap();
        let finding = investigate(&subject, &case).unwrap();
        assert_eq!(finding.verdict.word(), verdict);
        assert_eq!(finding.rule, None);
        assert!(finding.to_string().contains("no such server"), "{finding}");
        for smaller in lacking_one_part(&finding.case) {
            assert!(!judge(&subject, &smaller).1.is_finding(), "not minimal:\n{finding}");
        }
    }
}

#[test]
fn a_correct_subject_yields_no_finding() {
    for subject in [&ModelSubject as &dyn Subject, &ProductionSubject] {
        for index in 0..2_000 {
            let finding = investigate(&InProcess(subject), &random_case(SEED, index));
            assert!(finding.is_none(), "{}", finding.unwrap());
        }
    }
}
