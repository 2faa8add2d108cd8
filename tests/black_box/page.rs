//! docs/black-box.md is up to date.

use std::collections::BTreeSet;

use mcp_overlay::black_box::narrow::{AppsOrigin, reasons};
use mcp_overlay::cases::generate::random_of;
use mcp_overlay::rules::coverage::{reached_outside, unseen};
use mcp_overlay_model::{Case, Profile, Rule, resolve};

const PAGE: &str = include_str!("../../docs/black-box.md");

/// The lines of a list below a heading.
fn list(heading: &str) -> Vec<&'static str> {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("- ")).collect()
}

#[test]
fn every_step_is_listed_in_its_order() {
    assert_eq!(list("What is asked"), reasons().collect::<Vec<_>>());
}

/// Rules that no narrowed case tests, and rules that do not show from outside.
#[test]
fn every_rule_that_cannot_be_observed_is_listed() {
    let drawn = |profile, index| Case { profile, ..random_of(profile)(1, index) };
    let cases = Profile::ALL.into_iter().flat_map(|profile| {
        (0..1_500).map(move |index| AppsOrigin::Loopback.nearest(drawn(profile, index)))
    });
    let reached: BTreeSet<Rule> =
        cases.flat_map(|case| reached_outside(&case, &resolve(&case))).collect();
    // Another route shows one rule, and sequences those about behaviour over time.
    let by_other_means =
        |rule: &Rule| *rule == Rule::DeliveryAnyWay || rule.id().starts_with("lifecycle");
    let never = Rule::ALL.iter().filter(|rule| !reached.contains(rule) && !by_other_means(rule));
    assert!(unseen().iter().all(|rule| !reached.contains(&rule)));
    let listed: Vec<&str> = list("What cannot be seen")
        .iter()
        .filter_map(|line| line.strip_prefix('`')?.split('`').next())
        .collect();
    assert_eq!(listed, never.map(|rule| rule.id()).collect::<Vec<_>>());
}

/// The finding on the page is exactly what the check prints.
#[test]
fn the_finding_on_the_page_matches_the_output() {
    let (_, shown) = PAGE.split_once("```text\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let hosts = crate::Hosts::new();
    let command = hosts.command("lies-about-auth").join(" ");
    let only = ["--app-server", &command, "--only", "random", "--cases", "30"];
    let output = crate::command_line::check(&hosts, &only);
    let output = crate::command_line::text(&output);
    assert!(output.contains(shown), "{shown}\nis not in\n{output}");
}
