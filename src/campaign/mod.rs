//! A run of `check`: it judges each case of each phase, and shrinks each failure.

#[cfg(feature = "endpoint")]
mod connections;
mod earlier;
mod error;
mod examining;
mod isolate;
mod judging;
mod late;
mod options;
#[cfg(feature = "endpoint")]
pub(crate) mod over_time;
#[cfg(feature = "endpoint")]
mod patiently;
mod run;
#[cfg(feature = "endpoint")]
mod search;
mod sift;
#[cfg(feature = "endpoint")]
mod stored_sequences;
mod wire;
mod work;

pub use crate::report::{BadShard, Event, Phase, Quiet, Reporter, Shard};
pub use error::Error;
#[cfg(feature = "endpoint")]
pub(crate) use options::ENOUGH_SEQUENCES;
pub use options::{ENOUGH_FAILURES, Options, SHRINKING};
pub use run::run;

pub(crate) use judging::{CHUNK, Numbered, judge_again, judge_first, questions, unnumbered};
