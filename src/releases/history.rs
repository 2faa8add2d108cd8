//! What changed from each release to the next.

use mcp_overlay_model::{Profile, Rule};

use super::changes::names_over_time;
use super::matrix::{Cell, Column, Matrix};
use super::over_time::{FailedSequence, State};
use crate::finding::Finding;

/// From one release to the next.
#[derive(Clone, Debug)]
pub(super) struct Step<'a> {
    pub(super) before: &'a Column,
    pub(super) release: &'a Column,
    /// The profile that the release before follows and the release does not, and the other way round.
    pub(super) profiles: Option<(Profile, Profile)>,
    /// The rules that only the earlier profile has.
    pub(super) ended: Vec<RuleChange<'a>>,
    /// The rules that only the later profile has.
    pub(super) began: Vec<RuleChange<'a>>,
    /// The rules of both profiles that one release keeps and the other does not.
    pub(super) results: Vec<ResultChange<'a>>,
}

/// A rule that only one of two profiles has.
#[derive(Clone, Debug)]
pub(super) struct RuleChange<'a> {
    pub(super) rule: Rule,
    /// A smallest case on which the release of the other profile breaks it.
    pub(super) shown: Option<&'a Finding>,
}

/// A rule that is kept in one release and broken in the other.
#[derive(Clone, Debug)]
pub(super) struct ResultChange<'a> {
    pub(super) row: String,
    /// `kept`, `advisory` or `broken`.
    pub(super) before: &'static str,
    /// The same of the later release.
    pub(super) after: &'static str,
    /// What breaks it.
    pub(super) shown: Option<Shown<'a>>,
}

/// What breaks a rule.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown<'a> {
    Case(&'a Finding),
    Sequence(&'a FailedSequence),
}

/// The steps, from the second release on.
pub(super) fn steps(matrix: &Matrix) -> Vec<Step<'_>> {
    let (rows, over_time) = (matrix.rows(), names_over_time(matrix));
    let pairs = matrix.releases.windows(2).filter_map(|pair| match pair {
        [before, release] => Some((before, release)),
        _ => None,
    });
    pairs.map(|(before, release)| of(before, release, &rows, &over_time)).collect()
}

fn of<'a>(
    before: &'a Column,
    release: &'a Column,
    rows: &[&str],
    over_time: &[String],
) -> Step<'a> {
    let both = before.follows().zip(release.follows());
    let profiles = both.filter(|(earlier, later)| earlier != later);
    let only = |one: Profile, other: Profile, shows: &'a Column| {
        let rules = Rule::ALL.iter().filter(move |rule| one.has(**rule) && !other.has(**rule));
        let held = shows.held(one);
        let change = move |rule: &Rule| RuleChange {
            rule: *rule,
            shown: held.and_then(|held| held.broken.get(rule.id())),
        };
        rules.map(change).collect::<Vec<_>>()
    };
    let (ended, began) = match profiles {
        Some((earlier, later)) => (only(earlier, later, release), only(later, earlier, before)),
        None => (Vec::new(), Vec::new()),
    };
    let cases = rows.iter().filter_map(|row| changed_case(row, before, release));
    let sequences = over_time.iter().filter_map(|row| changed_sequence(row, before, release));
    Step { before, release, profiles, ended, began, results: cases.chain(sequences).collect() }
}

fn changed_case<'a>(
    row: &str,
    before: &'a Column,
    release: &'a Column,
) -> Option<ResultChange<'a>> {
    let cells = [before.cell(row), release.cell(row)];
    let [earlier, later] = [cells[0].kind()?, cells[1].kind()?];
    let case = |cell: &Cell<'a>| match cell {
        Cell::Broken(finding) => Some(Shown::Case(finding)),
        _ => None,
    };
    let shown = cells.iter().rev().find_map(case);
    let change = ResultChange { row: row.into(), before: earlier, after: later, shown };
    (earlier != later).then_some(change)
}

fn changed_sequence<'a>(
    row: &str,
    before: &'a Column,
    release: &'a Column,
) -> Option<ResultChange<'a>> {
    let states = [before.over_time.as_ref()?.state(row), release.over_time.as_ref()?.state(row)];
    let [earlier, later] = [states[0].kind()?, states[1].kind()?];
    let sequence = |state: &State<'a>| match state {
        State::Broken(failed) => Some(Shown::Sequence(failed)),
        _ => None,
    };
    let shown = states.iter().rev().find_map(sequence);
    let change = ResultChange { row: row.into(), before: earlier, after: later, shown };
    (earlier != later).then_some(change)
}

impl Step<'_> {
    /// The profiles of upstream's changes in between, the later release's own last.
    pub(super) fn upstream(&self) -> Vec<Profile> {
        let Some((earlier, later)) = self.profiles else { return Vec::new() };
        let place = |profile| Profile::ALL.iter().position(|one| *one == profile);
        let between = place(earlier).zip(place(later));
        let between = between.and_then(|(from, to)| Profile::ALL.get(from + 1..=to));
        between.map_or_else(|| vec![later], <[Profile]>::to_vec)
    }

    /// Whether the two releases showed no difference.
    pub(super) fn is_empty(&self) -> bool {
        self.profiles.is_none() && self.results.is_empty()
    }

    /// One line of what changed.
    pub(super) fn headline(&self) -> String {
        let mut parts = Vec::new();
        if let Some((earlier, later)) = self.profiles {
            let numbers: Vec<String> = self.upstream().into_iter().map(upstream_number).collect();
            parts.push(format!(
                "follows `{}` instead of `{}` (upstream {})",
                later.name(),
                earlier.name(),
                numbers.join(", ")
            ));
        }
        for (words, after) in
            [("newly broken", "broken"), ("newly advisory", "advisory"), ("newly kept", "kept")]
        {
            let rows = self.results.iter().filter(|change| change.after == after);
            let rows: Vec<String> = rows.map(|change| format!("`{}`", change.row)).collect();
            if !rows.is_empty() {
                parts.push(format!("{words}: {}", rows.join(", ")));
            }
        }
        match parts.is_empty() {
            true => "no difference".into(),
            false => parts.join("; "),
        }
    }
}

/// The number of upstream's change, such as `#27414`.
fn upstream_number(profile: Profile) -> String {
    let name = profile.name();
    name.rsplit_once('-').map_or_else(|| name.into(), |(_, number)| format!("#{number}"))
}
