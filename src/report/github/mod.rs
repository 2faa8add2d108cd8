//! The report for GitHub Actions: annotations on the run, and its summary page.

mod annotations;
mod summary;

pub use annotations::annotations;
pub use summary::summary;
