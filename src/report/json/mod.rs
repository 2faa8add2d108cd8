//! The report as JSON Lines, for programs and for `merge`; see `docs/reports.md`.
//!
//! The last line has the verdict and the number of lines, so that a truncated file is never
//! mistaken for a run without findings.

mod lines;
mod read;
mod write;

pub use lines::FORMAT;
pub use read::{BadReport, read};
pub use write::write;
