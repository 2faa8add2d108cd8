//! The results of the sequences as a part of the HTML page.

use maud::{Markup, html};

use super::changes::{Change, Known, Numbered, Row, known, rows};
use super::matrix::Matrix;
use super::over_time::{KnownResult, State};
use crate::report::html::lanes::lanes;
use crate::report::html::parts::{Text, wide};

/// The part of the page; nothing if no sequences were played.
pub(super) fn over_time(matrix: &Matrix) -> Markup {
    if matrix.releases.iter().all(|column| column.over_time.is_none()) {
        return html! {};
    }
    let (rows, numbered) = rows(matrix, 1);
    html! {
        (rule_table(matrix, &rows))
        (changes(matrix, &rows))
        (track_record(matrix))
        (smallest(&numbered))
    }
}

fn rule_table(matrix: &Matrix, rows: &[Row<'_>]) -> Markup {
    let (broken, kept): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
        rows.iter().partition(|row| row.is_broken());
    html! {
        section aria-labelledby="over-time" {
            h2 id="over-time" { "Behaviour over time" }
            p { "Each release played the same " (matrix.plan.sequences) " sequences of steps, the known "
                "ones first, and is held against the profile that it follows. What broke a rule in one "
                "release was played on the others too. n/a: the profile does not have the rule." }
            @if broken.is_empty() { p { "No release breaks a rule over time." } }
            @else { (table(matrix, "Rules over time that a release breaks", &broken)) }
            @if !kept.is_empty() {
                details {
                    summary { (kept.len()) " rules over time that no release breaks" }
                    (table(matrix, "Rules over time that no release breaks", &kept))
                }
            }
        }
    }
}

fn table(matrix: &Matrix, label: &str, rows: &[&Row<'_>]) -> Markup {
    wide(
        label,
        &html! {
            table.releases {
                thead { tr { th scope="col" { "Rule" } (heads(matrix)) } }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { code { (Text(&row.name)) } }
                            @for (state, number) in &row.states { td { (cell(state, *number)) } }
                        }
                    }
                }
            }
        },
    )
}

fn heads(matrix: &Matrix) -> Markup {
    html! { @for column in &matrix.releases { th scope="col" { (Text(&column.name)) } } }
}

fn cell(state: &State<'_>, number: Option<usize>) -> Markup {
    match state {
        State::NoRule => html! { span title="the profile does not have the rule" { "n/a" } },
        State::NotSeen => html! { span title="no sequence shows it" { "·" } },
        State::Kept => html! { span.badge.pass { "kept" } },
        State::Broken(failed) => {
            let (class, word) = broken_words(failed.advisory, "broken");
            html! {
                a href={ "#sequence-" (number.unwrap_or_default()) } {
                    span.badge.(class) { (word) }
                }
            }
        }
    }
}

/// The class and the word of something broken.
fn broken_words(advisory: bool, word: &'static str) -> (&'static str, &'static str) {
    if advisory { ("expected", "advisory") } else { ("fail", word) }
}

fn changes(matrix: &Matrix, rows: &[Row<'_>]) -> Markup {
    let change = |change: &Change<'_>| {
        html! { (Text(change.release)) " " (cell(&change.state, change.number)) " " }
    };
    let line = |row: &Row<'_>| {
        let changes = row.changes(matrix);
        let first = |kept: bool| {
            let first = changes.iter().find(|change| (change.state == State::Kept) == kept);
            html! { @match first {
                Some(first) if kept => (Text(first.release)),
                Some(first) => (change(first)),
                None => "·",
            } }
        };
        html! {
            tr {
                th scope="row" { code { (Text(&row.name)) } }
                td { (first(true)) }
                td { (first(false)) }
                td {
                    @for later in changes.iter().skip(1) { (change(later)) }
                    @if changes.len() < 2 { "·" }
                }
            }
        }
    };
    html! {
        section aria-labelledby="changes" {
            h2 id="changes" { "What changed when" }
            p { "The first release in which the rule was kept, and the first in which it was broken. "
                "“Changed” has each release that differs from the one before it. A release whose profile "
                "does not have the rule is left out." }
            (wide("What changed when", &html! {
                table.releases {
                    thead { tr {
                        th scope="col" { "Rule" }
                        th scope="col" { "First kept" }
                        th scope="col" { "First broken" }
                        th scope="col" { "Changed" }
                    } }
                    tbody { @for row in rows { (line(row)) } }
                }
            }))
        }
    }
}

fn track_record(matrix: &Matrix) -> Markup {
    let (failed, passed): (Vec<_>, Vec<_>) = known(matrix).into_iter().partition(Known::is_failed);
    html! {
        @if !failed.is_empty() || !passed.is_empty() {
            section aria-labelledby="known" {
                h2 id="known" { "Track record" }
                p { "The sequences that showed a fault of a host once. A release passes if it keeps the "
                    "rule that the sequence is about, and fails if it breaks that rule or the one that is "
                    "named. A dot: the sequence does not show the rule." }
                @if failed.is_empty() { p { "No release fails any." } }
                @else { (record(matrix, "Sequences that a release fails", &failed)) }
                @if !passed.is_empty() {
                    details {
                        summary { (passed.len()) " sequences that no release fails" }
                        (record(matrix, "Sequences that no release fails", &passed))
                    }
                }
            }
        }
    }
}

fn record(matrix: &Matrix, label: &str, known: &[Known<'_>]) -> Markup {
    wide(
        label,
        &html! {
            table.releases {
                thead { tr { th scope="col" { "Sequence" } (heads(matrix)) } }
                tbody {
                    @for Known { name, rule, results } in known {
                        tr {
                            th scope="row" {
                                (name)
                                @if let Some(rule) = rule { p { code { (rule) } } }
                            }
                            @for result in results { td { (known_cell(result)) } }
                        }
                    }
                }
            }
        },
    )
}

fn known_cell(result: &KnownResult) -> Markup {
    match result {
        KnownResult::NotSeen => html! { "·" },
        KnownResult::Passes => html! { span.badge.pass { "passes" } },
        KnownResult::Fails { other, advisory, always } => {
            let (class, word) = broken_words(*advisory, "fails");
            html! {
                span.badge.(class) { (word) @if !always { " at times" } }
                @if let Some(other) = other { p { code { (Text(other)) } } }
            }
        }
    }
}

fn smallest(numbered: &[Numbered<'_>]) -> Markup {
    html! {
        @if !numbered.is_empty() {
            section aria-labelledby="sequences" {
                h2 id="sequences" { "The smallest sequences" }
                p { "Saved as a file, the JSON of each is played by " code { "mcp-overlay replay FILE" }
                    ". A release of another profile needs its own name in " code { "profile" } "." }
                @for (number, Numbered { row, failed, releases }) in (1..).zip(numbered) {
                    article.finding.known[failed.advisory] {
                        h3 id={ "sequence-" (number) } {
                            code { (Text(row)) } ": " (Text(&releases.join(", ")))
                        }
                        pre tabindex="0" { (Text(&failed.story)) }
                        @if let Some(luck) = &failed.luck {
                            p { "In " (Text(releases.first().unwrap_or(&""))) ": " (Text(luck)) "." }
                        }
                        @if let Some(picture) = &failed.picture { (lanes(picture)) }
                        details {
                            summary { "The sequence as JSON" }
                            pre tabindex="0" {
                                (Text(&serde_json::to_string(&failed.saved).unwrap_or_default()))
                            }
                        }
                    }
                }
            }
        }
    }
}
