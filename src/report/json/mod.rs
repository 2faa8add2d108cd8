//! The report as a file for programs, and for `merge`: lines of JSON, `docs/reports.md`.
//!
//! The last line says what the run came to and how many lines there are, so that a file of which
//! the end is missing is never taken for a run that found nothing.

mod lines;
mod read;
mod write;

pub use lines::FORMAT;
pub use read::{BadReport, read};
pub use write::write;
