//! Annotations and the summary page.

use mcp_overlay::report::github::{annotations, summary};

use crate::sample;

#[test]
fn annotations_and_summaries_match_the_snapshots() {
    for (name, report) in [
        ("clean", sample::clean()),
        ("narrowed", sample::narrowed()),
        ("incomplete", sample::incomplete()),
        ("failing", sample::failing()),
        ("part", sample::part()),
        ("nothing_checked", sample::nothing_checked()),
    ] {
        insta::assert_snapshot!(format!("annotations_{name}"), annotations(&report));
        insta::assert_snapshot!(format!("summary_{name}"), summary(&report));
    }
}

#[test]
fn each_failure_that_counts_has_one_annotation() {
    let lines = annotations(&sample::failing());
    assert_eq!(lines.lines().count(), 3 + 2 + 1 + 1, "{lines}");
    assert!(lines.lines().all(|line| line.starts_with("::error title=mcp-overlay")), "{lines}");
    assert!(!lines.contains("issues.example/17"), "expected failures are no news: {lines}");
    let lines = annotations(&sample::clean());
    assert_eq!(lines, "::notice title=mcp-overlay::clean: 1,646,842 cases, no disagreement\n");
    assert!(annotations(&sample::nothing_checked()).starts_with("::error title=mcp-overlay::"));
}

#[test]
fn annotations_are_escaped_for_the_runner() {
    let lines = annotations(&sample::hostile());
    for line in lines.lines() {
        assert!(line.starts_with("::error title="), "a forged line: {line}");
        let (properties, message) = line[2..].split_once("::").unwrap();
        let title = properties.strip_prefix("error title=").unwrap();
        assert!(!title.contains([':', ',']), "{title}");
        assert!(line.chars().all(|c| !c.is_control()), "{line:?}");
        // Decode it as the runner does.
        let message = message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
        if message.contains("::error") {
            assert!(message.contains("\n::error title=x::y%0A\n"), "{message}");
        }
    }
}

#[test]
fn failures_above_the_limit_are_counted() {
    let mut report = sample::failing();
    report.scenarios = vec![report.scenarios[0].clone(); 1_000];
    let lines = annotations(&report);
    assert_eq!(lines.lines().count(), 52);
    assert!(lines.contains("::954 more, see the summary"), "{lines}");
}

/// The lines of a Markdown text outside of its fences, and the number of fences.
fn outside_of_fences(text: &str) -> (Vec<&str>, usize) {
    let (mut outside, mut fences) = (Vec::new(), 0);
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match open {
            None if ticks >= 3 => (open, fences) = (Some(ticks), fences + 1),
            None => outside.push(line),
            Some(opened) if ticks >= opened && line.trim_matches('`').is_empty() => open = None,
            Some(_) => {}
        }
    }
    assert_eq!(open, None, "a fence that nothing closes");
    (outside, fences)
}

#[test]
fn hostile_text_in_the_summary_is_escaped() {
    let text = summary(&sample::hostile());
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    let (outside, fences) = outside_of_fences(&text);
    let outside = outside.join("\n");
    // Each of the four findings has a text of several lines, a difference, a case and a command, and one has a
    // previous case.
    assert_eq!(fences, 17);
    for harm in ["<script", "<img", "://", "www.", "@some", "](", "::error", "`", "\n# h", "$("] {
        assert!(!outside.contains(harm), "{harm}: {outside}");
    }
    let count = |what: &str| outside.matches(what).count();
    assert_eq!(count("<details>"), 4);
    assert_eq!(count("</details>"), 4);
    assert_eq!(count("<code>"), count("</code>"));
    assert!(outside.contains("&#60;script&#62;parent&#46;harm&#61;1"), "{outside}");
}

#[test]
fn a_long_summary_lists_its_omissions() {
    let mut report = sample::hostile();
    let found = |at: usize| sample::of_another_cause(&report.findings[at % 4], at);
    report.findings = (0..2_000).map(found).collect();
    report.scenarios = vec![report.scenarios[0].clone(); 10_000];
    let text = summary(&report);
    assert!(text.len() < 900 * 1024, "{}", text.len());
    assert!(text.len() > 600 * 1024, "{}", text.len());
    assert!(text.contains("Not shown here, for want of room: "), "{}", &text[text.len() - 500..]);
    assert!(text.contains(" findings, "), "{}", &text[text.len() - 500..]);
    outside_of_fences(&text);
    // One finding larger than the whole page.
    let mut report = sample::failing();
    report.findings[0].finding.note = "x".repeat(2_000_000);
    report.findings[0].finding.differences[0].actual = "`".repeat(2_000_000).into();
    assert!(summary(&report).len() < 900 * 1024);
    outside_of_fences(&summary(&report));
}
