//! The sound host is clean by every route for its config.

use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::campaign::Phase;
use mcp_overlay::cases::generate::random_case;
use mcp_overlay::judge::compare::compare;
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::report::Report;
use mcp_overlay::subject::{Driver, Reply, Route, Visibility};
use mcp_overlay_model::{Answer, Rule, resolve};
use serde_json::json;

use crate::{Hosts, answer, case, run};

#[track_caller]
fn assert_agrees(report: &Report) {
    assert!(report.has_no_disagreement(), "{:#?}", report.findings);
    let [phase] = report.phases.as_slice() else { panic!("{:?}", report.phases) };
    assert_eq!(phase.not_comparable, 0, "every narrowed case can be asked");
}

#[test]
fn a_sound_host_is_clean_with_its_config_in_the_file() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    let report = run(&subject, Phase::Random, 300);
    assert_agrees(&report);
    assert_eq!(report.compared(), 300);
    // The rules that only a running host can break were checked.
    for rule in [Rule::StartExactlyEnabled, Rule::StatusAuth, Rule::CredentialsEnvironmentInstead] {
        assert!(report.rules.count(rule) > 5, "{rule}: {}", report.rules.count(rule));
    }
    // Each sign-in has its own process, although the cases are asked again with another one.
    assert!(report.phases.iter().any(|phase| phase.asked_again > 0));
    assert_eq!(report.rules.count(Rule::ResolutionPure), 0);
    drop(subject);
    hosts.assert_gone();
}

/// Rule `delivery.any-way`: A host config MUST mean the same whether its keys stand in
/// `config.toml`, in `-c key=value` arguments, or some here and some there.
#[test]
fn a_sound_host_is_clean_by_every_other_route() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    for phase in [Phase::Arguments, Phase::Split] {
        let report = run(&subject, phase, 600);
        assert_agrees(&report);
        assert_eq!(report.compared(), 60);
        assert_eq!(report.rules.count(Rule::DeliveryAnyWay), 60, "{phase:?}");
    }
    drop(subject);
    hosts.assert_gone();
}

/// A host that refuses a config is asked the next one.
#[test]
fn a_host_continues_after_a_rejected_config() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    let broken = json!({"host": {"mcp_servers": {"a": {"url": 1}}}});
    let sound = json!({"host": {"mcp_servers": {"a": {"url": "https://a.example"}}}});
    for asked in [broken.clone(), sound.clone(), broken, sound] {
        let case = AppsOrigin::Loopback.nearest(case(asked));
        let expected = Visibility::Outside.of(&case, resolve(&case));
        assert_eq!(compare(&case, &expected, &answer(&subject, &case)), Verdict::Agree, "{case:?}");
    }
}

#[test]
fn a_case_that_needs_narrowing_is_skipped_and_starts_no_process() {
    let hosts = Hosts::new();
    let subject = hosts.start("none");
    let started = hosts.noted().len();
    let mut skipped = 0;
    for case in (0..50).map(|index| random_case(1, index)) {
        let Some(reason) = AppsOrigin::Loopback.is_out(&case) else { continue };
        for route in [Route::File, Route::Arguments] {
            let replies = subject.by_route(route).unwrap().ask(std::slice::from_ref(&case));
            assert_eq!(replies, [Reply::Answered(Answer::skipped(reason))]);
        }
        skipped += 1;
    }
    assert!(skipped > 10, "only {skipped}");
    assert_eq!(hosts.noted().len(), started);
}
