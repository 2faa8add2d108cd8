//! MUST and SHOULD: a subject that does what upstream does, and no more, is clean with advisories.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use mcp_overlay::campaign::{self, Options, Phase, Quiet};
use mcp_overlay::finding::investigate::{Failing, examine, investigate};
use mcp_overlay::judge::ask;
use mcp_overlay::judge::verdict::FindingKind;
use mcp_overlay::report::{Report, RunVerdict};
use mcp_overlay::subject::{InProcess, Subject};
use mcp_overlay_model::{Answer, Case, Level, Rule, RuleSet, resolve_by};
use serde_json::json;

/// The rules of the case's profile that say MUST.
fn musts(case: &Case) -> RuleSet {
    let rules = case.profile.rules();
    let shoulds = rules.iter().filter(|rule| rule.level() == Level::Should);
    shoulds.fold(rules, RuleSet::without)
}

/// Does what upstream does: it follows no SHOULD rule.
struct Upstream;

impl Subject for Upstream {
    fn name(&self) -> &str {
        "upstream"
    }

    fn resolve(&self, case: &Case) -> Answer {
        resolve_by(case, musts(case)).answer()
    }
}

/// [`Upstream`], but its first answer lacks every server.
struct WrongOnce(AtomicU64);

impl Subject for WrongOnce {
    fn name(&self) -> &str {
        "wrong once"
    }

    fn resolve(&self, case: &Case) -> Answer {
        let mut case = case.clone();
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            case.contributors.clear();
            case.auth = None;
        }
        Upstream.resolve(&case)
    }
}

fn checked(strict: bool) -> Report {
    let options = Options {
        phases: BTreeSet::from([Phase::Random]),
        cases: Some(3_000),
        strict,
        ..Options::default()
    };
    campaign::run(&InProcess(&Upstream), &options, &mut Quiet).unwrap()
}

fn at_an_invalid_base() -> Case {
    serde_json::from_value(json!({
        "host": {"chatgpt_base_url": "https://a.example?q"},
        "contributors": [{"id": "p1", "hosted_apps": {}}],
        "auth": "chatgpt",
    }))
    .unwrap()
}

#[test]
fn upstream_is_clean_with_advisories_and_fails_a_strict_run() {
    let report = checked(false);
    assert_eq!(report.verdict(), RunVerdict::NoDisagreement);
    let rules: BTreeSet<_> = report.findings.iter().filter_map(|f| f.finding.rule).collect();
    assert!(report.findings.iter().all(|found| found.finding.is_advisory()));
    let shoulds = Rule::ALL.iter().copied().filter(|rule| rule.level() == Level::Should);
    // A resolution has no time.
    let shoulds = shoulds.filter(|rule| !rule.id().starts_with("lifecycle"));
    assert_eq!(rules, shoulds.collect());
    assert_eq!(checked(true).verdict(), RunVerdict::Findings);
}

/// Where a SHOULD rule rejects, an answer that breaks a MUST rule is no advisory.
#[test]
fn a_wrong_answer_is_a_failure_where_a_should_rule_decides() {
    let wrong = WrongOnce(AtomicU64::new(0));
    let verdict = ask(&InProcess(&wrong), &at_an_invalid_base()).verdict;
    assert_eq!(verdict.kind(), Some(FindingKind::Disagree));
    let advisory = investigate(&InProcess(&Upstream), &at_an_invalid_base()).unwrap();
    assert!(advisory.is_advisory());
}

/// Asked again, the subject is only lenient: that does not excuse its first answer.
#[test]
fn an_advisory_does_not_reproduce_a_failure() {
    let wrong = WrongOnce(AtomicU64::new(0));
    let driver = InProcess(&wrong);
    let case = at_an_invalid_base();
    let verdict = ask(&driver, &case).verdict;
    let failing = Failing { index: 0, case, after: None, verdict };
    let finding = examine(&driver, &failing, std::time::Instant::now()).unwrap();
    assert!(!finding.is_advisory(), "{finding}");
}
