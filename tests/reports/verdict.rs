//! What a report calls a run: clean only if it was complete and reached everything.

use mcp_overlay::campaign::Phase;
use mcp_overlay::report::merge::merge;
use mcp_overlay::report::{Report, RuleStatus, RunVerdict, Skipped};
use mcp_overlay::subject::SubjectKind;
use mcp_overlay_model::Rule;

use crate::sample;

type Change = fn(&mut Report);

fn changed(change: impl FnOnce(&mut Report)) -> Report {
    let mut report = sample::clean();
    change(&mut report);
    report
}

#[test]
fn a_complete_run_that_reached_everything_is_clean() {
    let report = sample::clean();
    assert_eq!(report.verdict(), RunVerdict::Clean, "{}", report.to_text());
    report.assert_clean();
    report.assert_no_disagreement();
}

#[test]
fn a_complete_run_that_missed_something_is_incomplete() {
    let skipped = Skipped { skipped: "later".into(), allowed: None, cases: 3 };
    let unreached = changed(|report| report.rules = Default::default());
    let rare = changed(|report| report.labels = sample::incomplete().labels);
    let skips = changed(|report| report.skips.add(skipped));
    for (report, words) in [
        (unreached, "rules not reached"),
        (rare, "2 situations too rare"),
        (skips, "3 cases skipped without an entry"),
        (sample::incomplete(), "234 cases skipped without an entry"),
    ] {
        assert_eq!(report.verdict(), RunVerdict::Incomplete, "{}", report.to_text());
        assert!(report.headline().starts_with("incomplete: "), "{}", report.headline());
        assert!(report.headline().contains(words), "{}", report.headline());
        assert!(!report.has_no_disagreement());
    }
}

/// What the end of a run left out says nothing of the subject, and must not hide its findings.
#[test]
fn what_an_early_end_left_out_is_said_once() {
    let ended = changed(|report| {
        report.rules = Default::default();
        report.gave_up = Some("gave up: the subject broke down".into());
    });
    let text = ended.to_text();
    let rules = |text: &str| text.matches("not reached: rule").count();
    assert_eq!(rules(&text), 1, "{text}");
    assert!(text.contains(" of the profile, because the run ended early"), "{text}");
    let whole = changed(|report| report.rules = Default::default());
    assert!(rules(&whole.to_text()) > 1, "the rules of an incomplete run are named");
}

#[test]
fn a_reason_that_nobody_wrote_is_told_and_fails_a_strict_run() {
    let reason = "known when this file was written; say why";
    let skipped = Skipped { skipped: "later".into(), allowed: Some(reason.into()), cases: 3 };
    let mut report = changed(|report| report.skips.add(skipped));
    assert!(report.is_clean());
    assert!(report.headline().contains("1 entry of the expected failures without a reason"));
    report.run.strict = true;
    assert_eq!(report.verdict(), RunVerdict::Findings, "{}", report.to_text());
}

/// The values of a case that was not made small are those of many things.
#[test]
fn what_was_not_made_small_joins_the_only_cause_that_it_looks_like() {
    let mut report = sample::failing();
    report.findings.truncate(1);
    let small = report.findings[0].clone();
    let large = |number| {
        let mut found = sample::of_another_cause(&small, number);
        found.finding.note =
            "not the smallest case: it was not made smaller, or not to the end".into();
        found
    };
    report.findings.extend([large(1), large(2)]);
    assert_eq!(report.causes().findings.len(), 1);
    report.findings.push(sample::of_another_cause(&small, 3));
    assert_eq!(report.causes().findings.len(), 3, "two small ones, and which is it of the large?");
}

#[test]
fn a_slow_answer_is_clean_and_shown() {
    let slow = changed(|report| report.phases[0].slow = 1);
    assert_eq!(slow.headline(), "clean: 1,646,842 cases, no disagreement; 1 slow answer");
    let slow = changed(|report| report.phases.iter_mut().for_each(|phase| phase.slow = 1));
    assert!(slow.headline().ends_with("; 4 slow answers"), "{}", slow.headline());
}

#[test]
fn an_allowed_skip_is_clean_and_an_unmet_one_is_not() {
    let skipped = |cases| Skipped { skipped: "later".into(), allowed: Some("why".into()), cases };
    assert!(changed(|report| report.skips.add(skipped(3))).is_clean());
    let unmet = changed(|report| report.skips.add(skipped(0)));
    assert_eq!(unmet.verdict(), RunVerdict::Findings);
    assert_eq!(unmet.unmet().map(|unmet| unmet.what).collect::<Vec<_>>(), ["later"]);
}

#[test]
fn every_option_that_narrows_a_run_keeps_it_from_being_clean() {
    let changes: [(Change, &str); 5] = [
        (
            |report| {
                report.run.phases.retain(|phase| *phase != Phase::Exhaustive);
                report.phases.remove(2);
            },
            "without the phases exhaustive",
        ),
        (|report| report.run.cases = Some(99_999), "99,999 of 100,000 random cases"),
        (|report| report.run.time = Some(60), "random cases for 60 s"),
        (|report| report.run.twice = 0.0, "0 % asked again, not 5 %"),
        (|report| report.run.shard = "1/2".parse().unwrap(), "part 1/2"),
    ];
    for (change, words) in changes {
        let report = changed(change);
        assert_eq!(report.verdict(), RunVerdict::NoDisagreement, "{words}");
        assert!(!report.headline().contains("clean"), "{}", report.headline());
        assert_eq!(report.missing().narrowed_by, [words]);
        report.assert_no_disagreement();
    }
    let wider = changed(|report| report.run.cases = Some(200_000));
    assert!(wider.is_clean(), "more cases than a complete run");
}

#[test]
fn merged_parts_are_clean_only_if_the_whole_run_was_complete() {
    let parts = |report: &Report| {
        let part = |index: u32| {
            let mut part = report.clone();
            part.run.shard = format!("{index}/2").parse().unwrap();
            (format!("{index}.json"), part)
        };
        [part(1), part(2)].to_vec()
    };
    assert_eq!(merge(parts(&sample::clean())).unwrap().verdict(), RunVerdict::Clean);
    let narrowed = merge(parts(&sample::narrowed())).unwrap();
    assert_eq!(narrowed.verdict(), RunVerdict::NoDisagreement);
    let incomplete = merge(parts(&sample::incomplete())).unwrap();
    assert_eq!(incomplete.verdict(), RunVerdict::Incomplete);
    assert_eq!(incomplete.skips.count(), 2 * sample::incomplete().skips.count());
}

#[test]
fn a_rule_that_this_kind_of_subject_cannot_show_is_not_missing() {
    let outside = Rule::DeliveryAnyWay;
    let of = |kind| {
        changed(|report| {
            report.run.kind = kind;
            report.rules = Default::default();
        })
    };
    let status = |kind| of(kind).status(outside);
    assert_eq!(status(SubjectKind::Stdio), RuleStatus::NotShown);
    assert_eq!(status(SubjectKind::AppServer), RuleStatus::NotReached);
    assert!(!of(SubjectKind::Stdio).missing().rules.contains(&outside));
    assert!(of(SubjectKind::AppServer).missing().rules.contains(&outside));
}

/// A busy machine is the likelier cause of a sequence that failed once.
#[test]
fn a_sequence_that_never_failed_again_fails_no_run() {
    for (unconfirmed, expected) in [(true, RunVerdict::Clean), (false, RunVerdict::Findings)] {
        let report = changed(|report| {
            report.scenarios = sample::over_time().scenarios;
            for failed in &mut report.scenarios {
                (failed.advisory, failed.unconfirmed) = (true, unconfirmed);
            }
            report.run.strict = true;
        });
        assert_eq!(report.verdict(), expected, "{}", report.headline());
        assert_eq!(
            report.headline().contains("1 unconfirmed"),
            unconfirmed,
            "{}",
            report.headline()
        );
    }
}
