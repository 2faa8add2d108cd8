//! Every fault is found and blamed on its rule, and no report of it contains a secret.

use std::time::Duration;

use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::campaign::Phase;
use mcp_overlay::finding::investigate::investigate;
use mcp_overlay::judge::judge;
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::report::Report;
use mcp_overlay::subject::stdio::Patience;
use mcp_overlay::subject::{Driver, Route};
use mcp_overlay_model::{Case, Profile, Rule};
use serde_json::{Value, json};

use crate::{Hosts, PATIENCE, case, run};

/// The findings of a host with this fault: verdict and rule of each.
#[track_caller]
fn found(fault: &str, phase: Phase, cases: u64, patience: Patience) -> Vec<(String, Option<Rule>)> {
    let hosts = Hosts::new();
    let subject = hosts.start_with(fault, patience);
    let report = run(&subject, phase, cases);
    drop(subject);
    hosts.assert_no_secret_in(&format!("{report:?}"));
    hosts.assert_gone();
    println!("{fault}: {}", words(&report));
    let findings = report.findings.iter().map(|found| &found.finding);
    findings.map(|finding| (finding.verdict.word().to_string(), finding.rule)).collect()
}

fn words(report: &Report) -> String {
    let findings = report.findings.iter().map(|found| &found.finding);
    let words = findings.map(|f| {
        let case = serde_json::to_string(&f.case).unwrap();
        format!("\n  {} {:?} {} {case} {:?}", f.verdict, f.rule, f.note, f.actual)
    });
    words.collect()
}

/// Asserts that a fault is found with this verdict, that the first rule is blamed, and that no
/// other rule than these is.
#[track_caller]
fn is_found(fault: &str, verdict: &str, rules: &[Rule]) {
    is_found_in(60, fault, verdict, rules);
}

#[track_caller]
fn is_found_in(cases: u64, fault: &str, verdict: &str, rules: &[Rule]) {
    let found = found(fault, Phase::Random, cases, PATIENCE);
    let first = rules.first().copied();
    assert!(found.iter().any(|(_, rule)| *rule == first), "{fault}: {found:?}");
    for (of, rule) in &found {
        let known = rule.map_or(rules.is_empty(), |rule| rules.contains(&rule));
        assert!(of == verdict && known, "{fault}: {found:?}");
    }
}

/// Rule `credentials.never-shown`: A secret, of the sign-in, of a login at a server or of a variable
/// that a server names, MUST NOT appear in anything that the host writes to its standard output or
/// standard error.
#[test]
fn a_printed_secret_is_found() {
    is_found("shows-token", "leaked", &[]);
    is_found("shows-token-in-two-pieces", "leaked", &[]);
    is_found("shows-token-in-many-pieces", "leaked", &[]);
    is_found("shows-token-in-base64", "leaked", &[]);
    is_found("shows-token-percent-encoded", "leaked", &[]);
}

/// The finding of a crash quotes the last output of the process, which must not contain the secret.
#[test]
fn a_secret_printed_before_a_crash_is_found() {
    is_found("shows-token-and-dies", "leaked", &[]);
}

#[test]
fn credentials_sent_to_another_server_are_found() {
    // The host also sends the token to disabled servers, to servers named like the Apps server, and
    // to servers of a config that it then rejects.
    let also = [
        Rule::GateOpen,
        Rule::GateClosedRemoves,
        Rule::HostedEnabledSets,
        Rule::StartExactlyEnabled,
        Rule::EndpointBaseTrimmed,
        Rule::EndpointBaseValid,
        Rule::HostWrongType,
        Rule::ServerUnknownField,
        Rule::ServerFieldsKept,
        Rule::ServerApprovalModes,
        Rule::ServerTransport,
        Rule::ServerForeignField,
        Rule::ServerDurations,
        Rule::ServerEnvVars,
    ];
    let rules = [&[Rule::CredentialsAppsOnly][..], &also].concat();
    is_found("sends-token-elsewhere", "disagree", &rules);
    is_found("sends-token-in-discovery", "disagree", &rules);
    is_found("sends-token-below", "disagree", &rules);
    is_found("sends-token-beside", "leaked", &[]);
}

/// Some test servers redirect, and some offer OAuth.
#[test]
fn credentials_sent_along_a_redirect_or_to_an_authorization_server_are_found() {
    is_found_in(150, "follows-redirects", "disagree", &[Rule::CredentialsAppsOnly]);
    is_found_in(150, "logs-in-with-token", "disagree", &[Rule::CredentialsAppsOnly]);
}

/// Every request to a server counts, not only the first one.
#[test]
fn another_header_or_bearer_after_the_first_request_is_found() {
    // The fault also asks a configured `codex_apps` that the host's own one replaces.
    let rules = [Rule::ServerFieldsKept, Rule::HostedEnabledSets];
    is_found_in(300, "drops-headers-later", "disagree", &rules);
    is_found_in(
        400,
        "sends-another-bearer-later",
        "disagree",
        &[Rule::CredentialsEnvironmentInstead],
    );
}

/// A wrong header breaks the rule about fields, not the one that chose the entry.
#[test]
fn a_missing_header_is_blamed_on_the_rule_of_the_field() {
    // The fault renames the key, so the host also accepts the key for a stdio server.
    let rules = [Rule::ServerFieldsKept, Rule::ServerUnknownField, Rule::ServerForeignField];
    is_found_in(300, "drops-headers", "disagree", &rules);
}

#[test]
fn a_started_disabled_server_is_found() {
    // The fault replaces `enabled = false` in the whole file, so it also affects plugins and the path
    // override.
    let rules = [
        Rule::StartExactlyEnabled,
        Rule::ConfiguredInactivePluginIgnored,
        Rule::EndpointDefaultPath,
        Rule::HostWrongType,
    ];
    is_found("starts-disabled", "disagree", &rules);
}

#[test]
fn a_disabled_server_that_is_started_just_after_the_answer_is_found() {
    // The host's own Apps server may replace a disabled `codex_apps`.
    let rules = [Rule::StartExactlyEnabled, Rule::HostedEnabledSets];
    is_found_in(150, "starts-disabled-later", "disagree", &rules);
}

#[test]
fn a_server_missing_from_the_list_is_found() {
    is_found(
        "hides-server",
        "disagree",
        &[Rule::StatusAuth, Rule::StartExactlyEnabled, Rule::ConfiguredUnion],
    );
}

#[test]
fn a_wrong_auth_status_is_found() {
    is_found("lies-about-auth", "disagree", &[Rule::StatusAuth]);
}

#[test]
fn a_server_listed_twice_with_contradicting_states_is_found() {
    is_found("lists-twice", "disagree", &[Rule::StatusAuth]);
}

#[test]
fn a_violated_gate_is_found() {
    let rules = [Rule::GateOpen, Rule::GateClosedRemoves];
    is_found("asks-apps-with-closed-gate", "disagree", &rules);
    // A request that is no MCP message counts, too.
    is_found("gets-apps-with-closed-gate", "disagree", &rules);
}

#[test]
fn a_host_that_rejects_every_config_is_found() {
    is_found("refuses-everything", "disagree", &[Rule::HostWrongType]);
}

/// A refusal of a config names the file or the key. Anything else is a breakdown.
#[test]
fn a_breakdown_is_no_refusal_of_a_config() {
    is_found("refuses-without-a-reason", "protocol error", &[]);
    is_found("refuses-as-unknown-method", "protocol error", &[]);
    is_found("ends-with-a-traceback", "crashed", &[]);
}

#[test]
fn ignored_arguments_are_found() {
    assert_eq!(found("ignores-arguments", Phase::Random, 20, PATIENCE), []);
    for phase in [Phase::Arguments, Phase::Split] {
        let found = found("ignores-arguments", phase, 10, PATIENCE);
        assert!(found.iter().any(|(verdict, _)| verdict == "disagree"), "{phase:?}: {found:?}");
    }
}

/// An argument overrides the file.
#[test]
fn an_ignored_override_is_found() {
    let found = found("ignores-overrides", Phase::Split, 300, PATIENCE);
    assert!(found.iter().any(|(verdict, _)| verdict == "disagree"), "{found:?}");
}

/// An argument reaches into a nested table.
#[test]
fn an_ignored_nested_key_is_found() {
    let hosts = Hosts::new();
    let subject = hosts.start_with("ignores-nested-keys", PATIENCE);
    let by_argument = subject.by_route(Route::Arguments).unwrap();
    let server = json!({"command": "srv", "env": {"K": "x", "L": "y"}});
    let case = AppsOrigin::Loopback.nearest(case(json!({"host": {"mcp_servers": {"a": server}}})));
    assert_eq!(judge(&subject, &case).1, Verdict::Agree);
    assert!(judge(by_argument, &case).1.is_finding());
}

#[test]
fn a_breakdown_of_the_host_is_found() {
    let short = Patience { case: Duration::from_millis(700), ..PATIENCE };
    for (fault, verdict) in
        [("hangs", "hung"), ("dies", "crashed"), ("writes-nonsense", "protocol error")]
    {
        let found = found(fault, Phase::Random, 40, short);
        assert_eq!(found, [(verdict.to_string(), None)], "{fault}");
    }
}

/// Rules `plugin.user-policy` and `route.*`: a running host is told of plugins' apps and policies.
#[test]
fn a_fault_about_apps_and_policies_of_plugins_is_found() {
    let off = json!({"command": "srv", "enabled": false});
    let on = json!({"command": "srv"});
    let with_policy = |server: &Value, policy: Value| json!({"plugins": [{"id": "p@m", "mcp_servers": {"a": server}, "policy": {"a": policy}}]});
    let with_app = |id: &str| {
        let servers = json!({"a": on, "b": on});
        json!({"auth": "chatgpt", "plugins": [{"id": "p@m", "mcp_servers": servers, "apps": {"a": id}}]})
    };
    for (fault, of, rule) in [
        ("ignores-policies", with_policy(&on, json!({"enabled": false})), Rule::PluginUserPolicy),
        ("policy-does-not-enable", with_policy(&off, json!({})), Rule::PluginUserPolicy),
        ("apps-hide-nothing", with_app("c"), Rule::RouteAppHidesServer),
        ("blank-app-hides", with_app(" "), Rule::RouteBlankAppIsNone),
        ("app-hides-plugin", with_app("c"), Rule::RouteAppHidesServer),
    ] {
        let profile = Profile::CodexPr31803;
        let case = AppsOrigin::Loopback.nearest(Case { profile, ..case(of) });
        let hosts = Hosts::new();
        assert_eq!(judge(&hosts.start("none-later"), &case).1, Verdict::Agree, "{fault}");
        let subject = hosts.start(fault);
        let finding = investigate(&subject, &case).unwrap_or_else(|| panic!("{fault}: not found"));
        assert_eq!(finding.rule, Some(rule), "{fault}: {finding}");
    }
}
