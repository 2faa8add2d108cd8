//! Selects the failing cases to shrink.
//!
//! Shrinking a case asks the subject hundreds of times, and thousands of cases may fail. Cases that
//! differ from the specification in the same kinds of places form one kind. The first few cases of
//! each kind are shrunk, the others only counted. "First" is by number, so that the findings do not
//! depend on the speed of the workers.

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::Auth;

use crate::finding::investigate::Failing;
use crate::finding::known::looks;
use crate::judge::verdict::Verdict;

/// How many cases of a kind to shrink.
const SHRUNK: usize = 5;

/// How many to shrink if all others are expected, each as a finding of its own.
const SHRUNK_IF_EXPECTED: usize = 25;

/// The same for crashes and hangs, where every candidate costs a restart.
const SHRUNK_OF_BREAKDOWNS: usize = 2;

/// The most kinds to distinguish.
const KINDS: usize = 500;

/// Failing cases by kind.
#[derive(Debug)]
pub(super) struct Sieve {
    /// Whether every failing case counts, or only the first ones.
    whole: bool,
    /// How many these are.
    enough: usize,
    kinds: BTreeMap<String, Kind>,
}

/// Failing cases of one kind; keeps those with the lowest numbers.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) count: u64,
    pub(super) first: Vec<Failing>,
    /// The next ones, to shrink if those are expected.
    pub(super) more: Vec<Failing>,
}

impl Sieve {
    pub(super) fn new(whole: bool, enough: u64) -> Self {
        let enough = usize::try_from(enough).unwrap_or(usize::MAX);
        Sieve { whole, enough, kinds: BTreeMap::new() }
    }

    fn kept(&self) -> usize {
        if self.whole { SHRUNK_IF_EXPECTED } else { self.enough }
    }

    pub(super) fn add(&mut self, failing: Failing) {
        let look = look_of(&failing);
        let full = self.kinds.len() >= KINDS && !self.kinds.contains_key(&look);
        // At the limit, one more kind collects all others.
        let kept = self.kept();
        let kind = self.kinds.entry(if full { String::new() } else { look }).or_default();
        kind.count += 1;
        kind.keep(failing, kept);
    }

    pub(super) fn merge(&mut self, other: Sieve) {
        let kept = self.kept();
        for (look, kind) in other.kinds {
            let into = self.kinds.entry(look).or_default();
            into.count += kind.count;
            kind.first.into_iter().for_each(|failing| into.keep(failing, kept));
        }
    }

    /// The cases to shrink, by kind, the lowest number first.
    pub(super) fn into_kinds(mut self) -> Vec<Kind> {
        if !self.whole {
            self.drop_all_but_the_first();
        }
        let mut kinds: Vec<Kind> = self.kinds.into_values().collect();
        for kind in &mut kinds {
            let most = match kind.first.first().map(|failing| &failing.verdict) {
                // One case is enough to show an advisory.
                Some(Verdict::Advisory { .. }) => 1,
                _ if kind.first.iter().any(|f| matches!(f.verdict, Verdict::Failed(_))) => {
                    SHRUNK_OF_BREAKDOWNS
                }
                _ => SHRUNK,
            };
            let is_usual = most == SHRUNK;
            let more = kind.first.split_off(most.min(kind.first.len()));
            kind.more = if is_usual { more } else { Vec::new() };
        }
        kinds.sort_by_key(|kind| kind.first.first().map(|failing| failing.index));
        kinds
    }

    /// How many cases a phase judges before it ends early differs from machine to machine.
    fn drop_all_but_the_first(&mut self) {
        let all = self.kinds.values().flat_map(|kind| &kind.first);
        let mut numbers: Vec<u64> = all.map(|failing| failing.index).collect();
        numbers.sort_unstable();
        let last = numbers.get(self.enough.saturating_sub(1)).copied().unwrap_or(u64::MAX);
        self.kinds.retain(|_, kind| {
            kind.first.retain(|failing| failing.index <= last);
            kind.count = kind.first.len() as u64;
            kind.count > 0
        });
    }
}

impl Kind {
    fn keep(&mut self, failing: Failing, most: usize) {
        let at = self.first.partition_point(|kept| kept.index <= failing.index);
        if at < most {
            self.first.insert(at, failing);
            self.first.truncate(most);
        }
    }
}

/// What defines a kind: the verdict, the auth, and the kinds of places where the answer differs, with
/// the fields that do, or the error message; for an advisory, the rules that are not followed.
fn look_of(Failing { case, verdict, .. }: &Failing) -> String {
    if let Verdict::Advisory { rules, .. } = verdict {
        return rules.iter().map(|rule| rule.id()).collect::<Vec<_>>().join(", ");
    }
    let auth = case.auth.map_or("none", Auth::word);
    let mut look = BTreeSet::from([format!("{} {auth}", verdict.word())]);
    if let Verdict::Errored(message) = verdict {
        let words = message.chars().filter(|c| !c.is_ascii_digit()).take(200);
        look.insert(words.collect());
    }
    if let Verdict::Disagree(differences) | Verdict::Unstable(differences) = verdict {
        look.extend(looks(differences));
    }
    look.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::campaign::options::ENOUGH_FAILURES;
    use crate::judge::verdict::{Difference, Place};

    fn failing(index: u64, message: &str) -> Failing {
        let case = serde_json::from_value(json!({})).unwrap();
        let verdict = match message {
            "errored" => Verdict::Errored(message.into()),
            _ => Verdict::Unstable(Vec::new()),
        };
        Failing { index, case, after: None, verdict }
    }

    fn numbers(kinds: &[Kind]) -> Vec<Vec<u64>> {
        kinds.iter().map(|kind| kind.first.iter().map(|f| f.index).collect()).collect()
    }

    #[test]
    fn kept_cases_do_not_depend_on_the_order() {
        let mut one = Sieve::new(false, ENOUGH_FAILURES);
        let mut other = Sieve::new(false, ENOUGH_FAILURES);
        for index in (0..100).rev() {
            let sieve = if index % 3 == 0 { &mut one } else { &mut other };
            sieve.add(failing(index, if index % 7 == 1 { "errored" } else { "" }));
        }
        one.merge(other);
        let kinds = one.into_kinds();
        assert_eq!(numbers(&kinds), [vec![0, 2, 3, 4, 5], vec![1, 8, 15]]);
        assert_eq!(kinds.iter().map(|kind| kind.count).sum::<u64>(), ENOUGH_FAILURES);
    }

    /// A lost `cwd` must not hide behind lost `args`, which may be expected.
    #[test]
    fn cases_that_differ_in_other_fields_are_of_another_kind() {
        let losing = |index: u64, field: &str| {
            let whole = json!({"command": "c", "args": ["x"], "cwd": "/srv"});
            let mut actual = whole.clone();
            actual.as_object_mut().unwrap().remove(field);
            let difference = Difference {
                place: Place::Server { view: "effective", name: format!("s{index}") },
                rule: mcp_overlay_model::Rule::ServerUnknownField,
                by: None,
                expected: Some(whole),
                actual: Some(actual),
            };
            Failing { verdict: Verdict::Disagree(vec![difference]), ..failing(index, "") }
        };
        let mut sieve = Sieve::new(true, ENOUGH_FAILURES);
        (0..100).for_each(|index| sieve.add(losing(index, "args")));
        sieve.add(losing(100, "cwd"));
        let kinds = sieve.into_kinds();
        assert_eq!(numbers(&kinds), [vec![0, 1, 2, 3, 4], vec![100]]);
        assert_eq!(kinds.iter().map(|kind| kind.more.len()).collect::<Vec<_>>(), [20, 0]);
    }

    #[test]
    fn a_whole_run_counts_every_failure() {
        let mut sieve = Sieve::new(true, ENOUGH_FAILURES);
        (0..1_000).for_each(|index| sieve.add(failing(index, "errored")));
        sieve.add(failing(1_000, ""));
        let kinds = sieve.into_kinds();
        assert_eq!(numbers(&kinds), [vec![0, 1, 2, 3, 4], vec![1_000]]);
        assert_eq!(kinds.iter().map(|kind| kind.count).collect::<Vec<_>>(), [1_000, 1]);
    }
}
