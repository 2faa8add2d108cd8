//! JUnit XML: its contents as a CI system reads them, and that it is valid for any subject's
//! output.

use mcp_overlay::report::{Report, junit};
use mcp_overlay::rules;
use mcp_overlay_model::Rule;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus};

use crate::sample;

fn written(report: &Report) -> String {
    let mut bytes = Vec::new();
    junit::write(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn read(report: &Report) -> quick_junit::Report {
    quick_junit::Report::deserialize_from_str(&written(report)).unwrap()
}

fn test<'a>(report: &'a quick_junit::Report, name: &str) -> &'a TestCase {
    let mut tests = report.test_suites[0].test_cases.iter();
    tests.find(|test| test.name.as_str() == name).unwrap()
}

/// Kind, message and text of a test that did not pass.
fn failure<'a>(report: &'a quick_junit::Report, name: &str) -> (NonSuccessKind, &'a str, &'a str) {
    match &test(report, name).status {
        TestCaseStatus::NonSuccess { kind, message, description, .. } => (
            *kind,
            message.as_ref().map_or("", |message| message.as_str()),
            description.as_ref().map_or("", |text| text.as_str()),
        ),
        status => panic!("{name} did not fail: {status:?}"),
    }
}

fn skipped<'a>(report: &'a quick_junit::Report, name: &str) -> &'a str {
    match &test(report, name).status {
        TestCaseStatus::Skipped { message: Some(message), .. } => message.as_str(),
        status => panic!("{name} was not skipped: {status:?}"),
    }
}

#[test]
fn files_match_the_snapshots() {
    insta::assert_snapshot!("junit_clean", written(&sample::clean()));
    insta::assert_snapshot!("junit_failing", written(&sample::failing()));
    insta::assert_snapshot!("junit_incomplete", written(&sample::incomplete()));
    insta::assert_snapshot!("junit_part", written(&sample::part()));
}

#[test]
fn a_clean_run_has_one_passed_test_per_rule() {
    let clean = sample::clean();
    let report = read(&clean);
    let suite = &report.test_suites[0];
    assert_eq!(suite.name.as_str(), "production");
    // Only the rules of the run's profile have a test.
    let rules = clean.rule_rows().count();
    assert!(40 < rules && rules < Rule::ALL.len());
    assert_eq!((suite.tests, suite.failures, suite.errors), (rules, 0, 0));
    assert_eq!(suite.skipped, 0);
    assert_eq!(test(&report, "gate.open").classname.as_deref(), Some("codex-pr-27191"));
}

#[test]
fn each_test_has_the_status_of_its_rule() {
    let report = read(&sample::failing());
    let (kind, message, text) = failure(&report, "gate.open");
    assert_eq!((kind, message), (NonSuccessKind::Failure, rules::sentence(Rule::GateOpen)));
    assert!(text.contains("+   \"url\": \"https://chatgpt.com/backend-api/wham/apps\""), "{text}");
    assert_eq!(
        skipped(&report, "overlay.set-replaces-whole"),
        "expected to fail: https://issues.example/17"
    );
    let mut ids = Rule::ALL.iter().map(|rule| rule.id());
    let out_of_reach = ids.find(|id| id.starts_with("features.")).unwrap();
    assert_eq!(skipped(&report, out_of_reach), "no case reached it");
    let hung = &sample::failing().findings[2].id;
    let (kind, message, text) = failure(&report, hung);
    assert_eq!((kind, message), (NonSuccessKind::Error, "fork 2.1 hung"));
    assert!(text.contains("warning: <lock> is held"), "{text}");
    let (kind, _, text) = failure(&report, "endpoint: a redirect to another origin");
    assert_eq!(kind, NonSuccessKind::Failure);
    assert!(text.contains("1 request with a token"), "{text}");
    let (_, _, text) = failure(&report, "apps-server.sku-header");
    assert!(text.contains("no such header"), "a scenario of a rule is that rule's: {text}");
    let (_, message, _) = failure(&report, "expected failure: gate.never-synthesizes");
    assert!(message.contains("fixed in spring"), "{message}");
    assert_eq!(report.failures, 5);
    assert_eq!(report.errors, 1);
}

#[test]
fn an_incomplete_run_is_an_error() {
    let report = read(&sample::nothing_checked());
    let (kind, message, _) = failure(&report, "the run");
    assert_eq!(kind, NonSuccessKind::Error);
    assert!(message.contains("nothing was checked"), "{message}");
    let report = read(&sample::part());
    assert!(failure(&report, "the run").1.contains("gave up"));
}

#[test]
fn hostile_text_stays_valid_xml() {
    let text = written(&sample::hostile());
    let allowed = |c: char| c == '\n' || !c.is_control();
    assert!(text.chars().all(allowed), "XML has no room for control characters");
    assert!(!text.contains(['\u{fffe}', '\u{ffff}', '\u{202e}', '\u{200b}']));
    let report = read(&sample::hostile());
    let suite = &report.test_suites[0];
    for shown in
        ["</title></style></details>'\"><script>parent.harm=1</script>", "]]>\\u{0}\\u{1b}[31m"]
    {
        assert!(suite.name.contains(shown), "{}", suite.name.as_str());
    }
    assert!(suite.failures + suite.errors > 4, "{suite:?}");
    assert_eq!(suite.tests, suite.test_cases.len());
}

#[test]
fn an_invalid_time_is_omitted() {
    let mut report = sample::clean();
    report.phases[0].seconds = -100.0;
    assert_eq!(read(&report).test_suites[0].time, Some(std::time::Duration::ZERO));
}

#[test]
fn a_long_text_is_truncated() {
    let mut report = sample::failing();
    report.scenarios[0].message = "<&".repeat(1_000_000);
    assert!(written(&report).len() < 1_000_000);
}
