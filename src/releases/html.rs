//! The matrix as one self-contained HTML page, without scripts or requests.

use maud::{DOCTYPE, Markup, html};
use mcp_overlay_model::Profile;

use super::html_history::history;
use super::html_over_time::over_time;
use super::matrix::{Cell, Matrix};
use crate::report::html::parts::{Text, head, sentence, wide};
use crate::rules;

/// Renders the page; `date` and `command` say when and how it was made.
pub fn render(matrix: &Matrix, date: &str, command: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head("Which release keeps which rule"))
            body {
                header {
                    h1 { "Which release keeps which rule" }
                    p {
                        "Each release was asked the same " (matrix.plan.cases) " cases once, from "
                        "outside, and its answers compared with each profile of the specification. "
                        (Text(date)) "."
                    }
                    pre { code { (Text(command)) } }
                }
                main {
                    (history(matrix))
                    (profiles(matrix))
                    (deviations(matrix))
                    (over_time(matrix))
                    (smallest(matrix))
                }
                footer { "Written by mcp-overlay " (env!("CARGO_PKG_VERSION")) "." }
            }
        }
    };
    format!("{}\n", page.into_string())
}

fn profiles(matrix: &Matrix) -> Markup {
    html! {
        section aria-labelledby="profiles" {
            h2 id="profiles" { "Releases and profiles" }
            p { "On how many cases the release agrees with each profile; the profile that a release "
                "follows is marked." }
            (wide("Releases and profiles", &html! {
                table.releases {
                    thead { tr {
                        th scope="col" { "Release" }
                        @for profile in Profile::ALL { th.number scope="col" { (profile.name()) } }
                    } }
                    tbody {
                        @for column in &matrix.releases {
                            tr {
                                th scope="row" { (Text(&column.name)) }
                                @for profile in Profile::ALL { td.number {
                                    @match column.held(profile) {
                                        Some(held) if Some(profile) == column.follows() => {
                                            span.badge.pass { (held.agreeing) " follows" }
                                        }
                                        Some(held) => (held.agreeing),
                                        None => "·",
                                    }
                                } }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn deviations(matrix: &Matrix) -> Markup {
    let (deviations, rows) = (matrix.deviations(), matrix.rows());
    let kept: Vec<&str> = rows.into_iter().filter(|row| !deviations.contains(row)).collect();
    html! {
        section aria-labelledby="rules" {
            h2 id="rules" { "Deviations" }
            p { "The rules that a release does not keep, in the profile that it follows. n/a: the "
                "profile does not have the rule. A dot: no case shows it." }
            @if deviations.is_empty() { p { "None." } }
            @else { (rule_table(matrix, "Deviations", &deviations)) }
            @if !kept.is_empty() {
                details {
                    summary { (kept.len()) " rules that no release breaks" }
                    (rule_table(matrix, "Rules that no release breaks", &kept))
                }
            }
        }
    }
}

fn rule_table(matrix: &Matrix, label: &str, rows: &[&str]) -> Markup {
    let sentence_of = |row: &str| row.parse().map(rules::sentence).unwrap_or_default();
    wide(
        label,
        &html! {
            table.releases {
                thead { tr {
                    th scope="col" { "Rule" }
                    @for column in &matrix.releases { th scope="col" { (Text(&column.name)) } }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { code title=(sentence_of(row)) { (Text(row)) } }
                            @for (at, column) in matrix.releases.iter().enumerate() {
                                td { (cell(row, at, column.cell(row))) }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn cell(row: &str, release: usize, cell: Cell<'_>) -> Markup {
    match cell {
        Cell::NoRule => html! { span title="the profile does not have the rule" { "n/a" } },
        Cell::Kept(_) => html! { span.badge.pass { "kept" } },
        Cell::NotSeen => html! { span title="no case shows it" { "·" } },
        Cell::Broken(finding) => {
            let advisory = finding.is_advisory();
            let (class, word) =
                if advisory { ("expected", "advisory") } else { ("fail", "broken") };
            html! { a href={ "#" (anchor(row, release)) } { span.badge.(class) { (word) } } }
        }
    }
}

fn anchor(row: &str, release: usize) -> String {
    format!("case-{release}-{}", row.replace(['.', ' '], "-"))
}

/// The case of each broken cell. A case that breaks a rule in several releases is listed once, with
/// the anchors of all.
fn smallest(matrix: &Matrix) -> Markup {
    let mut rows: Vec<(&str, &crate::finding::Finding, Vec<usize>)> = Vec::new();
    for row in matrix.deviations() {
        for (at, column) in matrix.releases.iter().enumerate() {
            if let Cell::Broken(finding) = column.cell(row) {
                let same = rows.iter_mut().find(|(of, f, _)| *of == row && f.case == finding.case);
                match same {
                    Some((.., releases)) => releases.push(at),
                    None => rows.push((row, finding, vec![at])),
                }
            }
        }
    }
    let name = |at: &usize| matrix.releases.get(*at).map(|column| column.name.clone());
    html! {
        @if !rows.is_empty() { section aria-labelledby="cases" {
            h2 id="cases" { "The smallest cases" }
            @for (row, finding, releases) in &rows {
                article {
                    @for at in releases { span id=(anchor(row, *at)) {} }
                    h3 { code { (Text(row)) } ": "
                        (Text(&releases.iter().filter_map(name).collect::<Vec<_>>().join(", "))) }
                    p { (sentence(&finding.sentence)) }
                    (wide("Case", &html! { pre { (Text(&finding.to_string())) } }))
                }
            }
        } }
    }
}
