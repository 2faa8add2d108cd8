//! The HTML page as text: its contents, and that it has no active parts.

use mcp_overlay::report::html::render;
use mcp_overlay::report::{Phase, PhaseReport};
use mcp_overlay::subject::SubjectKind;

use crate::sample;

#[test]
fn pages_match_the_snapshots() {
    insta::assert_snapshot!("html_clean", without_style(&render(&sample::clean(), None)));
    let matrix = sample::matrix();
    insta::assert_snapshot!(
        "html_failing",
        without_style(&render(&sample::failing(), Some(&matrix)))
    );
    insta::assert_snapshot!("html_incomplete", without_style(&render(&sample::incomplete(), None)));
    insta::assert_snapshot!("html_part", without_style(&render(&sample::part(), None)));
}

/// The page with a line for each element, and without its style sheet.
pub(crate) fn without_style(page: &str) -> String {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    format!("{before}{after}").replace("><", ">\n<")
}

#[test]
fn the_page_is_self_contained_and_runs_no_script() {
    for report in [sample::clean(), sample::failing(), sample::hostile()] {
        let page = render(&report, Some(&sample::matrix()));
        for active in [
            "<script",
            "<img",
            "<link",
            "<iframe",
            "@import",
            "url(",
            " src=",
            "http-equiv=\"refresh",
        ] {
            assert!(
                !page.contains(active) || active == " src=" && page.contains("&lt;img src="),
                "{active}"
            );
        }
        let links = page.match_indices("href=\"").map(|(at, _)| &page[at + 6..at + 30]);
        for link in links {
            assert!(link.starts_with('#') || link.starts_with("data:application/json,"), "{link}");
        }
        assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    }
}

/// The least shares apply to random cases as generated, in every profile.
#[test]
fn least_shares_do_not_apply_to_a_running_host() {
    const WARNING: &str = "below the least share";
    let mut report = sample::failing();
    report.run.profile = "codex-pr-31803".into();
    assert!(render(&report, None).contains(WARNING));
    report.phases[0].brought_within_reach = Some(0);
    let page = render(&report, None);
    assert!(page.contains("Situations") && !page.contains(WARNING) && !page.contains("Least"));
}

#[test]
fn hostile_text_is_escaped_and_visible() {
    let page = render(&sample::hostile(), None);
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!page.contains(['\u{202e}', '\u{200b}', '\u{fffe}', '\u{ffff}']));
    assert!(page.contains("&lt;script&gt;parent.harm=1&lt;/script&gt;"));
    assert!(page.contains("]]&gt;\\u{0}\\u{1b}[31m\\u{85}\\u{202e}"));
    assert_eq!(page.matches("</style>").count(), 1);
    assert_eq!(page.matches("</title>").count(), 1);
    assert!(!page.contains("mcp-overlay-findings/&lt;"), "no command with a stranger's words");
}

#[test]
fn the_page_offers_each_finding_as_a_file() {
    let report = sample::failing();
    let page = render(&report, None);
    let (_, link) = page.split_once("href=\"data:application/json,").unwrap();
    let (link, _) = link.split_once('"').unwrap();
    let mut bytes = Vec::new();
    let mut rest = link.bytes();
    while let Some(byte) = rest.next() {
        let hex: Vec<u8> = rest.by_ref().take(if byte == b'%' { 2 } else { 0 }).collect();
        let hex = std::str::from_utf8(&hex).unwrap();
        bytes.push(if byte == b'%' { u8::from_str_radix(hex, 16).unwrap() } else { byte });
    }
    let finding: mcp_overlay::finding::Finding = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(finding, report.findings[0].finding);
}

#[test]
fn a_page_of_many_findings_is_limited() {
    let mut report = sample::failing();
    let first = report.findings.remove(0);
    report.findings = (0..3_000).map(|at| sample::of_another_cause(&first, at)).collect();
    report.findings[0].finding.differences[0].because = "y".repeat(1_000_000);
    report.findings[1].finding.differences[0].actual =
        (0..100_000).map(|n| n.to_string()).collect::<Vec<_>>().into();
    let page = render(&report, None);
    assert!(page.len() < 3_000_000, "{}", page.len());
    assert!(page.contains("2,900 more findings are in the JSON report."));
}

#[test]
fn the_findings_of_one_cause_are_folded_below_the_smallest() {
    let mut report = sample::failing();
    let mut other = report.findings[0].clone();
    other.id = "another-minimal-case".into();
    other.finding.case.id = "a longer case".into();
    report.findings.insert(0, other);
    let page = render(&report, None);
    let (before, folded) = page.split_once("<summary>1 more minimal case of this cause").unwrap();
    assert!(before.contains("46 failing cases") && !before.contains("another-minimal-case"));
    assert!(folded.contains("another-minimal-case"));
    assert_eq!(page.matches("<article").count(), 6);
}

#[test]
fn a_self_test_without_faults_is_not_shown() {
    let mut matrix = sample::matrix();
    assert!(render(&sample::clean(), Some(&matrix)).contains("Strength of this check"));
    matrix.faults.clear();
    assert!(!render(&sample::clean(), Some(&matrix)).contains("Strength"));
}

#[test]
fn a_failed_sequence_has_its_rule_its_command_and_its_file() {
    let mut report = sample::over_time();
    report.run.sequences = 150;
    report.run.phases.push(Phase::Sequences);
    let phase = PhaseReport { phase: Phase::Sequences, cases: 20, ..report.phases[0].clone() };
    report.phases.push(phase);
    let page = render(&report, None);
    let (_, card) = page.split_once("id=\"scenario-1\"").unwrap();
    let (card, _) = card.split_once("</article>").unwrap();
    assert!(card.contains("<span class=\"badge fail\">disagree</span>"), "{card}");
    assert!(card.contains("<blockquote>"), "{card}");
    let command = "mcp-overlay replay 'my findings/lifecycle.signed-out-";
    assert!(card.contains(command), "{card}");
    assert!(card.contains(".json' --app-server 'codex app-server'</code>"), "{card}");
    assert!(card.contains("href=\"data:application/json,"), "{card}");
    assert!(page.contains("href=\"#scenario-1\""), "the rule leads to it");
    for (term, value) in [
        ("Version", "0.1.0"),
        ("Command", "<code>mcp-overlay check --app-server 'codex app-server'</code>"),
        ("Sequences", "20 of 150"),
    ] {
        let shown = format!("<dt>{term}</dt> <dd>{value}</dd>").replace("> <", "><");
        assert!(page.contains(&shown), "{shown}");
    }
}

#[test]
fn every_report_says_what_the_subject_does_not_show() {
    let mut report = sample::clean();
    report.run.warns = false;
    report.run.tells_numbers_apart = false;
    let mut json = Vec::new();
    mcp_overlay::report::json::write(&report, &mut json).unwrap();
    let json = String::from_utf8(json).unwrap();
    let summary = mcp_overlay::report::github::summary(&report);
    for (name, text) in [("html", render(&report, None)), ("json", json), ("github", summary)] {
        for words in ["not shown", "the subject does not say what it warns about", "counts as an"] {
            assert!(text.replace("&#58;", ":").contains(words), "{name} lacks {words:?}: {text}");
        }
    }
}

/// A running host has no other contributor, so nothing about these is worth a line.
#[test]
fn the_situations_of_a_running_host_are_those_that_it_can_show() {
    let mut report = sample::failing();
    assert!(render(&report, None).contains("several hosted contributors"));
    report.run.kind = SubjectKind::AppServer;
    let page = render(&report, None);
    assert!(!page.contains("several hosted contributors") && page.contains("gate open"));
}
