//! The phases of a run.

use serde::{Deserialize, Serialize};

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
