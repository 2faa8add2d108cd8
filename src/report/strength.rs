//! The strength of the checks: which phase finds which seeded fault, and how soon.

use std::fmt::Write;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::display::grouped;

/// The result of a self-test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// Version of this tool.
    pub version: String,
    /// The profile that was checked.
    pub profile: String,
    /// Number of random cases of the sound implementation.
    pub sound_cases: u64,
    /// Number of false alarms among them; any number but 0 is a fault of this tool.
    pub false_alarms: u64,
    /// Number of seeds.
    pub seeds: u64,
    /// One row per fault.
    pub faults: Vec<MatrixRow>,
}

/// One fault, and the phases that find it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// The fault's name, such as `gate-lets-api-keys-pass`.
    pub fault: String,
    /// The rule that it breaks; empty for a crash, which breaks no rule.
    pub rule: String,
    /// A short description.
    pub what: String,
    /// The first vector that finds it, counted from 1.
    pub vectors: Option<u64>,
    /// The first edge that finds it, counted from 1.
    pub edges: Option<u64>,
    /// The first case of the small scope that finds it, counted from 1.
    pub exhaustive: Option<u64>,
    /// How many random cases it takes to find it; the median over the seeds.
    pub random: Option<u64>,
    /// The maximum over the seeds.
    pub random_worst: Option<u64>,
    /// The first scenario of the endpoint phase that finds it.
    pub endpoint: Option<String>,
}

/// At least this many phases must find each fault.
const LEAST_PHASES: usize = 2;

static COMMITTED: LazyLock<Matrix> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../selftest/matrix.json")).unwrap_or_default()
});

impl Matrix {
    /// The committed matrix, as written by `mcp-overlay selftest --json`.
    pub fn committed() -> &'static Matrix {
        &COMMITTED
    }

    /// Where the checks are too weak or wrong; empty if they are strong enough.
    pub fn weaknesses(&self) -> Vec<String> {
        let mut weaknesses = Vec::new();
        for row in &self.faults {
            let fault = &row.fault;
            let phases = row.phases();
            if phases < LEAST_PHASES {
                weaknesses
                    .push(format!("{fault}: phases that find it: {phases}, not {LEAST_PHASES}"));
            }
        }
        if self.false_alarms > 0 {
            let (alarms, cases) = (self.false_alarms, self.sound_cases);
            weaknesses.push(format!("false alarms in {cases} sound cases: {alarms}, see `check`"));
        }
        weaknesses
    }

    /// The matrix as a Markdown table.
    pub fn markdown(&self) -> String {
        let mut table = String::from(
            "| fault | breaks | vectors | edges | exhaustive | random | worst | endpoint |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n",
        );
        for row in &self.faults {
            let rule = match row.rule.as_str() {
                "" => "(a crash)".to_string(),
                rule => format!("`{rule}`"),
            };
            let endpoint = row.endpoint.as_deref().unwrap_or("-");
            let [vectors, edges, exhaustive, random, worst] = row.figures();
            let fault = &row.fault;
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "| `{fault}` | {rule} | {vectors} | {edges} | {exhaustive} | {random} | {worst} | {endpoint} |"
            );
        }
        table
    }
}

impl MatrixRow {
    /// The figures of the phases that count cases, as text: vectors, edges, exhaustive, random and
    /// worst random; `-` means not found.
    pub fn figures(&self) -> [String; 5] {
        [self.vectors, self.edges, self.exhaustive, self.random, self.random_worst]
            .map(|figure| figure.map_or_else(|| "-".into(), grouped))
    }

    /// How many phases find the fault.
    pub fn phases(&self) -> usize {
        let found = [
            self.vectors.is_some(),
            self.edges.is_some(),
            self.exhaustive.is_some(),
            self.random.is_some(),
            self.endpoint.is_some(),
        ];
        found.into_iter().filter(|found| *found).count()
    }
}
