//! Which profile a host fits best: it is asked a few dozen cases on which the profiles differ.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use mcp_overlay_model::{Answer, Case, Profile, resolve};

use super::ask::judge;
use crate::cases::generate::random_case;
use crate::cases::labels::{Label, labels};
use crate::parallel::{Numbers, on_threads};
use crate::subject::{Driver, FailureKind, Reply, ask_one, threads_for};

/// How many cases are to tell two profiles apart, if there are as many.
const TELLING: usize = 12;
/// The number of random cases to choose from.
const SEARCHED: u64 = 4_000;
/// After so many cases without an answer in time no other is asked.
const MOST_HUNG: u64 = 3;
/// Fixed: a host must not fit another profile under another seed.
const SEED: u64 = 1;

/// How many of the telling cases a host answers as each profile says.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Number of cases asked.
    pub asked: u64,
    /// All profiles with the number of cases that agree, the best one first. Of profiles that fit
    /// equally well the earliest comes first.
    pub ranking: Vec<(Profile, u64)>,
}

impl Fit {
    /// The profile that fits best.
    #[must_use]
    pub fn best(&self) -> Profile {
        self.ranking.first().map_or_else(Profile::default, |(profile, _)| *profile)
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(best, most), rest @ ..] = self.ranking.as_slice() else { return Ok(()) };
        let word = if *most == self.asked { "" } else { " best" };
        write!(f, "fits {}{word} ({most} of {})", best.name(), self.asked)?;
        let same = rest.iter().take_while(|(_, agreeing)| agreeing == most).count();
        let (same, rest) = rest.split_at_checked(same).unwrap_or((&[], rest));
        if !same.is_empty() {
            let names: Vec<&str> = same.iter().map(|(profile, _)| profile.name()).collect();
            write!(f, ", {} equally well", names.join(" and "))?;
        }
        match rest {
            [(next, agreeing), ..] => write!(f, ", next {} ({agreeing})", next.name()),
            [] => Ok(()),
        }
    }
}

/// The cases on which some two profiles differ, as the driver observes them.
pub fn telling_cases(driver: &dyn Driver) -> Vec<Case> {
    let mut told: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut telling = Vec::new();
    for index in 0..SEARCHED {
        let case = driver.narrow(random_case(SEED, index));
        let new: Vec<_> = pairs_told_apart(driver, &case)
            .into_iter()
            .filter(|pair| told.get(pair).is_none_or(|count| *count < TELLING))
            .collect();
        if !new.is_empty() && !has_unusual_time(&case) {
            new.into_iter().for_each(|pair| *told.entry(pair).or_default() += 1);
            telling.push(case);
        }
    }
    telling
}

/// On a time that no clock reaches a host may hang, and each hang takes the whole timeout. It tells nothing
/// about the profile.
fn has_unusual_time(case: &Case) -> bool {
    labels(case, &resolve(case)).has(Label::UnusualTime)
}

/// Pairs of positions in [`Profile::ALL`].
fn pairs_told_apart(driver: &dyn Driver, case: &Case) -> Vec<(usize, usize)> {
    let expected = |profile| -> Answer {
        let case = Case { profile, ..case.clone() };
        driver.visibility().of(&case, resolve(&case)).answer()
    };
    let expected = Profile::ALL.map(expected);
    let mut pairs = Vec::new();
    for (one, of_one) in expected.iter().enumerate() {
        let others = expected.iter().enumerate().skip(one + 1);
        pairs.extend(others.filter(|(_, of)| *of != of_one).map(|(other, _)| (one, other)));
    }
    pairs
}

/// Asks the cases, and compares each answer with every profile. `done` receives the number of cases
/// asked so far. A host that hangs again and again is not asked all of them.
pub fn fit(driver: &dyn Driver, cases: &[Case], done: &(dyn Fn(u64) + Sync)) -> Fit {
    let numbers = Numbers::up_to(cases.len() as u64);
    let (asked, hung) = (AtomicU64::new(0), AtomicU64::new(0));
    let agreeing = |case: &Case| -> Vec<Profile> {
        let reply = ask_one(driver, case);
        let is_hung = matches!(&reply, Reply::Failed(failure) if failure.kind == FailureKind::Hung);
        hung.fetch_add(u64::from(is_hung), Ordering::Relaxed);
        let agrees = |profile: &Profile| judge(case, *profile, reply.clone()).is_right();
        done(asked.fetch_add(1, Ordering::Relaxed) + 1);
        Profile::ALL.into_iter().filter(agrees).collect()
    };
    let next = || {
        let number = numbers.take(1).filter(|_| hung.load(Ordering::Relaxed) < MOST_HUNG)?;
        cases.get(usize::try_from(number.start).ok()?)
    };
    let work = || std::iter::from_fn(next).flat_map(agreeing).collect::<Vec<_>>();
    let votes: Vec<Profile> = on_threads(threads_for(driver), work).into_iter().flatten().collect();
    let of = |profile: Profile| votes.iter().filter(|vote| **vote == profile).count() as u64;
    let mut ranking: Vec<_> =
        Profile::ALL.into_iter().map(|profile| (profile, of(profile))).collect();
    ranking.sort_by_key(|(_, agreeing)| Reverse(*agreeing));
    Fit { asked: asked.into_inner(), ranking }
}
