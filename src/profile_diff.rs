//! What changed between two profiles: for each rule that only one of them has, the smallest case
//! found on which they differ because of it.
//!
//! A case shows a rule if two conditions hold. The two neighbouring profiles between which the rule
//! is added or dropped differ on the case; and comparing the answer of one with the specification
//! of the other blames that rule ([`compare`]), as for any implementation. Cases that no other
//! change between the profiles affects are preferred.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use mcp_overlay_model::{Answer, Case, Outcome, Profile, Rule, resolve};
use serde::Serialize;
use serde_json::Value;

use crate::cases::edges::{self, has_wide};
use crate::cases::exhaustive;
use crate::cases::generate::random_of;
use crate::cases::shrink::minimise;
use crate::judge::compare::compare;
use crate::judge::verdict::{Difference, Verdict};
use crate::report::diff::{diff as lines, unified};
use crate::rules;
use crate::subject::Visibility;

/// Number of random cases to search.
const RANDOM: u64 = 4000;
/// Sampling stride for the small scope; a prime, so that no digit of the case number keeps its
/// value.
const STRIDE: u64 = 211;
const SEED: u64 = 1;
/// Number of cases to shrink for one rule.
const SAMPLES: usize = 4;
/// Candidates to try when shrinking one case.
const BUDGET: usize = 20_000;

/// The section of rules about the requests of a running host.
const OF_REQUESTS: &str = "credentials";

/// What changed from one profile to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileDiff {
    /// The left profile's name.
    pub left: &'static str,
    /// The right profile's name.
    pub right: &'static str,
    /// Number of cases searched.
    pub cases: u64,
    /// The rules that a case shows, by id.
    pub changes: Vec<Change>,
    /// The rules that only one profile has and that no view of these cases shows.
    pub unseen: Vec<Variant>,
}

/// A rule that only one of the profiles has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Variant {
    /// Its id.
    pub rule: Rule,
    /// The profile that has it.
    pub only_in: &'static str,
    /// Its sentence.
    pub sentence: &'static str,
}

/// A rule, and the smallest case that shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The rule.
    #[serde(flatten)]
    pub variant: Variant,
    /// The case, without a profile.
    pub case: Value,
    /// The left profile's answer, where the right one differs.
    pub left: BTreeMap<String, Value>,
    /// The right profile's answer there.
    pub right: BTreeMap<String, Value>,
}

/// Searches for the differences. The result is deterministic.
pub fn between(left: Profile, right: Profile) -> ProfileDiff {
    let variants: Vec<Variant> = Rule::ALL
        .iter()
        .filter(|rule| left.has(**rule) != right.has(**rule))
        .map(|rule| {
            let only_in = if left.has(*rule) { left } else { right };
            Variant { rule: *rule, only_in: only_in.name(), sentence: rules::sentence(*rule) }
        })
        .collect();
    let small = (0..exhaustive::COUNT).step_by(STRIDE as usize).filter_map(exhaustive::case);
    // What one of them has no rule about, it ignores.
    let wider = if has_wide(left) { left } else { right };
    let wide = edges::wide(wider).iter().cloned();
    let random = (0..RANDOM).map(|index| random_of(wider)(SEED, index));
    let mut cases = 0;
    let mut found: BTreeMap<Rule, Vec<Case>> = BTreeMap::new();
    // Skip the search if no rule differs.
    for case in small.chain(wide).chain(random).filter(|_| !variants.is_empty()) {
        cases += 1;
        for variant in &variants {
            if shown(&case, variant.rule, left, right) > Shown::No {
                let of_rule = found.entry(variant.rule).or_default();
                of_rule.push(case.clone());
                let rank = |case: &Case| Reverse(shown(case, variant.rule, left, right));
                of_rule.sort_by_cached_key(|case| (rank(case), size(case)));
                of_rule.truncate(SAMPLES);
            }
        }
    }
    let (mut changes, mut unseen) = (Vec::new(), Vec::new());
    for variant in variants {
        let smallest = found.remove(&variant.rule).and_then(|cases| {
            let shown = |case: &Case| shown(case, variant.rule, left, right);
            let small = |case: &Case| {
                let as_well = shown(case);
                minimise(case, BUDGET, |simpler| shown(simpler) >= as_well)
            };
            let rank = |case: &Case| (Reverse(shown(case)), size(case), text(case));
            cases.iter().map(small).min_by_key(rank)
        });
        match smallest {
            Some(case) => changes.push(change(variant, &case, left, right)),
            None => unseen.push(variant),
        }
    }
    ProfileDiff { left: left.name(), right: right.name(), cases, changes, unseen }
}

fn text(case: &Case) -> String {
    serde_json::to_string(case).unwrap_or_default()
}

fn size(case: &Case) -> usize {
    text(case).len()
}

/// A host's requests show from outside only; everything else shows in the views.
fn visibility_of(rule: Rule) -> Visibility {
    match rule.id().split_once('.') {
        Some((OF_REQUESTS, _)) => Visibility::Outside,
        _ => Visibility::Views,
    }
}

fn of(profile: Profile, case: &Case, visibility: Visibility) -> (Case, Outcome) {
    let case = Case { profile, ..case.clone() };
    let outcome = visibility.of(&case, resolve(&case));
    (case, outcome)
}

/// How well a case shows a rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// Not at all.
    No,
    /// Together with other changes.
    Among,
    /// Alone: between all other neighbouring profiles the case has the same answer.
    Alone,
}

fn shown(case: &Case, rule: Rule, left: Profile, right: Profile) -> Shown {
    let visibility = visibility_of(rule);
    let answer = |profile| of(profile, case, visibility).1.answer();
    let Some((before, after)) = step(rule, left, right) else { return Shown::No };
    let (first, last) = if before.has(rule) == left.has(rule) {
        (answer(left), answer(right))
    } else {
        (answer(right), answer(left))
    };
    if first == last || !blamed(case, before, after, visibility).contains(&rule) {
        return Shown::No;
    }
    let alone = first == answer(before) && last == answer(after);
    if alone { Shown::Alone } else { Shown::Among }
}

/// The neighbouring profiles, between the two `ends`, between which a rule is added or dropped.
fn step(rule: Rule, left: Profile, right: Profile) -> Option<(Profile, Profile)> {
    let is_end = |profile: &Profile| [left, right].contains(profile);
    let first = Profile::ALL.iter().position(is_end)?;
    let last = Profile::ALL.iter().rposition(is_end)?;
    let between = Profile::ALL.get(first..=last)?;
    let changes = |pair: &&[Profile]| matches!(pair, [a, b] if a.has(rule) != b.has(rule));
    match between.windows(2).find(changes)? {
        [before, after] => Some((*before, *after)),
        _ => None,
    }
}

/// The rules that make the two profiles differ on a case.
fn blamed(case: &Case, left: Profile, right: Profile, visibility: Visibility) -> Vec<Rule> {
    let (left, right) = (of(left, case, visibility), of(right, case, visibility));
    let rules = |(case, expected): &(Case, Outcome), answer: &Answer| -> Vec<Rule> {
        let Verdict::Disagree(differences) = compare(case, expected, answer) else {
            return Vec::new();
        };
        let rule = |difference: Difference| difference.rule;
        differences.into_iter().map(rule).filter(|rule| case.profile.has(*rule)).collect()
    };
    let mut blamed = rules(&left, &right.1.answer());
    blamed.extend(rules(&right, &left.1.answer()));
    blamed
}

fn change(variant: Variant, case: &Case, left: Profile, right: Profile) -> Change {
    let visibility = visibility_of(variant.rule);
    let parts = |profile| said(&of(profile, case, visibility).1.answer());
    let (before, after) = (parts(left), parts(right));
    let other = |these: &BTreeMap<String, Value>, those: &BTreeMap<String, Value>| {
        let differs = |(part, value): &(&String, &Value)| those.get(*part) != Some(*value);
        these.iter().filter(differs).map(|(part, value)| (part.clone(), value.clone())).collect()
    };
    let mut written = serde_json::to_value(case).unwrap_or_default();
    if let Value::Object(members) = &mut written {
        members.remove("profile");
        members.remove("id");
    }
    let (left, right) = (other(&before, &after), other(&after, &before));
    Change { variant, case: written, left, right }
}

/// An answer, split into its parts.
fn said(answer: &Answer) -> BTreeMap<String, Value> {
    let part = |name: &str, value: Option<Value>| (name.to_string(), value.unwrap_or_default());
    match answer {
        Answer::Observed { seen } => {
            BTreeMap::from([part("seen", serde_json::to_value(seen).ok())])
        }
        Answer::Resolved { views, .. } => BTreeMap::from([
            part("configured", serde_json::to_value(&views.configured).ok()),
            part("runtime", serde_json::to_value(&views.runtime).ok()),
            part("effective", serde_json::to_value(&views.effective).ok()),
        ]),
        Answer::Rejected { rejected } => {
            BTreeMap::from([part("rejected", Some(rejected.path.as_str().into()))])
        }
        _ => BTreeMap::new(),
    }
}

impl fmt::Display for ProfileDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProfileDiff { left, right, cases, changes, unseen } = self;
        writeln!(f, "{left} -> {right}: {} rules differ, {cases} cases looked at", {
            changes.len() + unseen.len()
        })?;
        for Change { variant, case, left, right } in changes {
            writeln!(f, "\n{}, only in {}", variant.rule, variant.only_in)?;
            writeln!(f, "  {}\n  case: {case}", variant.sentence)?;
            let text = |said: &BTreeMap<String, Value>| {
                serde_json::to_string_pretty(said).unwrap_or_default()
            };
            for line in unified(&lines(&text(left), &text(right))).lines() {
                writeln!(f, "  {line}")?;
            }
        }
        for variant in unseen {
            writeln!(f, "\n{}, only in {}", variant.rule, variant.only_in)?;
            writeln!(f, "  {}\n  no case found that shows it in a view", variant.sentence)?;
        }
        Ok(())
    }
}
