//! The cases of a default run reach every rule that the kind of subject can show, so that a sound
//! subject is called clean.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics fails, as it should")]

use std::collections::BTreeSet;

use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::cases::edges;
use mcp_overlay::cases::generate::random_case;
use mcp_overlay::cases::vectors;
use mcp_overlay::report::Extent;
use mcp_overlay::rules::coverage::{can_show, reached, reached_outside};
use mcp_overlay::rules::over_time::is_shown_by;
use mcp_overlay::sequences::generate::{Stage, random_sequence};
use mcp_overlay::sequences::judge::{reached as sequences_reach, reached_by_observations};
use mcp_overlay::sequences::narrow::narrow;
use mcp_overlay::subject::{StepKind, Steps, SubjectKind};
use mcp_overlay_model::{Case, Profile, Rule, resolve};

/// The vectors and the first random cases.
fn cases(profile: Profile, random: u64) -> impl Iterator<Item = Case> {
    let vectors = vectors::of(profile).unwrap();
    let random = (0..random).map(|index| random_case(27_191, index));
    let wide = edges::wide(profile).iter().cloned();
    let all = vectors.into_iter().map(|vector| vector.case).chain(wide).chain(random);
    all.map(move |case| Case { profile, ..case })
}

/// The rules that a subject can show and that no case reaches, and those that it cannot show and
/// that a case reaches.
fn wrong(kind: SubjectKind, profile: Profile, reached: &BTreeSet<Rule>) -> [Vec<Rule>; 2] {
    let rules = || profile.rules().iter();
    // The campaign counts these two.
    let by_asking = [Rule::ResolutionPure, Rule::DeliveryAnyWay];
    let missed =
        rules().filter(|rule| can_show(kind, profile.rules(), *rule) && !reached.contains(rule));
    let missed = missed.filter(|rule| !by_asking.contains(rule)).collect();
    let surplus =
        rules().filter(|rule| !can_show(kind, profile.rules(), *rule) && reached.contains(rule));
    [missed, surplus.collect()]
}

/// The rules that the sequences reach.
fn sequences(kind: SubjectKind, profile: Profile) -> impl Iterator<Item = Rule> {
    let count = Extent::of(kind, profile).sequences();
    let sequences =
        (0..count).map(move |number| random_sequence(profile, Stage::of(kind), 27_191, number));
    sequences.flat_map(|sequence| sequences_reach(&sequence).iter().collect::<Vec<_>>())
}

#[test]
fn the_default_run_of_an_app_server_reaches_what_it_can_show() {
    for (origin, kind) in [
        (AppsOrigin::Loopback, SubjectKind::AppServer),
        (AppsOrigin::TrueOrigin, SubjectKind::AppServerAtChatgpt),
    ] {
        for profile in Profile::ALL {
            let narrowed = |case| Case { profile, ..origin.nearest(case) };
            let random = Extent::of(kind, profile).cases();
            let reached: BTreeSet<Rule> = cases(profile, random)
                .map(narrowed)
                .flat_map(|case| reached_outside(&case, &resolve(&case)).iter().collect::<Vec<_>>())
                .chain(sequences(kind, profile))
                .collect();
            let wrong = wrong(kind, profile, &reached);
            assert_eq!(wrong, [vec![], vec![]], "{kind:?}, {}", profile.name());
        }
    }
}

/// The small scope reaches nothing that the random cases do not.
#[test]
fn the_default_run_of_a_subject_reaches_what_it_can_show() {
    for kind in [SubjectKind::InProcess, SubjectKind::Stdio] {
        for profile in Profile::ALL {
            let reached: BTreeSet<Rule> = cases(profile, 10_000)
                .flat_map(|case| reached(&case, &resolve(&case)).iter().collect::<Vec<_>>())
                .collect();
            assert_eq!(wrong(kind, profile, &reached), [vec![], vec![]], "{}", profile.name());
        }
    }
}

#[test]
fn the_sequences_over_stdio_reach_what_the_declared_steps_can_show() {
    use StepKind::{Call, Config, Reload, SignIn, SignOut, Thread, View, World};
    let without = |left_out: StepKind| -> Steps {
        StepKind::ALL.into_iter().filter(|kind| *kind != left_out).collect()
    };
    let alphabets = [
        vec![Config, SignIn, SignOut, View],
        vec![Config, View],
        vec![Config, Thread, Call],
        vec![Config, Thread, Call, Reload],
        vec![Config, Thread, Call, World],
        vec![Thread, Call, SignIn],
    ];
    let alphabets = alphabets.into_iter().map(|kinds| kinds.into_iter().collect());
    let almost_all = StepKind::ALL.into_iter().map(without).filter(Steps::show);
    let mut wrong = Vec::new();
    for steps in alphabets.chain(almost_all).chain([Steps::all()]) {
        for profile in [Profile::CodexPr27191, Profile::CodexPr31803] {
            // A tenth of a default run.
            let count = Extent::of(SubjectKind::Stdio, profile).with_sequences().sequences() / 10;
            let reached: BTreeSet<Rule> = (0..count)
                .map(|number| random_sequence(profile, Stage::InProcess, 27_191, number))
                .flat_map(|sequence| {
                    let narrowed = narrow(sequence, &steps);
                    reached_by_observations(&narrowed).iter().collect::<Vec<_>>()
                })
                .collect();
            let shown: BTreeSet<Rule> =
                profile.rules().iter().filter(|rule| is_shown_by(&steps, *rule)).collect();
            if reached != shown {
                let words = steps.words();
                wrong
                    .push(format!("{} {words:?}: {reached:?}, expected {shown:?}", profile.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
