//! The options of a run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use mcp_overlay_model::Profile;

use crate::finding::expected::Expected;
use crate::report::{Extent, Invocation, Phase, RunOptions, Shard};
use crate::subject::Driver;

/// A phase ends early after this many failing cases, which describe the subject well enough. With
/// expected failures it runs to its end, because they could hide new ones.
pub const ENOUGH_FAILURES: u64 = 20;

/// A phase of sequences ends early after this many failing ones, which describe the subject well enough.
#[cfg(feature = "endpoint")]
pub(crate) const ENOUGH_SEQUENCES: usize = 10;

/// The usual time limit for shrinking the failures of a phase.
pub const SHRINKING: Duration = Duration::from_secs(120);

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The profile to check against.
    pub profile: Profile,
    /// The phases to run; they run in the order of [`Phase::ALL`].
    pub phases: BTreeSet<Phase>,
    /// Number of random cases, and at most as many vectors; `None` means until `time` is up.
    pub cases: Option<u64>,
    /// Number of sequences.
    pub sequences: u64,
    /// The most steps of the exhaustive search of sequences after their beginning.
    pub length: u32,
    /// Random seed.
    pub seed: u64,
    /// The random phase ends after this time, even before `cases` cases.
    pub time: Option<Duration>,
    /// The percentage of cases, from 0 to 100, to ask again after the same case with another auth.
    /// All committed vectors are asked again, unless this is 0.
    pub twice: f64,
    /// The part of every phase to run.
    pub shard: Shard,
    /// Failures that do not fail the run.
    pub expected: Expected,
    /// Whether a phase runs to its end however often the subject fails. With expected failures it
    /// always does.
    pub whole: bool,
    /// Whether the run ends with the first phase that fails, and that phase at its first failure.
    pub fail_fast: bool,
    /// Time limit for shrinking the failures of a phase. In process it takes a second. For a subject
    /// that is slow, or wrong in many ways, the remaining ones are reported without shrinking; with
    /// zero, all are.
    pub shrinking: Duration,
    /// Whether breaking a SHOULD rule fails the run.
    pub strict: bool,
    /// How often a subject that crashes or hangs is restarted before the run gives up.
    pub restarts: u32,
    /// The folder for saved findings; `None` saves none.
    pub findings: Option<PathBuf>,
    /// What the run must cover to be complete. A run that covers less is narrowed: the best that
    /// its report says is "no disagreement", never "clean".
    pub complete: Extent,
    /// How the run was started, if by a command line; for reports.
    pub invocation: Option<Invocation>,
}

impl Default for Options {
    /// Defaults for a host's tests: all phases without connections, 100,000 random cases, nothing
    /// saved. A run with these options can be clean; one with fewer phases or cases, or with a
    /// time limit, is narrowed.
    fn default() -> Self {
        let complete = Extent::of_library();
        Options {
            profile: Profile::default(),
            phases: complete.phases().iter().copied().collect(),
            cases: Some(complete.cases()),
            sequences: complete.sequences(),
            length: complete.length(),
            seed: 27_191,
            time: None,
            twice: complete.twice(),
            shard: Shard::default(),
            expected: Expected::default(),
            whole: false,
            fail_fast: false,
            shrinking: SHRINKING,
            strict: false,
            restarts: 10,
            findings: None,
            complete,
            invocation: None,
        }
    }
}

impl Options {
    /// Whether a phase runs to its end however many cases fail.
    pub fn runs_whole(&self) -> bool {
        self.whole || !self.expected.is_empty()
    }

    /// The number of failures after which a phase ends, unless it [runs whole](Self::runs_whole).
    pub(crate) fn enough_failures(&self) -> u64 {
        if self.fail_fast { 1 } else { ENOUGH_FAILURES }
    }

    /// The same for sequences.
    #[cfg(feature = "endpoint")]
    pub(crate) fn enough_sequences(&self) -> usize {
        if self.fail_fast { 1 } else { ENOUGH_SEQUENCES }
    }

    /// The description of a run with these options, for its report.
    pub fn run_options(&self, driver: &dyn Driver) -> RunOptions {
        RunOptions {
            version: env!("CARGO_PKG_VERSION").into(),
            subject: driver.name().into(),
            kind: driver.kind(),
            warns: driver.warns(),
            knows_wide_cases: driver.knows_wide_cases(),
            tells_numbers_apart: driver.tells_numbers_apart(),
            steps: driver.declared(),
            profile: self.profile.name().into(),
            phases: self.phases.iter().copied().collect(),
            seed: self.seed,
            cases: self.cases,
            sequences: self.sequences,
            length: self.length,
            time: self.time.map(|time| time.as_secs()),
            twice: self.twice,
            shard: self.shard,
            strict: self.strict,
            complete: self.complete.clone(),
            invocation: self.invocation.clone(),
        }
    }

    /// Whether to ask the case with this number again; the same in every run.
    pub(crate) fn asks_twice(&self, phase: Phase, index: u64) -> bool {
        // The multiplier spreads neighbouring numbers.
        let spread = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let sampled = (spread % 10_000) as f64 <= self.twice * 100.0 - 1.0;
        sampled || (phase == Phase::Vectors && self.twice > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_about_the_requested_size() {
        for (twice, least, most) in [(0.0, 0, 0), (5.0, 4_500, 5_500), (100.0, 100_000, 100_000)] {
            let options = Options { twice, ..Options::default() };
            let sampled =
                (0..100_000).filter(|index| options.asks_twice(Phase::Random, *index)).count();
            assert!((least..=most).contains(&sampled), "{twice} %: {sampled} of 100,000");
        }
    }
}
