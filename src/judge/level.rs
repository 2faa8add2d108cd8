//! SHOULD rules: recognises an answer that differs from the specification only because of them.
//!
//! Without its SHOULD rules, a profile describes what upstream does. So an answer is compared with
//! the specification first and, if it differs, with the specification without SHOULD rules. An
//! answer that is correct there gets an advisory. Any other answer is compared with the closest
//! reading, so that other broken rules are not blamed on a SHOULD rule.

use mcp_overlay_model::{Answer, Case, Level, Outcome, Rule, resolve_by};

use super::compare::compare;
use super::verdict::{Difference, Verdict};
use crate::subject::Visibility;

/// The reading that an answer is compared with in the end, and the verdict.
pub(super) struct Leniently {
    /// The outcome of the profile without some SHOULD rules.
    pub(super) outcome: Outcome,
    /// The verdict on the comparison with that outcome.
    pub(super) verdict: Verdict,
}

/// Compares an answer that differs from the whole specification in these places with the
/// specification without SHOULD rules. `None` if no SHOULD rule matters to the case, or if the
/// answer is not closer to another reading.
pub(super) fn without_shoulds(
    visibility: Visibility,
    case: &Case,
    strict: &Outcome,
    answer: &Answer,
    differences: &[Difference],
) -> Option<Leniently> {
    let rules = case.profile.rules();
    let matters = |should: &Rule| resolve_by(case, rules.without(*should)) != *strict;
    let shoulds: Vec<Rule> = rules.iter().filter(|rule| rule.level() == Level::Should).collect();
    let all = shoulds.iter().fold(rules, |rules, should| rules.without(*should));
    if resolve_by(case, all) == *strict && !shoulds.iter().any(matters) {
        return None;
    }
    let mut closest = None;
    let mut fewest = differences.len();
    for broken in subsets(&shoulds) {
        let without = broken.iter().fold(rules, |rules, should| rules.without(*should));
        let outcome = resolve_by(case, without);
        match held(visibility, case, &outcome, answer) {
            Verdict::Agree => {
                let verdict = Verdict::Advisory { rules: broken, differences: differences.into() };
                return Some(Leniently { outcome, verdict });
            }
            Verdict::Disagree(fewer) if fewer.len() < fewest => {
                fewest = fewer.len();
                closest = Some(Leniently { outcome, verdict: Verdict::Disagree(fewer) });
            }
            _ => {}
        }
    }
    closest
}

fn held(visibility: Visibility, case: &Case, outcome: &Outcome, answer: &Answer) -> Verdict {
    compare(case, visibility.part_of(case, outcome).as_ref().unwrap_or(outcome), answer)
}

/// The non-empty subsets of a few rules, the smallest first.
fn subsets(rules: &[Rule]) -> Vec<Vec<Rule>> {
    let of_bits = |bits: u32| {
        let has = |position: usize| bits & (1 << position) != 0;
        rules.iter().enumerate().filter(|(at, _)| has(*at)).map(|(_, rule)| *rule).collect()
    };
    let mut subsets: Vec<Vec<Rule>> = (1..1 << rules.len()).map(of_bits).collect();
    subsets.sort_by_key(Vec::len);
    subsets
}
