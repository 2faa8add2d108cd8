//! The phases of a run.

use serde::{Deserialize, Serialize};

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The committed vectors.
    Vectors,
    /// Each unusual value, alone, at each place.
    Edges,
    /// Every case of the small scope.
    Exhaustive,
    /// Random cases.
    Random,
    /// Real connections, to a hosted Apps endpoint, to the servers that the subject resolves to.
    Endpoint,
    /// Random cases, with the config passed to a running host as `-c` arguments.
    Arguments,
    /// Random cases, with the config split between the file and arguments.
    Split,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Phase; 7] = [
        Phase::Vectors,
        Phase::Edges,
        Phase::Exhaustive,
        Phase::Random,
        Phase::Endpoint,
        Phase::Arguments,
        Phase::Split,
    ];

    /// The phases for a subject that returns its views.
    pub const OF_VIEWS: [Phase; 5] =
        [Phase::Vectors, Phase::Edges, Phase::Exhaustive, Phase::Random, Phase::Endpoint];

    /// The phases for a running host, observed from outside. It cannot be given most of the small
    /// scope.
    pub const OUTSIDE: [Phase; 4] = [Phase::Vectors, Phase::Random, Phase::Arguments, Phase::Split];

    /// The name used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Vectors => "vectors",
            Phase::Edges => "edges",
            Phase::Exhaustive => "exhaustive",
            Phase::Random => "random",
            Phase::Endpoint => "endpoint",
            Phase::Arguments => "arguments",
            Phase::Split => "split",
        }
    }
}
