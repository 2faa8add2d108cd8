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
    /// Requests in every form that the protocol allows; for a subject over stdio.
    Wire,
    /// Real connections, to a hosted Apps endpoint, to the servers that the subject resolves to.
    Endpoint,
    /// Random cases, with the config passed to a running host as `-c` arguments.
    Arguments,
    /// Random cases, with the config split between the file and arguments.
    Split,
    /// Sequences of steps on a running host.
    Sequences,
    /// Every sequence over a small alphabet.
    #[serde(rename = "sequences-exhaustive")]
    SequencesExhaustive,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Phase; 10] = [
        Phase::Vectors,
        Phase::Edges,
        Phase::Exhaustive,
        Phase::Random,
        Phase::Wire,
        Phase::Endpoint,
        Phase::Arguments,
        Phase::Split,
        Phase::Sequences,
        Phase::SequencesExhaustive,
    ];

    /// The phases for a subject of this process.
    pub const IN_PROCESS: [Phase; 5] =
        [Phase::Vectors, Phase::Edges, Phase::Exhaustive, Phase::Random, Phase::Endpoint];

    /// The phases for the production implementation.
    pub const OF_PRODUCTION: [Phase; 7] = [
        Phase::Vectors,
        Phase::Edges,
        Phase::Exhaustive,
        Phase::Random,
        Phase::Endpoint,
        Phase::Sequences,
        Phase::SequencesExhaustive,
    ];

    /// The phases for a subject over stdio.
    pub const OVER_STDIO: [Phase; 6] = [
        Phase::Vectors,
        Phase::Edges,
        Phase::Exhaustive,
        Phase::Random,
        Phase::Wire,
        Phase::Endpoint,
    ];

    /// The phases for a running host, observed from outside. It cannot be given most of the small
    /// scope.
    pub const OUTSIDE: [Phase; 5] =
        [Phase::Vectors, Phase::Random, Phase::Arguments, Phase::Split, Phase::Sequences];

    /// Whether the phase plays sequences.
    pub fn is_of_sequences(self) -> bool {
        matches!(self, Phase::Sequences | Phase::SequencesExhaustive)
    }

    /// The name used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Vectors => "vectors",
            Phase::Edges => "edges",
            Phase::Exhaustive => "exhaustive",
            Phase::Random => "random",
            Phase::Wire => "wire",
            Phase::Endpoint => "endpoint",
            Phase::Arguments => "arguments",
            Phase::Split => "split",
            Phase::Sequences => "sequences",
            Phase::SequencesExhaustive => "sequences-exhaustive",
        }
    }
}
