//! The results of the sequences as rows, and what changed from release to release.

use std::collections::BTreeSet;

use mcp_overlay_model::Rule;

use super::matrix::{Column, Matrix};
use super::over_time::{FailedSequence, KnownResult, OverTime, State};
use super::play::known_rule;
use crate::sequences::known::KNOWN;

/// A sequence that breaks a rule, and the releases in which it does.
#[derive(Clone, Debug)]
pub(super) struct Numbered<'a> {
    pub(super) row: String,
    pub(super) failed: &'a FailedSequence,
    pub(super) releases: Vec<&'a str>,
}

/// The results of one rule or kind of breakdown.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) name: String,
    /// For each release the state, and the number of the sequence that breaks the rule.
    pub(super) states: Vec<(State<'a>, Option<usize>)>,
}

/// A point at which the result of a rule is another one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) release: &'a str,
    pub(super) state: State<'a>,
    pub(super) number: Option<usize>,
}

/// One sequence of `tests/sequences/` in all releases.
#[derive(Clone, Debug)]
pub(super) struct Known<'a> {
    pub(super) name: &'static str,
    pub(super) rule: Option<Rule>,
    pub(super) results: Vec<&'a KnownResult>,
}

/// The rows and the sequences that they refer to. The first sequence has the number `first`.
pub(super) fn rows(matrix: &Matrix, first: usize) -> (Vec<Row<'_>>, Vec<Numbered<'_>>) {
    let mut numbered: Vec<Numbered<'_>> = Vec::new();
    let row = |name: String| {
        let states = matrix.releases.iter().map(|column| {
            let state = column.over_time.as_ref().map_or(State::NoRule, |over| over.state(&name));
            let number = match state {
                State::Broken(failed) => {
                    Some(first + position_of(&mut numbered, &name, failed, column))
                }
                _ => None,
            };
            (state, number)
        });
        Row { states: states.collect(), name: name.clone() }
    };
    let rows = names_over_time(matrix).into_iter().map(row).collect();
    (rows, numbered)
}

fn position_of<'a>(
    numbered: &mut Vec<Numbered<'a>>,
    row: &str,
    failed: &'a FailedSequence,
    column: &'a Column,
) -> usize {
    let same = |other: &Numbered<'_>| {
        let steps = |failed: &'a FailedSequence| &failed.saved.sequence.steps;
        other.row == row
            && other.failed.saved.sequence.steps == *steps(failed)
            && other.failed.story == failed.story
    };
    let position = numbered.iter().position(same).unwrap_or_else(|| {
        numbered.push(Numbered { row: row.into(), failed, releases: Vec::new() });
        numbered.len() - 1
    });
    if let Some(numbered) = numbered.get_mut(position) {
        numbered.releases.push(&column.name);
    }
    position
}

/// The rules that some release shows, in the order of the specification, and the kinds of breakdown.
pub(super) fn names_over_time(matrix: &Matrix) -> Vec<String> {
    let all = || matrix.releases.iter().filter_map(|column| column.over_time.as_ref());
    let shows = |over: &OverTime, rule: &Rule| over.state(rule.id()).kind().is_some();
    let rules = Rule::ALL.iter().filter(|rule| all().any(|over| shows(over, rule)));
    let is_rule = |name: &&String| Rule::ALL.iter().any(|rule| rule.id() == *name);
    let others: BTreeSet<&String> =
        all().flat_map(|over| over.broken.keys()).filter(|name| !is_rule(name)).collect();
    rules.map(|rule| rule.id().to_string()).chain(others.into_iter().cloned()).collect()
}

impl<'a> Row<'a> {
    /// Whether some release breaks the rule.
    pub(super) fn is_broken(&self) -> bool {
        self.states.iter().any(|(state, _)| matches!(state, State::Broken(_)))
    }

    /// The first result, and each that differs from the one before. A release whose profile does not
    /// have the rule is no change, and neither is one in which no sequence shows it.
    pub(super) fn changes(&self, matrix: &'a Matrix) -> Vec<Change<'a>> {
        let mut changes: Vec<Change<'a>> = Vec::new();
        for (column, (state, number)) in matrix.releases.iter().zip(&self.states) {
            let before = changes.last().and_then(|change| change.state.kind());
            if state.kind().is_some() && state.kind() != before {
                changes.push(Change { release: &column.name, state: *state, number: *number });
            }
        }
        changes
    }
}

impl Known<'_> {
    /// Whether some release fails it.
    pub(super) fn is_failed(&self) -> bool {
        self.results.iter().any(|result| matches!(result, KnownResult::Fails { .. }))
    }
}

/// The sequences of `tests/sequences/` that were played.
pub(super) fn known(matrix: &Matrix) -> Vec<Known<'_>> {
    let known = |(at, (name, _)): (usize, &(&'static str, &str))| {
        let results = matrix.releases.iter().map(|column| known_of(column, at));
        let results: Vec<_> = results.map(|r| r.unwrap_or(&KnownResult::NotSeen)).collect();
        Known { name, rule: known_rule(at as u64), results }
    };
    let was_played =
        |at: usize| matrix.releases.iter().any(|column| known_of(column, at).is_some());
    KNOWN.iter().enumerate().filter(|(at, _)| was_played(*at)).map(known).collect()
}

fn known_of(column: &Column, at: usize) -> Option<&KnownResult> {
    column.over_time.as_ref()?.known.get(at)
}
