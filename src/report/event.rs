//! The events of a run.

use std::path::PathBuf;

use super::data::{PhaseReport, Report, RunOptions, ScenarioFailure};
use super::phase::Phase;
use crate::finding::Finding;
use crate::subject::Failure;

/// An event of a run. Every reporter renders these.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins, with these options.
    Started(&'a RunOptions),
    /// A phase begins.
    PhaseStarted {
        /// The phase.
        phase: Phase,
        /// The number of its cases, if known.
        total: Option<u64>,
    },
    /// What is known from before is asked, outside of the phases.
    Asking {
        /// What it is.
        what: &'static str,
        /// How many there are.
        total: u64,
    },
    /// Progress of a phase; sent a few times a second.
    Progress {
        /// Number of cases done.
        done: u64,
    },
    /// The subject broke down. It is restarted, and the case that caused it is isolated.
    Trouble(&'a Failure),
    /// An answer was late once, and in time when asked for again.
    Slow(&'a str),
    /// The cases are done; the failing ones are asked again.
    Investigating {
        /// The number of cases.
        failing: usize,
        /// Whether they are shrunk.
        shrinks: bool,
    },
    /// A failing case was shrunk; sent once for each shape of a minimal case.
    Found {
        /// The finding, with its count so far.
        finding: &'a Finding,
        /// The reason why it is expected, if it is.
        expected: Option<&'a str>,
        /// The path where it was saved, if saving is enabled.
        saved: Option<&'a std::io::Result<PathBuf>>,
    },
    /// A scenario of the endpoint phase failed.
    ScenarioFailed(&'a ScenarioFailure),
    /// A phase has ended.
    PhaseEnded(&'a PhaseReport),
    /// Saved findings of earlier runs no longer fail, and are removed.
    Removed {
        /// How many.
        findings: u64,
    },
    /// The run has ended, with this report.
    Ended(&'a Report),
}

/// Receives the events of a run.
pub trait Reporter {
    /// Receives one event, on the thread that runs the campaign.
    fn event(&mut self, event: &Event<'_>);
}

/// Ignores all events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Reporter for Quiet {
    fn event(&mut self, _: &Event<'_>) {}
}
