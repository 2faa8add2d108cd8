//! The production implementation as a subject of the protocol, which also plays sequences.

use mcp_overlay_model::lifecycle::{Seen, Sequence};
use mcp_overlay_model::{Answer, Case, Profile};

use super::driver::{HostDriver, Pace};
use crate::subject::{ProductionSubject, Steps, Subject};

/// Answers as the production implementation, and plays sequences on a host.
#[derive(Default)]
pub struct HostSubject {
    host: HostDriver,
}

impl HostSubject {
    /// The production implementation, with this host for the sequences.
    #[must_use]
    pub fn with(host: HostDriver) -> Self {
        HostSubject { host }
    }
}

impl Subject for HostSubject {
    fn name(&self) -> &str {
        ProductionSubject.name()
    }

    fn profiles(&self) -> &[Profile] {
        ProductionSubject.profiles()
    }

    fn warns(&self) -> bool {
        ProductionSubject.warns()
    }

    fn knows_wide_cases(&self) -> bool {
        ProductionSubject.knows_wide_cases()
    }

    fn resolve(&self, case: &Case) -> Answer {
        ProductionSubject.resolve(case)
    }

    fn steps(&self) -> Steps {
        Steps::without_turns()
    }

    fn play(&self, sequence: &Sequence) -> Result<Vec<Seen>, String> {
        if !self.steps().can_play(sequence) {
            return Err("a step of this sequence needs a process or HTTP".into());
        }
        let trace = self.host.played(sequence, Pace::AtOnce);
        let trace = trace.map_err(|failure| failure.message)?;
        Ok(trace.steps.into_iter().map(|observed| observed.seen).collect())
    }
}
