//! Fault by phase: what finds which fault, and how soon.

use serde::{Deserialize, Serialize};

/// The result of a self-test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// Version of this tool.
    pub version: String,
    /// The rules that count.
    pub profile: String,
    /// Random cases of the sound implementation.
    pub sound_cases: u64,
    /// How many of them were taken for a failure; anything but 0 is a fault of this tool.
    pub false_alarms: u64,
    /// Streams of random cases, each with a seed of its own.
    pub seeds: u64,
    /// A row a fault.
    pub faults: Vec<MatrixRow>,
}

/// One fault, and what finds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// The fault's name, such as `gate-lets-api-keys-pass`.
    pub fault: String,
    /// The rule that it breaks.
    pub rule: String,
    /// What is wrong, in a few words.
    pub what: String,
    /// The first vector that finds it, counted from 1.
    pub vectors: Option<u64>,
    /// The first case of the small scope that finds it, counted from 1.
    pub exhaustive: Option<u64>,
    /// How many random cases it takes; the median over the seeds.
    pub random: Option<u64>,
    /// The same for the seed that takes longest.
    pub random_worst: Option<u64>,
    /// The first scenario of the endpoint phase that finds it.
    pub endpoint: Option<String>,
}

impl MatrixRow {
    /// How many phases find the fault.
    pub fn phases(&self) -> usize {
        let found = [
            self.vectors.is_some(),
            self.exhaustive.is_some(),
            self.random.is_some(),
            self.endpoint.is_some(),
        ];
        found.into_iter().filter(|found| *found).count()
    }
}
