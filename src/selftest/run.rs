//! The self-test: every fault by every phase, and the sound implementation by very many cases.

use std::collections::BTreeMap;

use mcp_overlay_model::{Case, Profile, Rule};

use super::detect::{Source, failing, first_case, first_together};
use super::faults::Fault;
use crate::campaign::{self, CHUNK, Numbered, Phase};
use crate::cases::{generate, vectors};
use crate::parallel::{Numbers, on_all_cores};
use crate::report::strength::{Matrix, MatrixRow};
use crate::subject::{InProcess, ProductionSubject};

/// Streams of random cases, each with a seed of its own: 1, 2, …
const SEEDS: u64 = 5;

/// Random cases of a stream in which a fault must show.
const CAP: u64 = 20_000;

/// What is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The faults to look for.
    pub faults: Vec<&'static Fault>,
    /// Random cases of the sound implementation.
    pub sound_cases: u64,
}

/// Sees how far a self-test is.
pub trait Watch: Sync {
    /// A part of it begins, in a word, with as many units of work.
    fn begin(&self, part: &'static str, units: u64);

    /// So many units more are done; called on any thread.
    fn done(&self, units: u64);
}

/// Why a self-test could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The vectors built into this binary do not parse.
    #[error(transparent)]
    Vectors(#[from] vectors::BadVector),
    /// The endpoint phase could not be set up.
    #[error("cannot run the endpoint scenarios: {0}")]
    Endpoint(#[from] std::io::Error),
}

/// Runs a self-test on all cores.
///
/// # Errors
/// What keeps the tool itself from working; a fault that is not found is no error.
pub fn run(options: &Options, watch: &dyn Watch) -> Result<Matrix, Error> {
    let faults = options.faults.as_slice();
    let by_vectors = by_vectors(faults, watch)?;
    let by_edges = by_source(faults, Source::edges(), watch);
    let by_random = by_random(faults, watch);
    let by_endpoint = by_endpoint(faults, watch)?;
    let by_exhaustive = by_source(faults, Source::EXHAUSTIVE, watch);
    let false_alarms = false_alarms(options.sound_cases, watch);
    let by_cases = by_vectors.into_iter().zip(by_edges).zip(by_exhaustive);
    let found = by_cases.zip(by_random).zip(by_endpoint);
    let rows = faults.iter().zip(found).map(
        |(fault, ((((vectors, edges), exhaustive), random), endpoint))| {
            let from_1 = |index: u64| index + 1;
            MatrixRow {
                fault: fault.name.into(),
                rule: fault.rule.map_or("", Rule::id).into(),
                what: fault.what.into(),
                vectors: vectors.map(from_1),
                edges: edges.map(from_1),
                exhaustive: exhaustive.map(from_1),
                random: random.median.map(from_1),
                random_worst: random.worst.map(from_1),
                endpoint,
            }
        },
    );
    Ok(Matrix {
        version: env!("CARGO_PKG_VERSION").into(),
        profile: Profile::default().name().into(),
        sound_cases: options.sound_cases,
        false_alarms,
        seeds: SEEDS,
        faults: rows.collect(),
    })
}

/// Does something for every fault, on all cores, in the order of the faults.
fn for_each<R: Send>(
    faults: &[&'static Fault],
    watch: &dyn Watch,
    find: impl Fn(&'static Fault) -> R + Sync,
) -> Vec<R> {
    let positions = Numbers::up_to(faults.len() as u64);
    let work = || {
        let mut done = Vec::new();
        for position in std::iter::from_fn(|| positions.take(1)).flatten() {
            if let Some(fault) = faults.get(position as usize) {
                done.push((position, find(fault)));
                watch.done(1);
            }
        }
        done
    };
    let mut done: Vec<(u64, R)> = on_all_cores(work).into_iter().flatten().collect();
    done.sort_by_key(|(position, _)| *position);
    done.into_iter().map(|(_, found)| found).collect()
}

fn by_vectors(faults: &[&'static Fault], watch: &dyn Watch) -> Result<Vec<Option<u64>>, Error> {
    watch.begin("vectors", faults.len() as u64);
    let first = |fault: &'static Fault| {
        let profile = fault.profile();
        let vectors = vectors::of(profile)?;
        let case_of = |index: u64| {
            let vector = vectors.get(index as usize)?;
            Some(Case { profile, ..vector.case.clone() })
        };
        Ok(first_case(&*fault.driver(), Phase::Vectors, vectors.len() as u64, case_of))
    };
    for_each(faults, watch, first).into_iter().collect()
}

/// How many random cases it takes, over the seeds.
struct Random {
    median: Option<u64>,
    worst: Option<u64>,
}

fn by_random(faults: &[&'static Fault], watch: &dyn Watch) -> Vec<Random> {
    let of_seed = |seed| by_source(faults, Source::random(seed, CAP), watch);
    let of_seeds: Vec<_> = (1..=SEEDS).map(of_seed).collect();
    let of_fault = |position: usize| {
        let firsts = of_seeds.iter().map(|found| found.get(position).copied().flatten());
        let mut firsts: Vec<u64> = firsts.map(|first| first.unwrap_or(u64::MAX)).collect();
        firsts.sort_unstable();
        let found = |first: Option<&u64>| first.copied().filter(|first| *first < u64::MAX);
        // Of an even number the later one: a median is not to flatter.
        Random { median: found(firsts.get(firsts.len() / 2)), worst: found(firsts.last()) }
    };
    (0..faults.len()).map(of_fault).collect()
}

/// Faults that remember something are sought one by one, the others of a profile together.
fn by_source(faults: &[&'static Fault], source: Source, watch: &dyn Watch) -> Vec<Option<u64>> {
    let (stateless, stateful): (Vec<_>, Vec<_>) =
        faults.iter().copied().partition(|fault| fault.is_stateless());
    let of = |profile| stateless.iter().copied().filter(move |fault| fault.profile() == profile);
    let groups: Vec<(Profile, Vec<&'static Fault>)> = Profile::ALL
        .into_iter()
        .map(|profile| (profile, of(profile).collect()))
        .filter(|(_, group): &(_, Vec<_>)| !group.is_empty())
        .collect();
    let units = source.count * groups.len() as u64 + stateful.len() as u64;
    watch.begin(source.phase.word(), units);
    let one_by_one = for_each(&stateful, watch, |fault| {
        let case_of = |index| source.case(fault.profile(), index);
        first_case(&*fault.driver(), source.phase, source.count, case_of)
    });
    let mut found: BTreeMap<&str, Option<u64>> =
        stateful.iter().map(|fault| fault.name).zip(one_by_one).collect();
    for (profile, group) in groups {
        let together = first_together(&group, profile, source, &|units| watch.done(units));
        found.extend(group.iter().map(|fault| fault.name).zip(together));
    }
    faults.iter().map(|fault| found.get(fault.name).copied().flatten()).collect()
}

#[cfg(feature = "endpoint")]
fn by_endpoint(faults: &[&'static Fault], watch: &dyn Watch) -> Result<Vec<Option<String>>, Error> {
    use crate::apps_connection::{self, SCENARIOS};
    use crate::subject::Subject;
    watch.begin("endpoint", faults.len() as u64);
    // An origin for cases that nobody connects with: the fault sees the same in all of them.
    let may_show = |fault: &'static Fault, case: &Case| {
        fault.profile() == case.profile
            && (!fault.is_stateless() || fault.may_show(case, &ProductionSubject.resolve(case)))
    };
    let first = |fault: &'static Fault| {
        for scenario in SCENARIOS {
            // Afresh, because endpoints share ports, and which ones is chance.
            let driver = fault.driver();
            if may_show(fault, &scenario.case_alone())
                && apps_connection::run(scenario, &*driver)?.is_err()
            {
                return Ok(Some(scenario.name.to_string()));
            }
        }
        Ok(None)
    };
    for_each(faults, watch, first).into_iter().collect::<std::io::Result<_>>().map_err(Error::from)
}

#[cfg(not(feature = "endpoint"))]
fn by_endpoint(faults: &[&'static Fault], _: &dyn Watch) -> Result<Vec<Option<String>>, Error> {
    Ok(faults.iter().map(|_| None).collect())
}

/// How often the sound implementation is taken for a faulty one.
fn false_alarms(cases: u64, watch: &dyn Watch) -> u64 {
    watch.begin("sound", cases);
    let seed = campaign::Options::default().seed;
    let numbers = Numbers::up_to(cases);
    let work = || {
        let mut alarms = 0;
        while let Some(indices) = numbers.take(CHUNK) {
            let units = indices.end - indices.start;
            // The profile is drawn, and every profile is sound about wide cases.
            let random = |index| Numbered { index, case: generate::random_wide_case(seed, index) };
            let cases = indices.map(random).collect();
            alarms += failing(&InProcess(ProductionSubject), Phase::Random, cases).len() as u64;
            watch.done(units);
        }
        alarms
    };
    on_all_cores(work).into_iter().sum()
}
