//! What changed from release to release, as a page of Markdown.

use std::fmt::{Result, Write};

use super::history::{RuleChange, Shown, Step, steps};
use super::markdown_parts::write_head;
use super::matrix::Matrix;
use crate::rules;

/// Renders the page; `date` and `command` say when and how it was made.
pub fn render_history(matrix: &Matrix, date: &str, command: &str) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, matrix, date, command);
    page
}

fn write_page(page: &mut String, matrix: &Matrix, date: &str, command: &str) -> Result {
    writeln!(page, "# What changed in each release\n")?;
    write_head(page, matrix, date, command)?;
    writeln!(
        page,
        "A case below a rule is the smallest one on which the release before and this one differ. The\n\
         matrix is on its [own page](README.md).\n"
    )?;
    // The newest is what most readers come for.
    for step in steps(matrix).iter().rev() {
        write_step(page, step)?;
    }
    Ok(())
}

fn write_step(page: &mut String, step: &Step<'_>) -> Result {
    writeln!(page, "## {}\n", step.release.name)?;
    let (release, before) = (&step.release.name, &step.before.name);
    if step.is_empty() {
        return writeln!(page, "No difference from {before} was seen.\n");
    }
    writeln!(page, "{release}: {}.\n", step.headline())?;
    write_rules(page, "The rules that ended", release, &step.ended)?;
    write_rules(page, "The rules that began", before, &step.began)?;
    if !step.results.is_empty() {
        writeln!(page, "### Results that changed\n")?;
    }
    for change in &step.results {
        let (row, earlier, later) = (&change.row, change.before, change.after);
        writeln!(page, "#### `{row}`: {earlier} in {before}, {later} in {release}\n")?;
        match change.shown {
            Some(Shown::Case(finding)) => writeln!(page, "```text\n{finding}```\n")?,
            Some(Shown::Sequence(failed)) => writeln!(page, "```text\n{}```\n", failed.story)?,
            None => {}
        }
    }
    Ok(())
}

/// The rules of one profile only. `breaks` is the release that follows the other one.
fn write_rules(page: &mut String, title: &str, breaks: &str, rules: &[RuleChange<'_>]) -> Result {
    if rules.is_empty() {
        return Ok(());
    }
    writeln!(page, "### {title}\n")?;
    for change in rules {
        writeln!(page, "- `{}`: {}", change.rule, rules::sentence(change.rule))?;
        if let Some(finding) = change.shown {
            writeln!(page, "\n  <details><summary>{breaks} breaks it</summary>\n")?;
            let text = finding.to_string();
            let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
            writeln!(page, "  ```text\n{}\n  ```\n\n  </details>\n", lines.join("\n"))?;
        }
    }
    writeln!(page)
}
