//! The matrix as one self-contained HTML page, without scripts or requests.

use maud::{DOCTYPE, Markup, html};
use mcp_overlay_model::{Profile, Rule};

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
                    (profiles(matrix))
                    (rule_table(matrix))
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
                                @for (profile, held) in &column.profiles {
                                    td.number {
                                        @if Some(*profile) == column.follows() {
                                            span.badge.pass { (held.agreeing) " follows" }
                                        } @else { (held.agreeing) }
                                    }
                                }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn rule_table(matrix: &Matrix) -> Markup {
    html! {
        section aria-labelledby="rules" {
            h2 id="rules" { "Releases and rules" }
            p { "A rule that only some profiles have is checked in the one of those that fits "
                "the release best. Rules that show in no release are left out." }
            (wide("Releases and rules", &html! {
                table.releases {
                    thead { tr {
                        th scope="col" { "Rule" }
                        @for column in &matrix.releases { th scope="col" { (Text(&column.name)) } }
                    } }
                    tbody {
                        @for rule in matrix.rules() {
                            tr {
                                th scope="row" { code title=(rules::sentence(rule)) { (rule) } }
                                @for (at, column) in matrix.releases.iter().enumerate() {
                                    td { (cell(rule, at, column.cell(rule))) }
                                }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn cell(rule: Rule, release: usize, cell: Cell<'_>) -> Markup {
    match cell {
        Cell::Kept(_) => html! { span.badge.pass { "kept" } },
        Cell::NotSeen => html! { span title="no case shows it" { "·" } },
        Cell::Broken(finding) => {
            let advisory = finding.is_advisory();
            let (class, word) =
                if advisory { ("expected", "advisory") } else { ("fail", "broken") };
            html! { a href={ "#" (anchor(rule, release)) } { span.badge.(class) { (word) } } }
        }
    }
}

fn anchor(rule: Rule, release: usize) -> String {
    format!("case-{release}-{}", rule.id().replace('.', "-"))
}

/// The case of each broken cell. A case that breaks a rule in several releases is listed once, with
/// the anchors of all.
fn smallest(matrix: &Matrix) -> Markup {
    let mut rows: Vec<(Rule, &crate::finding::Finding, Vec<usize>)> = Vec::new();
    for rule in matrix.rules() {
        for (at, column) in matrix.releases.iter().enumerate() {
            if let Cell::Broken(finding) = column.cell(rule) {
                let same = rows.iter_mut().find(|(of, f, _)| *of == rule && f.case == finding.case);
                match same {
                    Some((.., releases)) => releases.push(at),
                    None => rows.push((rule, finding, vec![at])),
                }
            }
        }
    }
    let name = |at: &usize| matrix.releases.get(*at).map(|column| column.name.clone());
    html! {
        section aria-labelledby="cases" {
            h2 id="cases" { "The smallest cases" }
            @for (rule, finding, releases) in &rows {
                article {
                    @for at in releases { span id=(anchor(*rule, *at)) {} }
                    h3 { code { (rule) } ": "
                        (Text(&releases.iter().filter_map(name).collect::<Vec<_>>().join(", "))) }
                    p { (sentence(&finding.sentence)) }
                    (wide("Case", &html! { pre { (Text(&finding.to_string())) } }))
                }
            }
        }
    }
}
