//! proptest over the checker's generator, shrinking by the checker's minimiser.

use std::cell::Cell;

use mcp_overlay::cases::generate::{BYTES_PER_CASE, case_from_bytes};
use mcp_overlay::cases::shrink::simpler;
use mcp_overlay::subject::{ProductionSubject, Subject};
use mcp_overlay_model::{Answer, Case, Profile, Rule};
use proptest::prelude::Rng;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use crate::common::SUBJECTS;
use crate::consequences::{self, CONSEQUENCES};
use crate::law::{self, Law, Said};
use crate::law_of_reasons;

/// How many cases a law is tried on.
const CASES: u32 = 1000;

/// Every case the generator makes, in one of these profiles.
#[derive(Clone, Copy, Debug)]
struct Cases<'a>(&'a [Profile]);

impl Strategy for Cases<'_> {
    type Tree = CaseTree;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut bytes = [0; BYTES_PER_CASE];
        runner.rng().fill_bytes(&mut bytes);
        let mut case = case_from_bytes(&bytes);
        let mut byte = [0];
        runner.rng().fill_bytes(&mut byte);
        case.profile = self.0[usize::from(byte[0]) % self.0.len()];
        Ok(CaseTree { failing: case.clone(), current: case, candidates: Box::new([].into_iter()) })
    }
}

/// A walk from a failing case to simpler ones.
struct CaseTree {
    /// The simplest case so far that failed.
    failing: Case,
    /// The case to try.
    current: Case,
    /// What is left to try next to `failing`.
    candidates: Box<dyn Iterator<Item = Case>>,
}

impl CaseTree {
    /// Goes to the next candidate; without one, back to the failing case for good.
    fn next(&mut self) -> bool {
        let next = self.candidates.next();
        let found = next.is_some();
        self.current = next.unwrap_or_else(|| self.failing.clone());
        found
    }
}

impl ValueTree for CaseTree {
    type Value = Case;

    fn current(&self) -> Case {
        self.current.clone()
    }

    /// The current case failed: from here on, simpler ones than it.
    fn simplify(&mut self) -> bool {
        self.failing = self.current.clone();
        self.candidates = Box::new(simpler(&self.failing));
        self.next()
    }

    /// The current case did not fail: another one.
    fn complicate(&mut self) -> bool {
        self.next()
    }
}

pub(crate) fn runner(cases: u32) -> TestRunner {
    // A required test must not fail on a change that did not cause it, so the seed is fixed; and
    // seeds break when the generator changes, so none are kept: cases are.
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(27_191),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    })
}

/// Tries a law on random cases of these profiles. It must apply to at least `applies` of a thousand,
/// and in each profile to at least half of that profile's share.
#[track_caller]
fn try_law(who: &str, profiles: &[Profile], applies: u32, law: impl Fn(&Case) -> Said) {
    let applied = Profile::ALL.map(|_| Cell::new(0));
    let count = |of: Profile| {
        applied.iter().zip(Profile::ALL).find(|(_, profile)| *profile == of).map(|(count, _)| count)
    };
    let result = runner(CASES).run(&Cases(profiles), |case| match law(&case) {
        Ok(true) => {
            count(case.profile).inspect(|count| count.set(count.get() + 1));
            Ok(())
        }
        Ok(false) => Ok(()),
        Err(problem) => Err(TestCaseError::fail(problem)),
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(problem, case)) => {
            panic!("{who}: {problem}\n  case: {}", serde_json::to_string(&case).unwrap())
        }
        Err(TestError::Abort(reason)) => panic!("{who}: {reason}"),
    }
    let total: u32 = applied.iter().map(Cell::get).sum();
    println!("{who}: {total} of {CASES}");
    assert!(total >= applies, "{who}: the law applied to {total} of {CASES} cases only");
    let share = applies / u32::try_from(profiles.len()).unwrap();
    for profile in profiles {
        let applied = count(*profile).map(Cell::get).unwrap_or_default();
        assert!(2 * applied >= share, "{who}: {applied} cases in {}", profile.name());
    }
}

/// A law of the specification's table holds in the profiles that the table names.
#[track_caller]
fn consequence_holds(name: &str, applies: u32) {
    let law = consequences::named(name);
    for subject in SUBJECTS {
        try_law(subject.name(), law.profiles(), applies, |case| law.said_of(subject, case));
    }
}

macro_rules! consequences {
    ($($law:ident: $applies:literal,)+) => {
        /// The laws with a test.
        const TRIED: [&str; CONSEQUENCES.len()] = [$(stringify!($law),)+];

        $(#[test]
        fn $law() {
            consequence_holds(stringify!($law), $applies);
        })+
    };
}

consequences! {
    without_contributors_runtime_is_configured: 500,
    without_contributors_others_are_configured: 500,
    twice_is_once: 500,
    resolution_resumes_from_runtime: 200,
    resolution_resumes_if_disabled_is_kept: 200,
    disjoint_contributors_commute: 50,
    an_empty_contributor_changes_nothing: 600,
    one_change_changes_one_name: 400,
    offers_may_stand_anywhere: 500,
    requirements_only_disable: 500,
    codex_apps_implies_an_open_gate: 100,
    extension_and_fallback_agree: 200,
    backend_auths_are_alike: 600,
    auth_chatgpt_is_at_chatgpt_only: 300,
}

#[test]
fn every_consequence_is_tried() {
    assert_eq!(TRIED, CONSEQUENCES.each_ref().map(|law| law.name));
}

/// A law holds in every profile.
#[track_caller]
fn holds(applies: u32, law: Law) {
    for subject in SUBJECTS {
        try_law(subject.name(), &Profile::ALL, applies, |case| law(subject, case));
    }
}

#[test]
fn two_lists_are_one_list() {
    holds(50, law::two_lists_are_one_list);
}

#[test]
fn without_backend_auth_codex_apps_is_gone() {
    holds(300, law::without_backend_auth_codex_apps_is_gone);
}

#[test]
fn auth_matters_to_the_gate_only() {
    holds(600, law::auth_matters_to_the_gate_only);
}

#[test]
fn answers_are_deterministic() {
    holds(1000, law::answers_are_deterministic);
}

#[test]
fn renaming_servers_renames_the_views() {
    holds(150, law::renaming_servers_renames_the_views);
}

#[test]
fn production_agrees_with_the_model() {
    let subject: &dyn Subject = &ProductionSubject;
    let law = |case: &Case| law::the_answer_is_the_specifications(subject, case);
    try_law("production", &Profile::ALL, 1000, law);
}

#[test]
fn applying_in_order_is_asking_by_name() {
    try_law("model", &Profile::ALL, 200, law_of_reasons::applying_in_order_is_asking_by_name);
}

/// The profiles with a rule.
fn with(rule: Rule) -> Vec<Profile> {
    mcp_overlay::rules::profiles(rule).collect()
}

#[test]
fn disabled_is_never_revived() {
    let profiles = with(Rule::OverlayDisabledStays);
    try_law("model", &profiles, 100, law_of_reasons::disabled_is_never_revived);
}

#[test]
fn the_gate_only_removes() {
    let profiles = with(Rule::LegacyFirstInRuntime);
    try_law("model", &profiles, 400, law_of_reasons::the_gate_only_removes);
}

#[test]
fn every_reason_is_true() {
    try_law("model", &Profile::ALL, 800, law_of_reasons::every_reason_is_true);
}

/// What fails is shrunk until nothing next to it fails.
#[test]
fn proptest_shrinks_to_a_minimal_case() {
    let overlaid = |case: &Case| match ProductionSubject.resolve(case) {
        Answer::Resolved { views, .. } => views.configured != views.runtime,
        _ => false,
    };
    let result = runner(CASES).run(&Cases(&[Profile::CodexPr27191]), |case| {
        if overlaid(&case) { Err(TestCaseError::fail("overlaid")) } else { Ok(()) }
    });
    let Err(TestError::Fail(_, smallest)) = result else { panic!("{result:?}") };
    assert!(overlaid(&smallest));
    for simpler in simpler(&smallest) {
        assert!(!overlaid(&simpler), "{smallest:?}\n  is not minimal:\n  {simpler:?}");
    }
}
