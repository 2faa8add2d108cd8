//! Which release keeps which rule: every release is asked the same cases once, and its answers are
//! compared with every profile. Then each plays the same sequences in the profile that it follows.

mod ask;
mod changes;
mod fit;
mod history;
#[cfg(feature = "reports")]
pub mod html;
#[cfg(feature = "reports")]
mod html_history;
#[cfg(feature = "reports")]
mod html_over_time;
pub mod markdown;
mod markdown_history;
mod markdown_over_time;
mod markdown_parts;
mod matrix;
mod over_time;
mod play;

pub use ask::{Known, look, look_again};
pub use fit::{Fit, fit, telling_cases};
pub use markdown_history::render_history;
pub use matrix::{Cell, Column, Held, Matrix, Plan};
pub use over_time::{FailedSequence, KnownResult, OverTime, State};
