//! Plays the sequences on one release, in the profile that it follows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mcp_overlay_model::lifecycle::{Sequence, Step};
use mcp_overlay_model::{Level, Profile, Rule, RuleSet};

use super::over_time::{FailedSequence, KnownResult, OverTime};
use crate::campaign::ENOUGH_SEQUENCES;
use crate::campaign::over_time::{Failing, Problem, Small, chosen, easiest_first, play, play_all};
use crate::sequences::judge::reached;
use crate::sequences::known::KNOWN;
use crate::sequences::saved::{FORMAT, SavedSequence};
use crate::subject::Driver;

/// Time limit for making the sequence of one rule small.
const SMALLEST_TIME: Duration = Duration::from_secs(60);

/// How many failing sequences of a rule are played again to confirm it; the shortest ones.
const KEPT: usize = 3;

/// The smallest sequences so far, by rule: one that breaks a rule in one release most likely breaks it
/// in the next.
#[derive(Debug, Default)]
pub(super) struct KnownSequences(BTreeMap<String, Vec<Vec<Step>>>);

impl KnownSequences {
    /// Those that broke a rule in a release.
    pub(super) fn add(&mut self, over_time: &OverTime) {
        for (kind, failed) in &over_time.broken {
            let known = self.0.entry(kind.clone()).or_default();
            if !known.contains(&failed.saved.sequence.steps) {
                known.push(failed.saved.sequence.steps.clone());
            }
        }
    }
}

/// What has been played.
#[derive(Default)]
struct Played {
    kept: BTreeMap<Rule, u64>,
    failing: Vec<Failing>,
}

/// Plays the sequences. `done` receives how many have been.
pub(super) fn play_sequences(
    driver: &dyn Driver,
    profile: Profile,
    (total, seed): (u64, u64),
    earlier: &mut KnownSequences,
    done: &(dyn Fn(u64) + Sync),
) -> OverTime {
    let (all, count) = (Mutex::new(Played::default()), AtomicU64::new(0));
    let played = || all.lock().unwrap_or_else(PoisonError::into_inner);
    // The rules of a release that breaks down again and again are not seen, and each takes long.
    let is_enough = || {
        let broke_down = |failing: &&Failing| matches!(failing.problem, Problem::BrokeDown(_));
        played().failing.iter().filter(broke_down).count() >= ENOUGH_SEQUENCES
    };
    let sequence = |number| chosen(driver, profile, seed, number);
    let take = |number, sequence: Sequence, problem: Option<Problem>| {
        for rule in kept_in(&sequence, problem.as_ref()).iter() {
            *played().kept.entry(rule).or_default() += 1;
        }
        if let Some(problem) = problem {
            played().failing.push(Failing { number, sequence, problem });
        }
        done(count.fetch_add(1, Ordering::Relaxed) + 1);
    };
    let number =
        play_all(driver, total, sequence, |sequence| play(driver, sequence), is_enough, take);
    let Played { kept, mut failing } = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    easiest_first(&mut failing);
    let known = (0..number.min(KNOWN.len() as u64))
        .map(|number| known_result(driver, profile, number, &failing))
        .collect();
    let broken = broken(driver, &failing, earlier);
    OverTime { profile, played: number, kept, broken, known }
}

/// The rules that a sequence shows to be kept.
fn kept_in(sequence: &Sequence, problem: Option<&Problem>) -> RuleSet {
    reached(sequence).iter().filter(|rule| shows_kept(*rule, problem)).collect()
}

/// Whether a rule that a sequence is about is kept, with this problem or none.
fn shows_kept(rule: Rule, problem: Option<&Problem>) -> bool {
    match problem {
        None => true,
        // In the reading in which a change of `auth.json` does not count, the sequence is about other
        // rules.
        Some(Problem::Broken { broken, advisory: true, .. }) => {
            broken.rule != Rule::LifecycleFileCounts && rule.level() == Level::Must
        }
        Some(_) => false,
    }
}

/// The smallest sequence of each broken rule and kind of breakdown.
fn broken(
    driver: &dyn Driver,
    failing: &[Failing],
    earlier: &mut KnownSequences,
) -> BTreeMap<String, FailedSequence> {
    let mut kinds: BTreeMap<String, Vec<&Failing>> = BTreeMap::new();
    for failing in failing {
        kinds.entry(failing.problem.kind()).or_default().push(failing);
    }
    let mut broken = BTreeMap::new();
    for (kind, mut failing) in kinds {
        // What a rule demands says more than what it only asks for.
        failing.sort_by_key(|failing| !failing.problem.is_failure());
        let Some(first) = failing.first() else { continue };
        let (profile, is_failure) = (first.sequence.profile, first.problem.is_failure());
        let again = from_earlier(driver, profile, &kind, earlier)
            .filter(|again| again.problem.is_failure() == is_failure);
        let small = again.or_else(|| {
            let small = confirmed(driver, &failing)?;
            earlier.0.entry(kind.clone()).or_default().push(small.sequence.steps.clone());
            Some(small)
        });
        if let Some(small) = small {
            broken.insert(kind, failed(driver, &small));
        }
    }
    broken
}

/// The first that fails each time, or else the first that failed again; it is made small.
fn confirmed(driver: &dyn Driver, failing: &[&Failing]) -> Option<Small> {
    let mut lucky = None;
    for failing in failing.iter().take(KEPT) {
        let until = Instant::now() + SMALLEST_TIME;
        let small = Small::of(driver, (*failing).clone(), until);
        match small.luck() {
            None => return Some(small),
            Some(_) if small.is_doubtful() => {}
            Some(_) => {
                lucky.get_or_insert(small);
            }
        }
    }
    lucky
}

/// A sequence of another release that breaks this rule here too.
fn from_earlier(
    driver: &dyn Driver,
    profile: Profile,
    kind: &str,
    earlier: &KnownSequences,
) -> Option<Small> {
    earlier.0.get(kind)?.iter().find_map(|steps| {
        let sequence = Sequence { id: String::new(), profile, steps: steps.clone() };
        let problem = play(driver, &sequence).filter(|problem| problem.kind() == kind)?;
        let small = Small::again(driver, Failing { number: 0, sequence, problem });
        Some(small).filter(|small| !small.is_doubtful())
    })
}

/// Plays what breaks a rule in other releases, for the rules that this one seemed to keep: chance must
/// not look like a change.
pub(super) fn play_those_of_others(
    driver: &dyn Driver,
    over_time: &mut OverTime,
    others: &KnownSequences,
) {
    let is_rule = |kind: &str| Rule::ALL.iter().any(|rule| rule.id() == kind);
    for kind in others.0.keys().filter(|kind| is_rule(kind)) {
        if over_time.broken.contains_key(kind) {
            continue;
        }
        if let Some(small) = from_earlier(driver, over_time.profile, kind, others) {
            over_time.broken.insert(kind.clone(), failed(driver, &small));
        }
    }
}

fn failed(driver: &dyn Driver, small: &Small) -> FailedSequence {
    let saved = SavedSequence {
        format: FORMAT,
        rule: small.problem.rule(),
        subject: Some(driver.name().into()),
        sequence: small.sequence.clone(),
    };
    FailedSequence {
        saved,
        advisory: !small.problem.is_failure(),
        story: small.story(),
        luck: small.luck(),
        picture: small.picture(),
    }
}

/// How the release does in the known sequence of this number.
fn known_result(
    driver: &dyn Driver,
    profile: Profile,
    number: u64,
    failing: &[Failing],
) -> KnownResult {
    let rule = known_rule(number);
    let failed = failing.iter().find(|failing| failing.number == number);
    if let Some(failing) = failed
        && (failing.problem.rule() == rule || failing.problem.is_failure())
    {
        let small = Small::again(driver, failing.clone());
        if !small.is_doubtful() {
            let is_other = small.problem.rule() != rule;
            return KnownResult::Fails {
                other: is_other.then(|| small.problem.kind()),
                advisory: !small.problem.is_failure(),
                always: small.luck().is_none(),
            };
        }
        return KnownResult::NotSeen;
    }
    let problem = failed.map(|failing| &failing.problem);
    match rule {
        Some(rule) if profile.has(rule) && shows_kept(rule, problem) => KnownResult::Passes,
        _ => KnownResult::NotSeen,
    }
}

/// The rule that the known sequence of this number is about.
pub(super) fn known_rule(number: u64) -> Option<Rule> {
    let (_, text) = KNOWN.get(usize::try_from(number).ok()?)?;
    serde_json::from_str::<SavedSequence>(text).ok()?.rule
}
