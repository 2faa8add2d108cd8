//! The result of a run ([`Report`]), the events of a run ([`Event`]), and the report formats.

mod causes;
mod data;
pub(crate) mod diff;
mod event;
mod expectations;
pub mod expected_failures;
mod extent;
pub mod github;
mod headline;
#[cfg(feature = "reports")]
pub mod html;
mod invocation;
pub mod json;
#[cfg(feature = "reports")]
pub mod junit;
pub mod merge;
mod missing;
mod notices;
mod phase;
#[cfg(feature = "cli")]
pub mod progress;
mod replays;
mod shard;
mod skips;
pub mod strength;
#[cfg(feature = "cli")]
pub mod text;
#[cfg(feature = "cli")]
mod told;
mod unmet;

pub use crate::sequences::drawing::{Picture, PictureEvent};
pub use causes::{Causes, OneCause, ScenarioCause};
pub use data::{
    Expectation, PhaseReport, Report, ReportedFinding, RuleStatus, RunOptions, RunVerdict,
    ScenarioFailure, Searched, Shrinking, Turns, Unmet,
};
pub use event::{Event, Quiet, Reporter};
pub use extent::Extent;
pub use invocation::Invocation;
pub use missing::Missing;
pub use phase::Phase;
pub use shard::{BadShard, Shard};
pub use skips::{Skipped, Skips};
