//! The report as one self-contained HTML page, without scripts or requests.

mod findings;
mod labels;
pub(crate) mod lanes;
mod overview;
pub(crate) mod parts;
mod rules;
mod strength;

use maud::{DOCTYPE, html};

use self::parts::{Text, head};
use crate::report::data::Report;
use crate::report::strength::Matrix;

/// Renders the page, with the table of a self-test if there is one.
pub fn render(report: &Report, matrix: Option<&Matrix>) -> String {
    let title = format!("{}: {}", report.run.subject, report.verdict().word());
    // A table without faults would claim that all were found.
    let matrix = matrix.filter(|matrix| !matrix.faults.is_empty());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title))
            body {
                (overview::header(report, matrix.is_some()))
                main {
                    (findings::findings(report))
                    (findings::scenarios(report))
                    (findings::expectations(report))
                    (overview::missing(report))
                    (overview::run(report))
                    (rules::table(report))
                    (labels::chart(report))
                    @if let Some(matrix) = matrix { (strength::table(matrix)) }
                }
                footer { "Written by mcp-overlay " (Text(&report.run.version)) "." }
            }
        }
    };
    format!("{}\n", page.into_string())
}
