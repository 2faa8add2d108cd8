//! The extent of a complete run.

use mcp_overlay_model::Profile;
use serde::{Deserialize, Serialize};

use super::phase::Phase;
use crate::subject::SubjectKind;

/// The percentage of cases that a complete run asks again.
const TWICE: f64 = 5.0;

/// The number of sequences of a complete run, a third of them known ones: a minute for a host that takes
/// a second to start.
const SEQUENCES: u64 = 150;

/// The number where no host has to start: a few seconds.
const SEQUENCES_IN_PROCESS: u64 = 20_000;

/// The number over stdio: a few seconds, also for a slow language.
const SEQUENCES_OVER_STDIO: u64 = 2_000;

/// The most steps of the exhaustive search of sequences after their beginning.
const LENGTH: u32 = 5;

fn is_none(length: &u32) -> bool {
    *length == 0
}

/// What a run must cover to be complete. A run that covers less is narrowed, and is never called
/// clean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    phases: Vec<Phase>,
    cases: u64,
    #[serde(default)]
    sequences: u64,
    #[serde(default, skip_serializing_if = "is_none")]
    length: u32,
    twice: f64,
}

impl Extent {
    /// A default run of `mcp-overlay check`: a minute or two, even for a large app-server.
    pub fn of(kind: SubjectKind, profile: Profile) -> Self {
        let (phases, cases) = match kind {
            SubjectKind::InProcess => (Phase::IN_PROCESS.as_slice(), 500_000),
            SubjectKind::Production => (Phase::OF_PRODUCTION.as_slice(), 500_000),
            SubjectKind::Stdio => (Phase::OVER_STDIO.as_slice(), 500_000),
            SubjectKind::AppServer | SubjectKind::AppServerAtChatgpt => {
                (Phase::OUTSIDE.as_slice(), 500)
            }
        };
        // The endpoint scenarios are those of the first profile.
        let has = |phase: &Phase| *phase != Phase::Endpoint || profile == Profile::default();
        let phases: Vec<Phase> = phases.iter().copied().filter(has).collect();
        let sequences = match kind {
            _ if !phases.contains(&Phase::Sequences) => 0,
            SubjectKind::Production => SEQUENCES_IN_PROCESS,
            _ => SEQUENCES,
        };
        let length = if phases.contains(&Phase::SequencesExhaustive) { LENGTH } else { 0 };
        Extent { phases, cases, sequences, length, twice: TWICE }
    }

    /// The same for a subject over stdio that declares that it plays sequences.
    #[must_use]
    pub fn with_sequences(mut self) -> Self {
        self.phases.push(Phase::Sequences);
        self.sequences = SEQUENCES_OVER_STDIO;
        self
    }

    /// A run of a library user with [`Options::default`](crate::Options): the phases that need no
    /// connections, and 100,000 random cases.
    pub fn of_library() -> Self {
        let phases = vec![Phase::Vectors, Phase::Edges, Phase::Exhaustive, Phase::Random];
        Extent { phases, cases: 100_000, sequences: 0, length: 0, twice: TWICE }
    }

    /// The phases.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// The number of random cases.
    pub fn cases(&self) -> u64 {
        self.cases
    }

    /// The number of sequences.
    pub fn sequences(&self) -> u64 {
        self.sequences
    }

    /// The most steps of the exhaustive search of sequences.
    pub fn length(&self) -> u32 {
        self.length
    }

    /// The percentage of cases asked again.
    pub fn twice(&self) -> f64 {
        self.twice
    }
}
