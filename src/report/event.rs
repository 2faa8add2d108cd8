//! What happens during a run.

use std::path::PathBuf;

use super::data::{PhaseReport, Report, RunOptions, ScenarioFailure};
use super::phase::Phase;
use crate::finding::Finding;
use crate::subject::Failure;

/// What happens during a run, in order. Every report is a renderer of these.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins: who is asked what.
    Started(&'a RunOptions),
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
        /// How many cases it will have, where that is known.
        total: Option<u64>,
    },
    /// A phase goes on; sent a few times a second.
    Progress {
        /// Cases done.
        done: u64,
    },
    /// The subject broke down; it is started again, and the case that did it is looked for.
    Trouble(&'a Failure),
    /// The cases are done; those that failed are made small.
    Investigating {
        /// How many there are to look at.
        failing: usize,
    },
    /// A case failed and was made small; sent once for each shape of a minimal case.
    Found {
        /// What was found. Its count is the one so far.
        finding: &'a Finding,
        /// Why that was to be expected.
        expected: Option<&'a str>,
        /// Where it was saved, if it was to be.
        saved: Option<&'a std::io::Result<PathBuf>>,
    },
    /// A scenario of the endpoint phase failed.
    ScenarioFailed(&'a ScenarioFailure),
    /// A phase is over.
    PhaseEnded(&'a PhaseReport),
    /// The run is over; this is all of it.
    Ended(&'a Report),
}

/// Receives the events of a run.
pub trait Reporter {
    /// One event; called on the thread that runs the campaign.
    fn event(&mut self, event: &Event<'_>);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Reporter for Quiet {
    fn event(&mut self, _: &Event<'_>) {}
}
