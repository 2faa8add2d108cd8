//! What a run is to do.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use mcp_overlay_model::Profile;
use serde::{Deserialize, Serialize};

use super::Expected;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The rules that count.
    pub profile: Profile,
    /// The phases to run; they run in the order of [`Phase::ALL`].
    pub phases: BTreeSet<Phase>,
    /// Random cases; `None` is "until `time` is up".
    pub cases: Option<u64>,
    /// Names the stream of random cases.
    pub seed: u64,
    /// The random phase ends after this time, whatever is left of `cases`.
    pub time: Option<Duration>,
    /// The share of cases that are asked again, and with another auth in between, in percent from
    /// 0 to 100. The committed vectors all are.
    pub twice: f64,
    /// The part of every phase that is run.
    pub shard: Shard,
    /// Failures that do not count.
    pub expected: Expected,
    /// Whether a phase runs to its end however often the subject fails. With failures that are
    /// expected it always does.
    pub whole: bool,
    /// How often a subject that breaks down is started again before the run gives up.
    pub restarts: u32,
    /// Where findings are saved; `None` is nowhere.
    pub findings: Option<PathBuf>,
}

impl Default for Options {
    /// What a test of a host wants: everything that needs no connections, 100,000 random cases,
    /// nothing saved.
    fn default() -> Self {
        Options {
            profile: Profile::default(),
            phases: BTreeSet::from([Phase::Vectors, Phase::Exhaustive, Phase::Random]),
            cases: Some(100_000),
            seed: 27_191,
            time: None,
            twice: 5.0,
            shard: Shard::default(),
            expected: Expected::default(),
            whole: false,
            restarts: 10,
            findings: None,
        }
    }
}

impl Options {
    /// Whether a phase runs to its end however much fails.
    pub fn runs_whole(&self) -> bool {
        self.whole || !self.expected.is_empty()
    }

    /// Whether the case of this number is asked again; the same in every run.
    pub(crate) fn asks_twice(&self, phase: Phase, index: u64) -> bool {
        // Neighbours get numbers far apart.
        let spread = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let sampled = (spread % 10_000) as f64 <= self.twice * 100.0 - 1.0;
        sampled || (phase == Phase::Vectors && self.twice > 0.0)
    }
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The committed vectors.
    Vectors,
    /// Every case of the small scope.
    Exhaustive,
    /// Random cases.
    Random,
    /// Real connections, to a hosted Apps endpoint, to the servers that the subject resolves to.
    Endpoint,
    /// Random cases, the config told to a running host as `-c` arguments.
    Arguments,
    /// Random cases, the config split between the file and arguments.
    Split,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 6] = [
        Phase::Vectors,
        Phase::Exhaustive,
        Phase::Random,
        Phase::Endpoint,
        Phase::Arguments,
        Phase::Split,
    ];

    /// Those of a subject that says its views.
    pub const OF_VIEWS: [Phase; 4] =
        [Phase::Vectors, Phase::Exhaustive, Phase::Random, Phase::Endpoint];

    /// Those of a running host that is seen from outside. Most of the small scope is out of its
    /// reach.
    pub const OUTSIDE: [Phase; 4] = [Phase::Vectors, Phase::Random, Phase::Arguments, Phase::Split];

    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Vectors => "vectors",
            Phase::Exhaustive => "exhaustive",
            Phase::Random => "random",
            Phase::Endpoint => "endpoint",
            Phase::Arguments => "arguments",
            Phase::Split => "split",
        }
    }
}

/// One of several runs that together are one: every `count`-th case, from case `index` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    index: u32,
    count: u32,
}

/// The most parts of a run.
const MOST_SHARDS: u32 = 1_000;

impl Default for Shard {
    /// All of it.
    fn default() -> Self {
        Shard { index: 1, count: 1 }
    }
}

impl Shard {
    /// Which part this is, from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether this is the whole run.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// How many of `total` cases are in this part.
    pub(super) fn share(self, total: u64) -> u64 {
        let (index, count) = (u64::from(self.index), u64::from(self.count));
        (total + count).saturating_sub(index) / count
    }

    /// Whether the case of this number is in this part.
    pub(super) fn has(self, case: u64) -> bool {
        case % u64::from(self.count) == u64::from(self.index - 1)
    }

    /// The number of this part's case at `position`.
    pub(super) fn case(self, position: u64) -> u64 {
        position.saturating_mul(u64::from(self.count)) + u64::from(self.index - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

/// A text that names no part of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no part of a run; expected I/N with 1 <= I <= N <= {MOST_SHARDS}, such as 2/4")]
pub struct BadShard(String);

impl FromStr for Shard {
    type Err = BadShard;

    fn from_str(text: &str) -> Result<Self, BadShard> {
        let parts = text.split_once('/').and_then(|(index, count)| {
            let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            (plain(index) && plain(count)).then_some(())?;
            Some((index.parse().ok()?, count.parse().ok()?))
        });
        match parts {
            Some((index, count)) if 1 <= index && index <= count && count <= MOST_SHARDS => {
                Ok(Shard { index, count })
            }
            _ => Err(BadShard(text.into())),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = BadShard;

    fn try_from(text: String) -> Result<Self, BadShard> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_out_every_case_once() {
        for count in [1, 2, 3, 7] {
            for total in [0, 1, 5, 6, 7, 400] {
                let mut seen = BTreeSet::new();
                for index in 1..=count {
                    let shard = Shard { index, count };
                    for position in 0..shard.share(total) {
                        assert!(shard.case(position) < total && shard.has(shard.case(position)));
                        assert!(seen.insert(shard.case(position)), "{shard} of {total}");
                    }
                }
                assert_eq!(seen.len() as u64, total, "{count} parts");
            }
        }
    }

    #[test]
    fn a_shard_is_written_as_it_is_read() {
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
        for wrong in ["", "1", "0/4", "5/4", "1/0", "1/1001", "+1/4", "1/4/2", "a/b"] {
            assert_eq!(wrong.parse::<Shard>(), Err(BadShard(wrong.into())));
        }
    }

    #[test]
    fn the_sample_is_about_as_large_as_it_is_said() {
        for (twice, least, most) in [(0.0, 0, 0), (5.0, 4_500, 5_500), (100.0, 100_000, 100_000)] {
            let options = Options { twice, ..Options::default() };
            let sampled =
                (0..100_000).filter(|index| options.asks_twice(Phase::Random, *index)).count();
            assert!((least..=most).contains(&sampled), "{twice} %: {sampled} of 100,000");
        }
    }
}
