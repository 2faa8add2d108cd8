//! A bar chart of the situations of the random cases.

use maud::{Markup, html};

use super::parts::wide;
use crate::cases::labels::LabelRow;
use crate::display::grouped;
use crate::report::data::Report;

pub(super) fn chart(report: &Report) -> Markup {
    let labels = &report.labels;
    let held = report.has_least_shares();
    html! {
        @if labels.cases > 0 {
            section aria-labelledby="situations" {
                h2 id="situations" { "Situations" }
                p {
                    "How many of the " (grouped(labels.cases)) " random cases were in a situation \
                     in which implementations go wrong."
                    @if held {
                        " The mark on a bar is the least share that the generator is held to."
                    }
                }
                (wide("Situations", &html! {
                    table.bars {
                        thead { tr {
                            th scope="col" { "Situation" }
                            td {}
                            th.number scope="col" { "Share" }
                            th.number scope="col" { "Cases" }
                            @if held { th.number scope="col" { "Least" } }
                        } }
                        tbody {
                            @for LabelRow { words, count, least, .. } in report.situations() {
                                (row(words, count, labels.cases, held.then_some(least)))
                            }
                        }
                    }
                }))
            }
        }
    }
}

/// A row with a bar; `least` is in thousandths.
fn row(words: &str, count: u64, cases: u64, least: Option<u32>) -> Markup {
    let share = 100.0 * count as f64 / cases as f64;
    let least = least.map(|least| f64::from(least) / 10.0);
    let few = least.is_some_and(|least| share < least);
    html! {
        tr.few[few] {
            th scope="row" { (words) @if few { span.note { " below the least share" } } }
            td.bar aria-hidden="true" {
                div {
                    span.fill style=(format!("width:{share:.2}%")) {}
                    @if let Some(least) = least {
                        span.least style=(format!("left:{least:.2}%")) {}
                    }
                }
            }
            td.number { (format!("{share:.1} %")) }
            td.number { (grouped(count)) }
            @if let Some(least) = least { td.number { (format!("{least:.1} %")) } }
        }
    }
}
