//! How often random cases were in each situation, as bars.

use maud::{Markup, html};

use super::parts::wide;
use crate::cases::labels::{LABELS, LabelCounts};
use crate::display::grouped;

pub(super) fn chart(labels: &LabelCounts) -> Markup {
    html! {
        @if labels.cases > 0 {
            section aria-labelledby="situations" {
                h2 id="situations" { "Situations" }
                p {
                    "How many of the " (grouped(labels.cases)) " random cases were in a situation \
                     in which implementations go wrong. The mark on a bar is the least share that \
                     the generator is held to."
                }
                (wide("Situations", &html! {
                    table.bars {
                        thead { tr {
                            th scope="col" { "Situation" }
                            td {}
                            th.number scope="col" { "Share" }
                            th.number scope="col" { "Cases" }
                            th.number scope="col" { "Least" }
                        } }
                        tbody {
                            @for ((_, words, count), (.., least)) in labels.rows().zip(LABELS) {
                                (row(words, count, labels.cases, f64::from(least) / 10.0))
                            }
                        }
                    }
                }))
            }
        }
    }
}

/// A bar; shares are in percent.
fn row(words: &str, count: u64, cases: u64, least: f64) -> Markup {
    let share = 100.0 * count as f64 / cases as f64;
    let few = share < least;
    html! {
        tr.few[few] {
            th scope="row" { (words) @if few { span.note { " below the least share" } } }
            td.bar aria-hidden="true" {
                div {
                    span.fill style=(format!("width:{share:.2}%")) {}
                    span.least style=(format!("left:{least:.2}%")) {}
                }
            }
            td.number { (format!("{share:.1} %")) }
            td.number { (grouped(count)) }
            td.number { (format!("{least:.1} %")) }
        }
    }
}
