//! A run of `check`: phase by phase, each case judged, each failure made small.

mod isolate;
mod judging;
mod options;
mod run;
mod sift;
mod work;

use std::path::PathBuf;

use crate::cases::vectors;
use crate::finding::Finding;
use crate::finding::expected::Expected;
use crate::report::{PhaseReport, Report, RunOptions, ScenarioFailure};
use crate::subject::Failure;

pub use options::{BadShard, Options, Phase, Shard};
pub use run::run;

pub(crate) use judging::{CHUNK, Numbered, judge_batch};
pub(crate) use work::cores;

/// A phase ends early after this many failing cases: a subject that fails so often is described
/// well enough. With failures that are expected it runs to its end, or new ones would hide behind
/// them.
pub const ENOUGH_FAILURES: u64 = 20;

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

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The vectors built into this binary do not parse.
    #[error(transparent)]
    Vectors(#[from] vectors::BadVector),
    /// A worker of this phase died, and what it had counted with it.
    #[error("a fault of mcp-overlay itself ended the phase `{0}`; please report it")]
    Worker(&'static str),
    /// A phase ended before its last case and nobody knows why.
    #[error("the phase `{0}` did not run all of its cases; please report it")]
    Incomplete(&'static str),
    /// The endpoint phase could not be set up.
    #[error("cannot run the endpoint scenarios: {0}")]
    Endpoint(std::io::Error),
    /// The phase is for a running host.
    #[error("the phase `{0}` is for a running host, which is told its config; see --app-server")]
    OneWay(&'static str),
    /// This build has no endpoint phase.
    #[error("this build has no endpoint phase; it needs the cargo feature `endpoint`")]
    NoEndpoint,
}
