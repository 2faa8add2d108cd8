//! The matrix as a page of Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use mcp_overlay_model::{Profile, Rule};

use super::markdown_over_time::write_over_time;
use super::matrix::{Cell, Matrix};
use crate::finding::Finding;

/// Renders the page; `date` and `command` say when and how it was made.
pub fn render(matrix: &Matrix, date: &str, command: &str) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, matrix, date, command);
    page
}

fn write_page(page: &mut String, matrix: &Matrix, date: &str, command: &str) -> std::fmt::Result {
    writeln!(page, "# Which release keeps which rule\n")?;
    writeln!(page, "Made by mcp-overlay {} on {date} with\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(page, "    {command}\n")?;
    writeln!(
        page,
        "Each release was asked the same {} cases once, from outside ([black-box.md](../black-box.md)),\n\
         and its answers compared with each profile of [semantics.md](../semantics.md).\n",
        matrix.plan.cases
    )?;
    write_profiles(page, matrix)?;
    let smallest = write_rules(page, matrix)?;
    write_smallest(page, &smallest)?;
    write_over_time(page, matrix, smallest.len() + 1)
}

fn write_profiles(page: &mut String, matrix: &Matrix) -> std::fmt::Result {
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
        for (profile, held) in &column.profiles {
            let bold = if Some(*profile) == follows { "**" } else { "" };
            write!(page, " {bold}{}{bold} |", held.agreeing)?;
        }
        writeln!(page)?;
    }
    writeln!(page)
}

/// The findings that the table refers to, by number.
type Smallest<'a> = BTreeMap<usize, (Rule, &'a Finding, Vec<&'a str>)>;

fn write_rules<'a>(page: &mut String, matrix: &'a Matrix) -> Result<Smallest<'a>, std::fmt::Error> {
    writeln!(page, "## Releases and rules\n")?;
    writeln!(
        page,
        "`kept`: observed, and never broken. **broken**: with the number of the smallest case below.\n\
         advisory: the same, for a rule that says SHOULD. `·`: no case shows it. A rule that only\n\
         some profiles have is checked in the one of those that fits the release best. Rules that show\n\
         in no release are left out.\n"
    )?;
    let names: Vec<&str> = matrix.releases.iter().map(|column| column.name.as_str()).collect();
    writeln!(page, "| rule | {} |", names.join(" | "))?;
    writeln!(page, "| --- |{}", " --- |".repeat(names.len()))?;
    let mut smallest = Smallest::new();
    for rule in matrix.rules() {
        write!(page, "| `{rule}` |")?;
        for column in &matrix.releases {
            match column.cell(rule) {
                Cell::Kept(_) => write!(page, " kept |")?,
                Cell::NotSeen => write!(page, " · |")?,
                Cell::Broken(finding) => {
                    let number = number_of(&mut smallest, rule, finding);
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
    writeln!(page)?;
    Ok(smallest)
}

/// The number of a broken cell's case; cells with the same rule and case share a number.
fn number_of<'a>(smallest: &mut Smallest<'a>, rule: Rule, finding: &'a Finding) -> usize {
    let known = smallest
        .iter()
        .find(|(_, (of, known, _))| *of == rule && known.case == finding.case)
        .map(|(number, _)| *number);
    known.unwrap_or_else(|| {
        let number = smallest.len() + 1;
        smallest.insert(number, (rule, finding, Vec::new()));
        number
    })
}

fn write_smallest(page: &mut String, smallest: &Smallest<'_>) -> std::fmt::Result {
    writeln!(page, "## The smallest cases\n")?;
    for (number, (rule, finding, releases)) in smallest {
        writeln!(page, "### {number}. `{rule}`: {}\n", releases.join(", "))?;
        writeln!(page, "> {}\n", finding.sentence)?;
        writeln!(page, "```text\n{finding}```\n")?;
    }
    Ok(())
}
