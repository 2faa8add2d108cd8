//! Warnings over stdio: compared where the subject declares them, and said to be unseen elsewhere.

use std::process::Command;

use mcp_overlay::judge::ask;
use mcp_overlay::judge::verdict::{Place, Verdict};
use mcp_overlay::subject::Driver;
use mcp_overlay_model::{Case, Rule};
use serde_json::json;

use super::{Processes, case};

/// A case for each demand, with the path that is to be warned about.
fn demands() -> Vec<(Rule, &'static str, Case)> {
    let bad = json!({"command": "srv", "args": 1});
    [
        (
            Rule::ServerUnknownField,
            "host.mcp_servers.a.colour",
            json!({"host": {"mcp_servers": {"a": {"command": "srv", "colour": 1}}}}),
        ),
        (
            Rule::ServerUnknownField,
            "contributors[0].contributions[0].tools.t.colour",
            json!({"contributors": [{"id": "x", "contributions": [{"set": {"name": "a",
                "server": {"command": "srv", "tools": {"t": {"colour": 1}}}}}]}]}),
        ),
        (
            Rule::ConfiguredInvalidPluginServerDropped,
            "plugins[1].mcp_servers.bad",
            json!({"plugins": [{"id": "p"}, {"id": "p", "mcp_servers": {"bad": bad}}]}),
        ),
        (Rule::HostWrongType, "host.model", json!({"host": {"model": "x"}})),
        (
            Rule::HostWrongType,
            "host.features.other",
            json!({"host": {"features": {"other": true}}}),
        ),
    ]
    .map(|(rule, path, written)| (rule, path, case(written)))
    .into()
}

#[test]
fn a_demanded_warning_is_missed_where_the_subject_declares_them() {
    let processes = Processes::new();
    let subject = processes.start("warns-of-nothing");
    assert!(subject.warns());
    for (rule, path, case) in demands() {
        let verdict = ask(&subject, &case).verdict;
        let Verdict::Disagree(differences) = &verdict else { panic!("{path}: {verdict:?}") };
        let place = Place::Warning { path: path.into() };
        let found: Vec<_> = differences.iter().map(|d| (d.rule, &d.place)).collect();
        assert_eq!(found, [(rule, &place)]);
    }
}

#[test]
fn a_warning_about_a_place_inside_will_do() {
    let processes = Processes::new();
    // The production implementation names the field that makes a plugin's server invalid.
    let subject = processes.start("warns");
    for (_, path, case) in demands() {
        assert_eq!(ask(&subject, &case).verdict, Verdict::Agree, "{path}");
    }
}

#[test]
fn without_the_capability_warnings_are_not_compared_and_the_report_says_so() {
    let processes = Processes::new();
    let subject = processes.start("warns-undeclared");
    assert!(!subject.warns());
    for (_, path, case) in demands() {
        assert_eq!(ask(&subject, &case).verdict, Verdict::Agree, "{path}");
    }
    for (way, is_said) in [("warns-undeclared", true), ("warns", false)] {
        let output = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
            .args(["check", "--stdio", &processes.command(way).join(" "), "--only", "vectors"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let words = "not shown: the warnings of configured.invalid-plugin-server-dropped, \
                     server.unknown-field, host.wrong-type; the subject does not say what it warns about";
        assert_eq!(text.contains(words), is_said, "{way}: {text}");
    }
}
