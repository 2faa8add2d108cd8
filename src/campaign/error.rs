//! Errors that stop a run.

use crate::cases::vectors;

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The vectors built into this binary do not parse.
    #[error(transparent)]
    Vectors(#[from] vectors::BadVector),
    /// A worker of this phase panicked, and its counts are lost.
    #[error("a fault of mcp-overlay itself ended the phase `{0}`; please report it")]
    Worker(&'static str),
    /// A phase ended before its last case, for an unknown reason.
    #[error("the phase `{0}` did not run all of its cases; please report it")]
    Incomplete(&'static str),
    /// The endpoint phase could not be set up.
    #[error("cannot run the endpoint scenarios: {0}")]
    Endpoint(std::io::Error),
    /// The phase is for a running host.
    #[error("the phase `{0}` is for a running host; see --app-server")]
    OneWay(&'static str),
    /// The phase is for a subject over stdio.
    #[error("the phase `wire` is for a subject over stdio; see --stdio")]
    NoWire,
    /// This build has no endpoint phase.
    #[error("this build has no endpoint phase; it needs the cargo feature `endpoint`")]
    NoEndpoint,
}
