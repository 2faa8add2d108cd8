//! A part of a run that is distributed over several machines.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One part of a run: every `count`-th case, starting with case `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    index: u32,
    count: u32,
}

/// The most parts of a run.
const MOST_SHARDS: u32 = 1_000;

impl Default for Shard {
    /// The whole run.
    fn default() -> Self {
        Shard { index: 1, count: 1 }
    }
}

impl Shard {
    /// The number of this part, from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// The number of parts.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether this is the whole run.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// How many of `total` cases are in this part.
    pub(crate) fn share(self, total: u64) -> u64 {
        let (index, count) = (u64::from(self.index), u64::from(self.count));
        (total + count).saturating_sub(index) / count
    }

    /// Whether the case with this number is in this part.
    pub(crate) fn has(self, case: u64) -> bool {
        case % u64::from(self.count) == u64::from(self.index - 1)
    }

    /// The number of this part's case at `position`.
    pub(crate) fn case(self, position: u64) -> u64 {
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

/// A text that is not a part of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a part of a run; expected I/N with 1 <= I <= N <= {MOST_SHARDS}, such as 2/4"
)]
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_is_in_exactly_one_shard() {
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
    fn a_shard_is_written_as_it_was_read() {
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
        for wrong in ["", "1", "0/4", "5/4", "1/0", "1/1001", "+1/4", "1/4/2", "a/b"] {
            assert_eq!(wrong.parse::<Shard>(), Err(BadShard(wrong.into())));
        }
    }
}
