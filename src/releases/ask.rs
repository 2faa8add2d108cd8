//! Asks one release every case, and compares its answers with every profile. Then plays the sequences.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mcp_overlay_model::{Case, Profile, Rule, resolve};

use super::matrix::{Column, Held, Plan};
use super::play::{KnownSequences, play_sequences, play_those_of_others};
use crate::cases::generate::random_case;
use crate::finding::Finding;
use crate::finding::investigate::{Asked, Failing, examine};
use crate::judge::judge_reply;
use crate::judge::verdict::Verdict;
use crate::parallel::{Numbers, on_all_cores};
use crate::rules::coverage::reached_outside;
use crate::subject::{Driver, Reply, Visibility, ask_one};

/// Time limit for shrinking the case of one rule.
const SMALLEST_TIME: Duration = Duration::from_secs(20);

/// How many failing cases of a rule are kept; the shortest ones.
const KEPT: usize = 3;

/// What broke a rule in the releases so far.
#[derive(Debug, Default)]
pub struct Known {
    /// The smallest cases, by profile and rule: a case that breaks a rule in one release most likely
    /// breaks it in the next.
    cases: BTreeMap<(&'static str, String), Vec<Case>>,
    sequences: KnownSequences,
}

impl Known {
    /// What broke a rule in these releases.
    pub fn of(releases: &[Column]) -> Self {
        let mut known = Known::default();
        for column in releases {
            for (profile, held) in &column.profiles {
                for (kind, finding) in &held.broken {
                    let cases = known.cases.entry((profile.name(), kind.clone())).or_default();
                    if !cases.contains(&finding.case) {
                        cases.push(finding.case.clone());
                    }
                }
            }
            if let Some(over_time) = &column.over_time {
                known.sequences.add(over_time);
            }
        }
        known
    }
}

/// Checks one release. `done` receives the number of cases asked and sequences played.
pub fn look(
    name: &str,
    driver: &dyn Driver,
    plan: Plan,
    known: &mut Known,
    done: &(dyn Fn(u64) + Sync),
) -> Column {
    let asked = ask_all(driver, plan, done);
    let held = |profile| (profile, hold(driver, profile, &asked, known));
    let profiles = Profile::ALL.into_iter().map(held).collect();
    let mut column =
        Column { name: name.into(), program: driver.name().into(), profiles, over_time: None };
    if let Some(profile) = column.follows().filter(|_| plan.sequences > 0) {
        let amount = (plan.sequences, plan.seed);
        let done = |played| done(plan.cases + played);
        let over_time = play_sequences(driver, profile, amount, &mut known.sequences, &done);
        column.over_time = Some(over_time);
    }
    column
}

/// Plays the sequences that break a rule in other releases, once all releases have been looked at: a
/// rule that one of them broke by chance has not changed.
pub fn look_again(driver: &dyn Driver, column: &mut Column, known: &Known) {
    if let Some(over_time) = &mut column.over_time {
        play_those_of_others(driver, over_time, &known.sequences);
    }
}

/// Asks every case once. If no profile expects the answer, asks again in a new process, because
/// state that a host kept from another case is not evidence about this case.
fn ask_all(driver: &dyn Driver, plan: Plan, done: &(dyn Fn(u64) + Sync)) -> Vec<(Case, Reply)> {
    let (numbers, count) = (Numbers::up_to(plan.cases), AtomicU64::new(0));
    let work = || {
        let mut asked = Vec::new();
        for index in std::iter::from_fn(|| numbers.take(1)).flatten() {
            let case = driver.narrow(random_case(plan.seed, index));
            let mut reply = ask_one(driver, &case);
            let expected = |profile| !judge(&case, profile, reply.clone()).is_finding();
            if !Profile::ALL.into_iter().any(expected) {
                driver.restart();
                reply = ask_one(driver, &case);
            }
            asked.push((index, case, reply));
            done(count.fetch_add(1, Ordering::Relaxed) + 1);
        }
        asked
    };
    let mut asked: Vec<_> = on_all_cores(work).into_iter().flatten().collect();
    asked.sort_by_key(|(index, ..)| *index);
    asked.into_iter().map(|(_, case, reply)| (case, reply)).collect()
}

/// One answer serves all profiles, because the subject never learns the profile.
pub(super) fn judge(case: &Case, profile: Profile, reply: Reply) -> Verdict {
    let case = Case { profile, ..case.clone() };
    judge_reply(Visibility::Outside, &case, reply).verdict
}

fn hold(driver: &dyn Driver, profile: Profile, asked: &[(Case, Reply)], known: &mut Known) -> Held {
    let mut held = Held::default();
    let mut failing: BTreeMap<String, Vec<Failing>> = BTreeMap::new();
    for (case, reply) in asked {
        let case = Case { profile, ..case.clone() };
        let verdict = judge(&case, profile, reply.clone());
        if !verdict.is_failure() && !matches!(verdict, Verdict::NotComparable(_)) {
            held.agreeing += 1;
            for rule in reached_outside(&case, &resolve(&case)) {
                *held.kept.entry(rule).or_default() += 1;
            }
        }
        if verdict.is_finding() {
            held.differing += u64::from(verdict.is_failure());
            let word = verdict.rule().map_or(verdict.word(), Rule::id).to_string();
            failing.entry(word).or_default().push(Failing { index: 0, case, after: None, verdict });
        }
    }
    for (word, mut cases) in failing {
        // A failure of the rule says more than an advisory.
        cases.sort_by_key(|failing| {
            let length = serde_json::to_string(&failing.case).map_or(0, |text| text.len());
            (!failing.verdict.is_failure(), length)
        });
        let count = cases.len() as u64;
        if let Some(finding) = smallest(driver, profile, &word, &cases, known) {
            let rule = finding.rule_or_verdict().to_string();
            held.broken.entry(rule).or_insert(Finding { count, ..finding });
        }
    }
    held
}

/// The smallest case that breaks the rule: one from an earlier release, or a new one.
fn smallest(
    driver: &dyn Driver,
    profile: Profile,
    word: &str,
    cases: &[Failing],
    known: &mut Known,
) -> Option<Finding> {
    let earlier = known.cases.entry((profile.name(), word.into())).or_default();
    let is_failure = cases.first()?.verdict.is_failure();
    let mut again =
        earlier.iter().filter_map(|case| Asked::alone(driver, case.clone()).describe(driver));
    let again = again.find(|finding| finding.is_advisory() != is_failure);
    if again.is_some() {
        return again;
    }
    let deadline = Instant::now() + SMALLEST_TIME;
    // What a slow machine showed once is nothing that the release breaks.
    let repeatable = |failing| examine(driver, failing, deadline).filter(Finding::is_repeatable);
    let found = cases.iter().take(KEPT).find_map(repeatable)?;
    earlier.push(found.case.clone());
    Some(found)
}
