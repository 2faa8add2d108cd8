//! Which phase finds which seeded fault, as a measure of a clean report's value.

use maud::{Markup, html};

use super::parts::{Text, wide};
use crate::display::grouped;
use crate::report::strength::{Matrix, MatrixRow};

pub(super) fn table(matrix: &Matrix) -> Markup {
    let missed = matrix.faults.iter().filter(|row| row.phases() == 0).count();
    html! {
        section aria-labelledby="strength" {
            h2 id="strength" { "Strength of this check" }
            p {
                (grouped(matrix.faults.len() as u64)) " faults were put into a sound \
                 implementation, one at a time. "
                @if missed == 0 { "All were found. " }
                @else { "Missed: " (grouped(missed as u64)) ". " }
                "The numbers are the first case that finds the fault; of random cases, the median \
                 and the worst of " (grouped(matrix.seeds)) " seeds. "
                (grouped(matrix.false_alarms)) " false alarms in "
                (grouped(matrix.sound_cases)) " cases of the sound implementation."
            }
            (wide("Strength", &html! {
                table.faults.labelled {
                    thead { tr {
                        th scope="col" { "Fault" }
                        th.number scope="col" { "Vectors" }
                        th.number scope="col" { "Edges" }
                        th.number scope="col" { "Exhaustive" }
                        th.number scope="col" { "Random" }
                        th scope="col" { "Endpoint" }
                    } }
                    tbody { @for row in &matrix.faults { (fault(row)) } }
                }
            }))
        }
    }
}

fn fault(row: &MatrixRow) -> Markup {
    let random = match (row.random, row.random_worst) {
        (Some(median), Some(worst)) => format!("{} / {}", grouped(median), grouped(worst)),
        (Some(median), None) => format!("{} / not always", grouped(median)),
        (None, _) => "–".into(),
    };
    let number = |found: Option<u64>| found.map_or("–".into(), grouped);
    html! {
        tr.few[row.phases() == 0] {
            th scope="row" {
                code { (Text(&row.fault)) }
                @if row.phases() == 0 { " " span.badge.fail { "missed" } }
                p { (Text(&row.what)) @if !row.rule.is_empty() { " (" code { (Text(&row.rule)) } ")" } }
            }
            td.number data-label="Vectors" { (number(row.vectors)) }
            td.number data-label="Edges" { (number(row.edges)) }
            td.number data-label="Exhaustive" { (number(row.exhaustive)) }
            td.number data-label="Random" { (random) }
            td data-label="Endpoint" { (Text(row.endpoint.as_deref().unwrap_or("–"))) }
        }
    }
}
