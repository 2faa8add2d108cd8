//! The failures: findings with their cases and differences, scenarios, and expected failures.

use maud::{Markup, html};
use mcp_overlay_model::{Case, Rule};

use super::lanes::lanes;
use super::parts::{Text, sentence, wide};
use crate::display::{clipped, grouped, pretty};
use crate::finding::{Finding, FoundDifference};
use crate::judge::verdict::FindingKind;
use crate::report::causes::{OneCause, ScenarioCause};
use crate::report::data::{Expectation, Report, ReportedFinding};
use crate::report::diff::{Hunk, diff};
use crate::rules;
use crate::sequences::saved::SavedSequence;

/// The most findings to show.
pub(super) const MOST: usize = 100;

/// The most differences of a finding to show.
const DIFFERENCES: usize = 20;

/// The most other findings of a cause to show.
const OTHERS: usize = 20;

/// The most lines of a case to show.
const LINES: usize = 60;

/// The most characters of a case in a line.
const LINE: usize = 500;

/// The largest finding that the page offers as a file, in bytes.
const FILE: usize = 100_000;

pub(super) fn findings(report: &Report) -> Markup {
    let causes = ordered(report);
    let more = causes.len().saturating_sub(MOST);
    html! {
        @if !causes.is_empty() {
            section aria-labelledby="findings" {
                h2 id="findings" { "Findings" }
                p { "One for each cause, with the smallest case that fails in its way." }
                @for (position, cause) in causes.iter().take(MOST).enumerate() {
                    (finding(position + 1, cause, report))
                }
                @if more > 0 {
                    p { (grouped(more as u64)) " more findings are in the JSON report." }
                }
            }
        }
    }
}

/// The causes, those that count first.
pub(super) fn ordered(report: &Report) -> Vec<OneCause<'_>> {
    let mut causes = report.causes().findings;
    causes.sort_by_key(|cause| !report.counts(cause.first));
    causes
}

fn finding(number: usize, cause: &OneCause<'_>, report: &Report) -> Markup {
    let found = cause.first;
    let counts = report.counts(found);
    let Finding { verdict, rule, sentence: text, note, differences, .. } = &found.finding;
    let class = if counts { "finding" } else { "finding known" };
    let of_answers = *verdict == FindingKind::Unstable;
    html! {
        article class=(class) id={ "finding-" (number) } {
            h3 {
                (number) ". "
                @match rule { None => (verdict.word()), Some(rule) => code { (rule) }, }
            }
            p.facts {
                span.badge.fail[counts].expected[!counts] {
                    (Text(verdict.word()))
                }
                " " (cases(cause.count()))
            }
            @if !text.is_empty() { blockquote { (sentence(text)) } }
            @if let Some(reason) = &found.expected {
                p { strong { "Expected: " } (Text(reason)) }
            }
            @if let Some(form) = found.finding.form { p { strong { "Sent as: " } (form.word()) } }
            @if !note.is_empty() { p { strong { "Note: " } (Text(note)) } }
            @if let Some(before) = &found.finding.after {
                h4 { "Asked before" }
                (case_block(before))
            }
            h4 { "Case" }
            (case_block(&found.finding.case))
            @for difference in differences.iter().take(1) {
                (self::difference(difference, of_answers))
            }
            (other_differences(differences.get(1..).unwrap_or_default(), of_answers))
            (others(cause))
            (replay(found, report))
        }
    }
}

/// The places that differ besides the first, folded.
fn other_differences(differences: &[FoundDifference], of_answers: bool) -> Markup {
    let more = differences.len().saturating_sub(DIFFERENCES);
    let places = if differences.len() == 1 { "place differs" } else { "places differ" };
    html! {
        @if !differences.is_empty() {
            details {
                summary { (differences.len()) " more " (places) }
                @for difference in differences.iter().take(DIFFERENCES) {
                    (self::difference(difference, of_answers))
                }
                @if more > 0 { p { (more) " more differences are in the JSON report." } }
            }
        }
    }
}

/// The other findings of a cause, folded.
fn others(cause: &OneCause<'_>) -> Markup {
    let cases = if cause.others.len() == 1 { "minimal case" } else { "minimal cases" };
    let more = cause.others.len().saturating_sub(OTHERS);
    html! {
        @if !cause.others.is_empty() {
            details {
                summary { (cause.others.len()) " more " (cases) " of this cause" }
                ul.others {
                    @for other in cause.others.iter().take(OTHERS) {
                        li {
                            code { (Text(&other.id)) } ", " (self::cases(other.finding.count))
                            @if let Some(first) = other.finding.differences.first() {
                                ", first at " code { (Text(&first.place)) }
                            }
                            pre { code { (Text(&in_a_line(&other.finding.case))) } }
                        }
                    }
                }
                @if more > 0 { p { (more) " more are in the JSON report." } }
            }
        }
    }
}

fn cases(count: u64) -> String {
    match count {
        0 => "the case of the list of expected failures".into(),
        1 => "one failing case".into(),
        count => format!("{} failing cases", grouped(count)),
    }
}

fn in_a_line(case: &Case) -> String {
    clipped(&serde_json::to_string(case).unwrap_or_default(), LINE)
}

fn case_block(case: &Case) -> Markup {
    let text = pretty(&serde_json::to_value(case).unwrap_or_default());
    let more = text.lines().count().saturating_sub(LINES);
    let shown: Vec<&str> = text.lines().take(LINES).collect();
    html! {
        pre { code { (Text(&shown.join("\n"))) } }
        @if more > 0 { p.note { "… " (grouped(more as u64)) " more lines are in the saved file." } }
    }
}

fn difference(difference: &FoundDifference, of_answers: bool) -> Markup {
    let FoundDifference { place, rule, because, expected, actual } = difference;
    let (expected, actual) = match difference.outcomes() {
        Some(outcomes) => outcomes,
        None => (pretty(expected), pretty(actual)),
    };
    let compared = diff(&expected, &actual);
    let (left, right) = match of_answers {
        true => ("One answer", "Another answer"),
        false => ("Specification", "Subject"),
    };
    html! {
        h4 { code { (Text(place)) } }
        p.because {
            @if let Some(rule) = rule { code { (rule) } ": " }
            (Text(because))
        }
        (wide("Difference", &html! {
            table.diff {
                thead { tr {
                    th scope="col" { "- " (left) }
                    th scope="col" { "+ " (right) }
                } }
                tbody { @for hunk in &compared.hunks { (hunk_row(hunk)) } }
            }
        }))
        @if compared.cut > 0 { p { (grouped(compared.cut as u64)) " lines more" } }
    }
}

/// Both sides of a hunk; if they are equal, a narrow screen shows only the first.
fn hunk_row(hunk: &Hunk) -> Markup {
    let side = |lines: &[String], sign: &str, class: &str| {
        let (sign, class) = if hunk.same { (" ", "same") } else { (sign, class) };
        html! {
            @if lines.is_empty() { td.none {} } @else {
                td class=(class) {
                    @for line in lines { div { (sign) " " (Text(line)) } }
                }
            }
        }
    };
    html! {
        tr.unchanged[hunk.same] {
            (side(&hunk.left, "-", "left"))
            (side(&hunk.right, "+", "right"))
        }
    }
}

fn replay(found: &ReportedFinding, report: &Report) -> Markup {
    let file = serde_json::to_string_pretty(&found.finding).unwrap_or_default();
    again(&found.id, &file, found.finding.rule, report)
}

/// How to see a saved failure again, and the file itself.
fn again(id: &str, file: &str, rule: Option<Rule>, report: &Report) -> Markup {
    let (name, command) = (report.run.file_of(id), report.run.replay(id));
    html! {
        h4 { "To see it again" }
        p.replay { code { (command) } }
        @if let Some(rule) = rule {
            p.replay { code { "mcp-overlay rule " (rule) } }
        }
        @if file.len() <= FILE {
            p.save { a download=(name) href={ "data:application/json," (percent_encoded(file)) } {
                "Save this finding as a file"
            } }
        }
    }
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

pub(super) fn scenarios(report: &Report) -> Markup {
    html! {
        @if !report.scenarios.is_empty() {
            section aria-labelledby="scenarios" {
                h2 id="scenarios" { "Scenarios and sequences that failed" }
                @for (position, cause) in ordered_scenarios(report).iter().take(MOST).enumerate() {
                    (scenario(position + 1, cause, report))
                }
            }
        }
    }
}

/// The causes of the failed scenarios, those that count first.
pub(super) fn ordered_scenarios(report: &Report) -> Vec<ScenarioCause<'_>> {
    let mut causes = report.causes().scenarios;
    causes.sort_by_key(|cause| !report.counts_scenario(cause.first));
    causes
}

fn scenario(number: usize, cause: &ScenarioCause<'_>, report: &Report) -> Markup {
    let failed = cause.first;
    let counts = report.counts_scenario(failed);
    let word = match (failed.unconfirmed, failed.advisory) {
        (true, _) => "unconfirmed",
        (false, true) => FindingKind::Advisory.word(),
        (false, false) => FindingKind::Disagree.word(),
    };
    // The story of a sequence begins with it.
    let unsaid = failed.rule.filter(|_| !failed.message.contains("  rule: "));
    let other_name = failed.rule.filter(|rule| rule.id() != failed.name);
    html! {
        article.finding.known[!counts] id={ "scenario-" (number) } {
            h3 { (failed.phase.word()) ": " (Text(&failed.name)) }
            p.facts {
                span.badge.fail[counts].expected[!counts] { (word) }
                @if let Some(rule) = other_name { " " code { (rule) } }
            }
            @if let Some(rule) = unsaid { blockquote { (sentence(rules::sentence(rule))) } }
            @if let Some(reason) = &failed.expected {
                p { strong { "Expected: " } (Text(reason)) }
            }
            pre { (Text(&failed.message)) }
            @for other in &cause.others { p { "Also in: " (other.phase.word()) } }
            @if let Some(picture) = &failed.picture { (lanes(picture)) }
            @if let Some(sequence) = &failed.sequence {
                @let saved = SavedSequence::new(failed.rule, &report.run.subject, sequence);
                @let file = serde_json::to_string_pretty(&saved).unwrap_or_default();
                (again(&saved.id(), &file, failed.rule, report))
            }
        }
    }
}

pub(super) fn expectations(report: &Report) -> Markup {
    let whole = report.run.shard.is_whole();
    html! {
        @if !report.expectations.is_empty() {
            section aria-labelledby="expected" {
                h2 id="expected" { "Expected failures" }
                (wide("Expected failures", &html! {
                    table.stack {
                        thead { tr {
                            th scope="col" { "What" }
                            th scope="col" { "Reason" }
                            th scope="col" { "Outcome" }
                        } }
                        tbody {
                            @for Expectation { entry, met } in &report.expectations {
                                tr {
                                    th scope="row" { code { (Text(entry.what())) } }
                                    td { (Text(&entry.reason)) }
                                    td { (outcome(*met, whole, report.was_asked(entry))) }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

fn outcome(met: u64, whole: bool, asked: bool) -> Markup {
    html! {
        @match (met, whole) {
            (0, _) if !asked => { span.badge.not-reached { "not asked" } " in this narrowed run" },
            (0, true) => { span.badge.fail { "not met" } " drop the entry, or see why" },
            (0, false) => { span.badge.not-reached { "not met in this part" } },
            (met, _) => { span.badge.expected { "met" } " by " (grouped(met)) },
        }
    }
}
