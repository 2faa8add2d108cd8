//! Parts of a run, their reports, and the merged report.

use super::{Sandbox, repository};

/// A quick run without connections.
const QUICK: [&str; 6] = ["check", "--only", "vectors", "--only", "random", "--cases"];

fn part<'a>(shard: &'a str, report: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = QUICK.to_vec();
    arguments.extend(["2000", "--shard", shard, "--json", report]);
    arguments.extend(more);
    arguments
}

#[test]
fn merged_parts_equal_the_whole_run() {
    let sandbox = Sandbox::new();
    for (shard, report) in [("1/3", "1.json"), ("2/3", "2.json"), ("3/3", "3.json")] {
        let output = sandbox.run(&part(shard, report, &[]));
        assert_eq!(output.code, Some(0), "{}", output.whole());
        assert!(output.stdout.contains(&format!("part {shard}")), "{}", output.whole());
    }
    let merged = sandbox.run(&["merge", "3.json", "1.json", "2.json", "--html", "whole.html"]);
    assert_eq!(merged.code, Some(0), "{}", merged.whole());
    assert!(merged.stdout.contains("no disagreement in 2,400 cases"), "{}", merged.whole());
    assert!(sandbox.path("whole.html").exists());
    for (some, words) in
        [(&["1.json", "3.json"][..], "2/3"), (&["1.json", "2.json", "2.json", "3.json"], "2.json")]
    {
        let refused = sandbox.run(&[&["merge"], some].concat());
        assert_eq!(refused.code, Some(2), "{}", refused.whole());
        assert!(refused.stderr.contains(words), "{}", refused.whole());
        assert_eq!(refused.stdout, "");
    }
}

#[test]
fn a_finding_of_one_part_fails_the_merged_run() {
    let sandbox = Sandbox::new();
    let fault = ["--fault", "api-key-passes-gate"];
    for (shard, report) in [("1/2", "1.json"), ("2/2", "2.json")] {
        let output = sandbox.run(&part(shard, report, &fault));
        assert_eq!(output.code, Some(1), "{}", output.whole());
    }
    let merged = sandbox.run(&["merge", "1.json", "2.json"]);
    assert_eq!(merged.code, Some(1), "{}", merged.whole());
    assert!(merged.stdout.contains("api-key-passes-gate breaks gate.open"), "{}", merged.whole());
}

/// An expected failure of the whole run may match in one part only.
#[test]
fn an_expected_failure_must_match_in_some_part() {
    let sandbox = Sandbox::new();
    sandbox.file("known.toml", "[[expected]]\nrule = \"gate.open\"\nreason = \"issue 17\"\n");
    let known = ["--expected-failures", "known.toml"];
    let broken = [&known[..], &["--fault", "api-key-passes-gate"]].concat();
    for (runs, status, words) in
        [(&known[..], 1, "not met"), (&broken, 0, "expected failures and no")]
    {
        for (shard, report) in [("1/2", "1.json"), ("2/2", "2.json")] {
            let output = sandbox.run(&part(shard, report, runs));
            assert_eq!(output.code, Some(0), "{}", output.whole());
        }
        let merged = sandbox.run(&["merge", "1.json", "2.json"]);
        assert_eq!(merged.code, Some(status), "{}", merged.whole());
        assert!(merged.stdout.contains(words), "{}", merged.whole());
    }
}

#[test]
fn one_run_writes_every_report_format() {
    let sandbox = Sandbox::new();
    let mut arguments = QUICK.to_vec();
    arguments.extend(["500", "--fault", "api-key-passes-gate", "--github"]);
    arguments.extend(["--json", "r.json", "--junit", "r.xml", "--html", "r.html"]);
    let output = sandbox.run(&arguments);
    assert_eq!(output.code, Some(1), "{}", output.whole());
    assert!(output.stdout.contains("::error title="), "{}", output.whole());
    for (file, words) in
        [("r.json", "\"end\""), ("r.xml", "<testsuite"), ("r.html", "<!DOCTYPE html>")]
    {
        let text = std::fs::read_to_string(sandbox.path(file)).unwrap();
        assert!(text.contains(words) && text.contains("gate.open"), "{file}: {text}");
    }
}

#[test]
fn an_unwritable_report_is_refused_before_the_run() {
    let sandbox = Sandbox::new();
    for flag in ["--json", "--junit", "--html", "--write-expected-failures"] {
        let output = sandbox.run(&["check", flag, "no/such/folder/file"]);
        assert_eq!(output.code, Some(2), "{}", output.whole());
        assert!(output.stderr.contains("make it first"), "{}", output.whole());
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn misuse_of_shards_and_subjects_is_explained() {
    let sandbox = Sandbox::new();
    for (arguments, words) in [
        (&["--shard", "5/4"][..], "expected I/N"),
        (&["--shard", "1/2", "--time", "5"], "cannot be shared out"),
        (&["--twice", "101"], "from 0.01 to 100"),
        (&["--timeout", "0"], "expected 0.001 to 3600 seconds"),
        (&["--stdio", "'"], "a quote without its end"),
        (&["--stdio", ""], "no command in it"),
        (&["--stdio", "/no/such/subject"], "cannot be started"),
        (&["--stdio", "true"], "ended with exit status: 0"),
        (&["--fault", "no-such-fault"], "selftest --list"),
        (&["--expected-failures", "none.toml"], "cannot read none.toml"),
    ] {
        let output = sandbox.run(&[&["check"], arguments].concat());
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.whole());
        assert!(output.stderr.contains(words), "{arguments:?}: {}", output.whole());
    }
}

/// The flags in the documents and in the action exist.
#[test]
fn flags_in_the_documents_exist() {
    let sandbox = Sandbox::new();
    let commands = ["check", "merge", "replay", "selftest"];
    let help: String = commands.map(|command| sandbox.run(&[command, "--help"]).stdout).concat();
    // Cargo's own.
    let others = ["--path", "--locked", "--root", "--profile", "--release", "--example"];
    for page in ["docs/ci.md", "action.yml", "docs/protocol.md"] {
        let text = std::fs::read_to_string(repository().join(page)).unwrap();
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        let flags: Vec<&str> =
            words.filter(|word| word.starts_with("--") && word.len() > 3).collect();
        assert!(!flags.is_empty(), "{page}");
        for flag in flags.into_iter().filter(|flag| !others.contains(flag)) {
            let there = help.split_whitespace().any(|word| word.trim_end_matches(',') == flag);
            assert!(there, "{page} speaks of {flag}, which no command has");
        }
    }
}
