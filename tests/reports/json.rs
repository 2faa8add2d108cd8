//! JSON Lines: written reports are read back, and damaged ones are refused.

use mcp_overlay::report::Report;
use mcp_overlay::report::json::{BadReport, read, write};
use serde_json::json;

use crate::sample;

fn written(report: &Report) -> String {
    let mut bytes = Vec::new();
    write(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The error for a text that is not a report, and its message for a snapshot.
#[track_caller]
fn refused(text: &str) -> (BadReport, String) {
    let error = read(text, "part.json").unwrap_err();
    let words = error.to_string();
    (error, words)
}

fn lines(report: &Report) -> Vec<String> {
    written(report).lines().map(str::to_string).collect()
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The number of the first line of a kind, from 0.
fn at(lines: &[String], kind: &str) -> usize {
    lines.iter().position(|line| line.starts_with(&format!("{{\"{kind}\":"))).unwrap()
}

#[test]
fn reports_match_the_snapshots() {
    insta::assert_snapshot!("json_clean", written(&sample::clean()));
    insta::assert_snapshot!("json_failing", written(&sample::failing()));
    insta::assert_snapshot!("json_incomplete", written(&sample::incomplete()));
    insta::assert_snapshot!("json_part", written(&sample::part()));
}

#[test]
fn a_written_report_is_read_back() {
    for report in [
        sample::clean(),
        sample::failing(),
        sample::part(),
        sample::nothing_checked(),
        sample::narrowed(),
        sample::incomplete(),
        sample::hostile(),
    ] {
        let text = written(&report);
        assert_eq!(read(&text, "part.json").unwrap(), report);
        assert_eq!(read(text.trim_end(), "part.json").unwrap(), report, "the last line is whole");
        assert_eq!(read(&text.replace('\n', "\r\n"), "part.json").unwrap(), report);
        assert!(text.lines().all(|line| line.starts_with('{')), "hostile text stays on its line");
    }
}

#[test]
fn numbers_are_exact() {
    let mut report = sample::clean();
    report.run.seed = u64::MAX;
    report.phases[0].seconds = 0.1 + 0.2;
    report.phases[1].seconds = 5e-324;
    report.run.twice = 1.0 / 3.0;
    assert_eq!(read(&written(&report), "part.json").unwrap(), report);
}

#[test]
fn a_truncated_file_is_detected_at_every_position() {
    let text = written(&sample::failing());
    let ends = text.match_indices('\n').map(|(end, _)| end);
    let places = (1..text.len()).step_by(37).chain(ends.clone()).chain(ends.map(|end| end + 1));
    for end in places.filter(|end| text.is_char_boundary(*end) && *end < text.len() - 1) {
        let (error, words) = refused(&text[..end]);
        assert!(matches!(error, BadReport::CutOff { .. }), "at byte {end}: {words}");
    }
}

#[test]
fn every_missing_line_is_detected() {
    let lines = lines(&sample::failing());
    for missing in 1..lines.len() - 1 {
        let mut rest = lines.clone();
        rest.remove(missing);
        let (error, words) = refused(&joined(&rest));
        assert!(matches!(error, BadReport::Count { .. }), "without line {missing}: {words}");
    }
}

#[test]
fn every_duplicate_line_is_detected_even_if_another_line_is_missing() {
    let lines = lines(&sample::failing());
    for twice in 1..lines.len() - 1 {
        let mut more = lines.clone();
        more.insert(twice, lines[twice].clone());
        let (error, words) = refused(&joined(&more));
        assert!(matches!(error, BadReport::Twice { .. }), "line {twice} twice: {words}");
        more.remove(if twice == 1 { 4 } else { 1 });
        let (error, words) = refused(&joined(&more));
        assert!(matches!(error, BadReport::Twice { .. }), "line {twice} twice: {words}");
    }
}

#[test]
fn errors_say_what_was_found_and_where() {
    let lines = lines(&sample::failing());
    let changed = |at: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        assert!(lines[at].contains(from), "{}", lines[at]);
        lines[at] = lines[at].replacen(from, to, 1);
        joined(&lines)
    };
    let end = lines.len() - 1;
    let labels = at(&lines, "labels");
    let whole = joined(&lines);
    let mut twice = lines.clone();
    twice.insert(3, lines[at(&lines, "finding")].clone());
    let cases = [
        ("empty", String::new()),
        ("another file", "[mcp_servers.a]\nbearer = \"secret\"\n".into()),
        ("other JSON", "{\"token\":\"secret\"}\n".into()),
        ("another format", changed(0, "\"report\":2", "\"report\":1")),
        ("a bad header", changed(0, "\"seed\":27191", "\"seed\":-1")),
        ("a bad part", changed(0, "\"shard\":\"1/1\"", "\"shard\":\"3/2\"")),
        ("cut off in a line", whole[..whole.len() / 2].into()),
        ("cut off after a line", joined(&lines[..end])),
        ("junk", changed(2, "{\"phase\":", "{\"phase\";")),
        ("an unknown line", changed(2, "{\"phase\":", "{\"phrase\":")),
        ("an empty line", changed(3, lines[3].as_str(), "")),
        ("more than all", changed(3, "\"not_comparable\":1200", "\"not_comparable\":100001")),
        ("too many", changed(3, "\"cases\":100000", "\"cases\":9007199254740993")),
        ("negative", changed(3, "\"seconds\":7.5", "\"seconds\":-7.5")),
        ("more than random cases", changed(labels, "\"cases\":100000", "\"cases\":10")),
        ("a situation too few", changed(labels, "\"gate open\"", "\"gate opened\"")),
        ("twice", joined(&twice)),
        ("a line too few", joined(&[&lines[..2], &lines[3..]].concat())),
        ("two reports", format!("{whole}{whole}")),
        ("another verdict", changed(end, "\"verdict\":\"findings\"", "\"verdict\":\"clean\"")),
    ];
    let words = cases.map(|(what, text)| format!("{what}\n  {}\n\n", refused(&text).1)).concat();
    assert!(!words.contains("secret"), "a file that is no report may be any file: {words}");
    insta::assert_snapshot!("json_errors", words);
}

#[test]
fn an_answer_of_the_greatest_depth_is_read_back() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let mut report = sample::failing();
    report.findings[0].finding.differences[0].actual = nested(128);
    assert_eq!(read(&written(&report), "part.json").unwrap(), report);
    report.findings[0].finding.differences[0].actual = format!("\\\"{}", "[{".repeat(500)).into();
    assert_eq!(read(&written(&report), "part.json").unwrap(), report, "text has no depth");
    report.findings[0].finding.differences[0].actual = nested(1_000);
    assert!(refused(&written(&report)).1.contains("levels of JSON"));
}

#[test]
fn hostile_errors_are_plain_text() {
    let lines = lines(&sample::hostile());
    let mut twice = lines.clone();
    twice.insert(at(&lines, "finding"), lines[at(&lines, "finding")].clone());
    let (_, words) = refused(&joined(&twice));
    assert!(words.chars().all(|c| c == '\n' || !c.is_control()), "{words:?}");
    assert_eq!(words.lines().count(), 2, "{words}");
}

#[test]
fn the_page_about_the_format_names_every_member() {
    let page = include_str!("../../docs/reports.md");
    for line in lines(&sample::failing()).into_iter().chain(lines(&sample::over_time())) {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let members = line.as_object().unwrap();
        for kind in members.keys() {
            assert!(page.contains(&format!("\"{kind}\":")), "docs/reports.md lacks {kind:?}");
        }
        for member in members.values().filter_map(|value| value.as_object()).flat_map(|m| m.keys())
        {
            assert!(page.contains(&format!("`{member}`")), "docs/reports.md lacks `{member}`");
        }
    }
}
