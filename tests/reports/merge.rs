//! Merging the parts of a run gives the report of the whole run.

use std::collections::BTreeSet;

use mcp_overlay::campaign::{self, Options, Phase, Quiet};
use mcp_overlay::finding::expected::Expected;
use mcp_overlay::report::merge::{MergeError, merge};
use mcp_overlay::report::{Report, RunVerdict, json};
use mcp_overlay::subject::{InProcess, ProductionSubject, Subject};
use mcp_overlay_model::{Answer, Auth, Case, Rule};

use crate::sample;

/// A subject with a gate that accepts an API key as a ChatGPT account.
struct LetsApiKeysPass;

impl Subject for LetsApiKeysPass {
    fn name(&self) -> &str {
        "lets API keys pass"
    }

    fn resolve(&self, case: &Case) -> Answer {
        let auth = if case.auth == Some(Auth::ApiKey) { Some(Auth::ChatGpt) } else { case.auth };
        ProductionSubject.resolve(&Case { auth, ..case.clone() })
    }
}

fn options() -> Options {
    Options {
        cases: Some(2_000),
        phases: BTreeSet::from([Phase::Vectors, Phase::Random]),
        whole: true,
        ..Options::default()
    }
}

/// A report without what differs from run to run.
fn timeless(mut report: Report) -> Report {
    report.phases.iter_mut().for_each(|phase| phase.seconds = 0.0);
    // Each part makes its own failures small.
    report.shrinking = None;
    report.findings.sort_by(|a, b| a.id.cmp(&b.id));
    report
}

/// Reports with their names in error messages.
type Parts = Vec<(String, Report)>;

/// The parts of a run, each written to a file and read back.
fn parts(subject: &dyn Subject, options: &Options, count: u32) -> Parts {
    let part = |index: u32| {
        let shard = format!("{index}/{count}").parse().unwrap();
        let options = Options { shard, ..options.clone() };
        let report = campaign::run(&InProcess(subject), &options, &mut Quiet).unwrap();
        let place = format!("{index}.json");
        let mut bytes = Vec::new();
        json::write(&report, &mut bytes).unwrap();
        let read = json::read(&String::from_utf8(bytes).unwrap(), &place).unwrap();
        assert_eq!(read, report, "a real report is read back as it was");
        (place, read)
    };
    (1..=count).rev().map(part).collect()
}

#[test]
fn parts_of_a_clean_run_merge_to_the_whole_report() {
    let whole = campaign::run(&InProcess(ProductionSubject), &options(), &mut Quiet).unwrap();
    assert!(whole.has_no_disagreement());
    for count in [1, 3] {
        let merged = merge(parts(&ProductionSubject, &options(), count)).unwrap();
        assert_eq!(timeless(merged), timeless(whole.clone()), "{count} parts");
    }
}

#[test]
fn parts_of_a_failing_run_merge_to_the_whole_report() {
    let whole = campaign::run(&InProcess(LetsApiKeysPass), &options(), &mut Quiet).unwrap();
    let merged = merge(parts(&LetsApiKeysPass, &options(), 3)).unwrap();
    assert!(whole.failures() > 100 && !whole.findings.is_empty());
    assert_eq!(timeless(merged), timeless(whole));
}

#[test]
fn parts_with_expected_failures_merge_to_the_whole_report() {
    let expected = "[[expected]]\nrule = \"gate.open\"\nreason = \"known\"\n\
                    [[expected]]\nrule = \"overlay.last-wins\"\nreason = \"was known\"\n";
    let expected = Expected::parse(expected, "expected.toml").unwrap();
    let options = Options { expected, ..options() };
    let whole = campaign::run(&InProcess(LetsApiKeysPass), &options, &mut Quiet).unwrap();
    let parts = parts(&LetsApiKeysPass, &options, 3);
    assert!(parts.iter().all(|(_, part)| part.unmet().next().is_none()), "elsewhere, perhaps");
    let merged = merge(parts).unwrap();
    assert_eq!(merged.unmet().count(), 1, "in a whole run an unmet expectation counts");
    assert_eq!(merged.verdict(), RunVerdict::Findings);
    assert_eq!(timeless(merged), timeless(whole));
}

/// Three parts of a run.
fn three() -> Parts {
    let part = |index: u32| {
        let mut report = sample::clean();
        report.run.shard = format!("{index}/3").parse().unwrap();
        (format!("{index}.json"), report)
    };
    (1..=3).map(part).collect()
}

#[test]
fn merging_adds_the_counts() {
    let mut parts = three();
    let finding = sample::failing().findings.remove(0);
    for ((_, part), expected) in parts.iter_mut().zip([Some("known"), None, Some("known")]) {
        part.findings = vec![finding.clone()];
        part.findings[0].expected = expected.map(str::to_string);
    }
    parts[1].1.phases[2].not_comparable = 5;
    parts[2].1.phases[2].cut_short = true;
    parts[2].1.gave_up = Some("gave up".into());
    let one = parts[0].1.clone();
    let merged = merge(parts).unwrap();
    assert!(merged.run.shard.is_whole());
    assert_eq!(merged.findings.len(), 1);
    assert_eq!(merged.findings[0].finding.count, 3 * finding.finding.count);
    assert_eq!(merged.findings[0].expected, None, "what one part did not expect counts");
    let (phase, part) = (&merged.phases[2], &one.phases[2]);
    assert_eq!((phase.cases, phase.asked_again), (3 * part.cases, 3 * part.asked_again));
    assert_eq!((phase.seconds, phase.not_comparable), (3.0 * part.seconds, 5));
    assert!(phase.cut_short && !merged.phases[1].cut_short);
    assert_eq!(merged.rules.count(Rule::GateOpen), 3 * one.rules.count(Rule::GateOpen));
    assert_eq!(merged.labels.cases, 3 * one.labels.cases);
    assert_eq!(merged.gave_up.as_deref(), Some("gave up"));
}

#[test]
fn a_finding_of_two_parts_matches_an_expectation_once() {
    let mut parts = three();
    let failing = sample::failing();
    for (position, (_, part)) in parts.iter_mut().enumerate() {
        part.expectations = failing.expectations.clone();
        part.expectations[0].met = u64::from(position > 0);
        part.findings = failing.findings[if position > 0 { 3..4 } else { 0..0 }].to_vec();
    }
    let merged = merge(parts).unwrap();
    let met: Vec<u64> = merged.expectations.iter().map(|expectation| expectation.met).collect();
    assert_eq!(met, [1, 0]);
}

#[test]
fn phases_that_one_part_lacks_come_from_the_others() {
    let mut parts = three();
    parts[0].1.phases.truncate(1);
    parts[0].1.gave_up = Some("gave up".into());
    parts[2].1.gave_up = Some("gave up".into());
    let merged = merge(parts).unwrap();
    let phases: Vec<Phase> = merged.phases.iter().map(|phase| phase.phase).collect();
    assert_eq!(phases, [Phase::Vectors, Phase::Edges, Phase::Exhaustive, Phase::Random]);
    assert_eq!(merged.gave_up.as_deref(), Some("gave up"), "said once");
    assert_eq!(merged.verdict(), RunVerdict::Findings);
}

/// The other parts do not make up for a part that compared no case.
#[test]
fn a_part_that_compared_nothing_prevents_a_clean_verdict() {
    let mut parts = parts(&ProductionSubject, &options(), 3);
    assert!(merge(parts.clone()).unwrap().has_no_disagreement());
    for phase in &mut parts[1].1.phases {
        phase.not_comparable = phase.cases;
    }
    let whole = merge(parts).unwrap();
    assert!(
        !whole.has_no_disagreement() && whole.headline().contains("part 2/3"),
        "{}",
        whole.headline()
    );
}

#[test]
fn reports_that_are_not_parts_of_one_run_are_refused() {
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut parts = three();
        change(&mut parts);
        merge(parts).unwrap_err()
    };
    let run = |change: fn(&mut Report)| with(&|parts| change(&mut parts[1].1));
    let many = || {
        let mut report = sample::clean();
        report.run.shard = "1/40".parse().unwrap();
        merge(vec![("one.json".into(), report)]).unwrap_err()
    };
    assert_eq!(with(&|parts| parts.clear()), MergeError::None);
    let errors = [
        with(&|parts| parts.clear()),
        with(&|parts| drop(parts.remove(1))),
        with(&|parts| parts.truncate(1)),
        many(),
        with(&|parts| parts.push(("copy of 2.json".into(), parts[1].1.clone()))),
        run(|report| report.run.version = "0.2.0".into()),
        run(|report| report.run.subject = sample::HOSTILE.chars().take(30).collect()),
        run(|report| report.run.profile = "codex-pr-1".into()),
        run(|report| report.run.phases.truncate(1)),
        run(|report| report.run.seed = 1),
        run(|report| report.run.cases = None),
        run(|report| report.run.time = Some(60)),
        run(|report| report.run.twice = 7.5),
        run(|report| report.run.shard = "2/4".parse().unwrap()),
        run(|report| report.run.shard = "1/1".parse().unwrap()),
        run(|report| report.expectations = sample::failing().expectations),
    ];
    let words: Vec<String> = errors.iter().map(|error| format!("{error}\n")).collect();
    assert!(!words.concat().contains('\u{1b}'));
    insta::assert_snapshot!("merge_errors", words.join("\n"));
}

#[test]
fn merging_a_whole_run_does_not_change_it() {
    let report = sample::failing();
    assert_eq!(merge(vec![("all.json".into(), report.clone())]).unwrap(), report);
}
