//! The results of the sequences as a part of the page of Markdown.

use std::fmt::{Result, Write};

use super::changes::{Change, Known, Numbered, Row, known, rows};
use super::markdown_parts::{close_details, open_details};
use super::matrix::Matrix;
use super::over_time::{KnownResult, State};

/// Writes the part; `first` is the number of the first sequence. Nothing if none were played.
pub(super) fn write_over_time(page: &mut String, matrix: &Matrix, first: usize) -> Result {
    if matrix.releases.iter().all(|column| column.over_time.is_none()) {
        return Ok(());
    }
    let (rows, numbered) = rows(matrix, first);
    write_rows(page, matrix, &rows)?;
    write_changes(page, matrix, &rows)?;
    write_known(page, matrix)?;
    write_smallest(page, &numbered, first)
}

fn heads(matrix: &Matrix) -> String {
    matrix.releases.iter().map(|column| format!(" {} |", column.name)).collect()
}

fn line(columns: usize) -> String {
    format!("| --- |{}", " --- |".repeat(columns))
}

fn write_rows(page: &mut String, matrix: &Matrix, rows: &[Row<'_>]) -> Result {
    writeln!(page, "## Behaviour over time\n")?;
    writeln!(
        page,
        "Each release played the same {} sequences of steps ([sequences.md](../sequences.md)), those of\n\
         `tests/sequences/` first, and is held against the profile that it follows. What broke a rule in one\n\
         release was played on the others too. `kept`: a sequence could show the rule broken, and none did.\n\
         n/a: the profile does not have the rule. The number is that of the smallest sequence below.\n",
        matrix.plan.sequences
    )?;
    let (broken, kept): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
        rows.iter().partition(|row| row.is_broken());
    if broken.is_empty() {
        writeln!(page, "No release breaks a rule over time.\n")?;
    } else {
        write_table(page, matrix, &broken)?;
    }
    if !kept.is_empty() {
        open_details(page, &format!("{} rules over time that no release breaks", kept.len()))?;
        write_table(page, matrix, &kept)?;
        close_details(page)?;
    }
    Ok(())
}

fn write_table(page: &mut String, matrix: &Matrix, rows: &[&Row<'_>]) -> Result {
    writeln!(page, "| rule |{}", heads(matrix))?;
    writeln!(page, "{}", line(matrix.releases.len()))?;
    for row in rows {
        write!(page, "| `{}` |", row.name)?;
        for (state, number) in &row.states {
            write!(page, " {} |", state_words(state, *number))?;
        }
        writeln!(page)?;
    }
    writeln!(page)
}

fn state_words(state: &State<'_>, number: Option<usize>) -> String {
    let number = number.map_or_else(String::new, |number| format!(" ({number})"));
    match state {
        State::NoRule => "n/a".into(),
        State::NotSeen => "·".into(),
        State::Kept => "kept".into(),
        State::Broken(failed) if failed.advisory => format!("advisory{number}"),
        State::Broken(_) => format!("**broken**{number}"),
    }
}

fn write_changes(page: &mut String, matrix: &Matrix, rows: &[Row<'_>]) -> Result {
    open_details(
        page,
        "What changed when: the first release that keeps and that breaks each rule",
    )?;
    writeln!(
        page,
        "The first release in which the rule was kept, and the first in which it was broken. \"Changed\" has\n\
         each release that differs from the one before it. A release whose profile does not have the rule is\n\
         left out.\n"
    )?;
    writeln!(page, "| rule | first kept | first broken | changed |")?;
    writeln!(page, "{}", line(3))?;
    for row in rows {
        let changes = row.changes(matrix);
        let first = |kept: bool| {
            let change = changes.iter().find(|change| (change.state == State::Kept) == kept);
            change.map_or("·".to_string(), |change| match kept {
                true => change.release.into(),
                false => change_words(change),
            })
        };
        let changed: Vec<String> = changes.iter().skip(1).map(change_words).collect();
        let changed = if changed.is_empty() { "·".into() } else { changed.join(", ") };
        writeln!(page, "| `{}` | {} | {} | {changed} |", row.name, first(true), first(false))?;
    }
    writeln!(page)?;
    close_details(page)
}

fn change_words(change: &Change<'_>) -> String {
    format!("{}: {}", change.release, state_words(&change.state, change.number))
}

fn write_known(page: &mut String, matrix: &Matrix) -> Result {
    let known = known(matrix);
    if known.is_empty() {
        return Ok(());
    }
    writeln!(page, "## Track record\n")?;
    writeln!(
        page,
        "The sequences of `tests/sequences/` ([track record](../sequences.md#track-record)), each in the\n\
         profile that the release follows. `passes`: the release keeps the rule that the sequence is about.\n\
         **fails**: it breaks that rule, or the one that is named. `·`: the sequence does not show the rule,\n\
         because the profile does not have it, or because the release does not notice a change of\n\
         `auth.json`.\n"
    )?;
    let (failed, passed): (Vec<_>, Vec<_>) = known.into_iter().partition(Known::is_failed);
    if failed.is_empty() {
        writeln!(page, "No release fails any.\n")?;
    } else {
        write_results(page, matrix, &failed)?;
    }
    if !passed.is_empty() {
        open_details(page, &format!("{} sequences that no release fails", passed.len()))?;
        write_results(page, matrix, &passed)?;
        close_details(page)?;
    }
    Ok(())
}

fn write_results(page: &mut String, matrix: &Matrix, known: &[Known<'_>]) -> Result {
    writeln!(page, "| sequence | rule |{}", heads(matrix))?;
    writeln!(page, "{}", line(matrix.releases.len() + 1))?;
    for Known { name, rule, results } in known {
        let rule = rule.map_or_else(String::new, |rule| format!("`{rule}`"));
        write!(page, "| [{name}](../../tests/sequences/{name}.json) | {rule} |")?;
        for result in results {
            write!(page, " {} |", result_words(result))?;
        }
        writeln!(page)?;
    }
    writeln!(page)
}

fn result_words(result: &KnownResult) -> String {
    match result {
        KnownResult::NotSeen => "·".into(),
        KnownResult::Passes => "passes".into(),
        KnownResult::Fails { other, advisory, always } => {
            let word = if *advisory { "advisory" } else { "**fails**" };
            let often = if *always { "" } else { " at times" };
            let other = other.as_ref().map_or_else(String::new, |other| format!(", `{other}`"));
            format!("{word}{often}{other}")
        }
    }
}

fn write_smallest(page: &mut String, numbered: &[Numbered<'_>], first: usize) -> Result {
    if numbered.is_empty() {
        return Ok(());
    }
    writeln!(page, "## The smallest sequences\n")?;
    writeln!(
        page,
        "`mcp-overlay replay FILE --app-server \"PATH app-server\"` plays the JSON below each. A release of\n\
         another profile needs its own name in `profile`.\n"
    )?;
    for (number, Numbered { row, failed, releases }) in (first..).zip(numbered) {
        writeln!(page, "### {number}. `{row}`: {}\n", releases.join(", "))?;
        writeln!(page, "```text\n{}```\n", failed.story)?;
        if let Some(luck) = &failed.luck {
            writeln!(page, "In {}: {luck}.\n", releases.first().unwrap_or(&""))?;
        }
        let json = serde_json::to_string(&failed.saved).unwrap_or_default();
        writeln!(page, "```json\n{json}\n```\n")?;
    }
    Ok(())
}
