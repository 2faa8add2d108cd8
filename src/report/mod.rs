//! The result of a run ([`Report`]), the events of a run ([`Event`]), and the report formats.

mod data;
pub(crate) mod diff;
mod event;
pub mod expected_failures;
pub mod github;
#[cfg(feature = "reports")]
pub mod html;
pub mod json;
#[cfg(feature = "reports")]
pub mod junit;
pub mod merge;
mod phase;
mod shard;
pub mod strength;
#[cfg(feature = "cli")]
pub mod text;

pub use data::{
    Expectation, PhaseReport, Report, ReportedFinding, RuleStatus, RunOptions, RunVerdict,
    ScenarioFailure,
};
pub use event::{Event, Quiet, Reporter};
pub use phase::Phase;
pub use shard::{BadShard, Shard};
