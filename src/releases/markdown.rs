//! The matrix as a page of Markdown.

use std::collections::BTreeMap;
use std::fmt::{Result, Write};

use mcp_overlay_model::Profile;

use super::history::steps;
use super::markdown_over_time::write_over_time;
use super::markdown_parts::{close_details, open_details, write_head};
use super::matrix::{Cell, Matrix};
use crate::finding::Finding;

/// Renders the page; `date` and `command` say when and how it was made.
pub fn render(matrix: &Matrix, date: &str, command: &str) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, matrix, date, command);
    page
}

fn write_page(page: &mut String, matrix: &Matrix, date: &str, command: &str) -> Result {
    writeln!(page, "# Which release keeps which rule\n")?;
    write_head(page, matrix, date, command)?;
    write_changes(page, matrix)?;
    write_profiles(page, matrix)?;
    let smallest = write_rules(page, matrix)?;
    write_smallest(page, &smallest)?;
    write_over_time(page, matrix, smallest.len() + 1)
}

fn write_changes(page: &mut String, matrix: &Matrix) -> Result {
    let steps = steps(matrix);
    if steps.is_empty() {
        return Ok(());
    }
    writeln!(page, "## What changed\n")?;
    for step in steps {
        writeln!(page, "- **{}**: {}", step.release.name, step.headline())?;
    }
    writeln!(page)
}

fn write_profiles(page: &mut String, matrix: &Matrix) -> Result {
    writeln!(page, "## Releases and profiles\n")?;
    writeln!(
        page,
        "On how many cases the release agrees with each profile; the profile that a release\nfollows is bold.\n"
    )?;
    let heads = Profile::ALL.map(|profile| format!("`{}`", profile.name())).join(" | ");
    writeln!(page, "| release | {heads} |")?;
    writeln!(page, "| --- |{}", " --- |".repeat(Profile::ALL.len()))?;
    for column in &matrix.releases {
        write!(page, "| {} |", column.name)?;
        let follows = column.follows();
        for profile in Profile::ALL {
            let bold = if Some(profile) == follows { "**" } else { "" };
            let agreeing = column.held(profile).map(|held| held.agreeing.to_string());
            write!(page, " {bold}{}{bold} |", agreeing.as_deref().unwrap_or("·"))?;
        }
        writeln!(page)?;
    }
    writeln!(page)
}

/// The findings that the table refers to, by number.
type Smallest<'a> = BTreeMap<usize, (&'a str, &'a Finding, Vec<&'a str>)>;

fn write_rules<'a>(
    page: &mut String,
    matrix: &'a Matrix,
) -> std::result::Result<Smallest<'a>, std::fmt::Error> {
    writeln!(page, "## Deviations\n")?;
    writeln!(
        page,
        "The rules that a release does not keep, in the profile that it follows. **broken**: with the number\n\
         of the smallest case below. advisory: the same, for a rule that says SHOULD. `kept`: observed, and\n\
         never broken. `·`: no case shows it. n/a: the profile does not have the rule.\n"
    )?;
    let mut smallest = Smallest::new();
    let (deviations, rows) = (matrix.deviations(), matrix.rows());
    if deviations.is_empty() {
        writeln!(page, "None.\n")?;
    } else {
        write_table(page, matrix, &deviations, &mut smallest)?;
    }
    let kept: Vec<&str> = rows.into_iter().filter(|row| !deviations.contains(row)).collect();
    if !kept.is_empty() {
        open_details(page, &format!("{} rules that no release breaks", kept.len()))?;
        write_table(page, matrix, &kept, &mut smallest)?;
        close_details(page)?;
    }
    Ok(smallest)
}

fn write_table<'a>(
    page: &mut String,
    matrix: &'a Matrix,
    rows: &[&'a str],
    smallest: &mut Smallest<'a>,
) -> Result {
    let names: Vec<&str> = matrix.releases.iter().map(|column| column.name.as_str()).collect();
    writeln!(page, "| rule | {} |", names.join(" | "))?;
    writeln!(page, "| --- |{}", " --- |".repeat(names.len()))?;
    for row in rows {
        write!(page, "| `{row}` |")?;
        for column in &matrix.releases {
            match column.cell(row) {
                Cell::NoRule => write!(page, " n/a |")?,
                Cell::NotSeen => write!(page, " · |")?,
                Cell::Kept(_) => write!(page, " kept |")?,
                Cell::Broken(finding) => {
                    let number = number_of(smallest, row, finding);
                    if let Some((.., releases)) = smallest.get_mut(&number) {
                        releases.push(&column.name);
                    }
                    let word = if finding.is_advisory() { "advisory" } else { "**broken**" };
                    write!(page, " {word} ({number}) |")?;
                }
            }
        }
        writeln!(page)?;
    }
    writeln!(page)
}

/// The number of a broken cell's case; cells with the same rule and case share a number.
fn number_of<'a>(smallest: &mut Smallest<'a>, row: &'a str, finding: &'a Finding) -> usize {
    let known = smallest
        .iter()
        .find(|(_, (of, known, _))| *of == row && known.case == finding.case)
        .map(|(number, _)| *number);
    known.unwrap_or_else(|| {
        let number = smallest.len() + 1;
        smallest.insert(number, (row, finding, Vec::new()));
        number
    })
}

fn write_smallest(page: &mut String, smallest: &Smallest<'_>) -> Result {
    if smallest.is_empty() {
        return Ok(());
    }
    writeln!(page, "## The smallest cases\n")?;
    for (number, (row, finding, releases)) in smallest {
        writeln!(page, "### {number}. `{row}`: {}\n", releases.join(", "))?;
        writeln!(page, "```text\n{finding}```\n")?;
    }
    Ok(())
}
