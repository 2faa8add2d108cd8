//! What is under test.

mod model;
mod production;

use mcp_overlay_model::{Answer, Case};

pub use model::ModelSubject;
pub use production::{HostInputs, ProductionSubject};

/// An implementation that resolves cases. It never learns what is expected.
pub trait Subject: Sync {
    /// A short name for reports.
    fn name(&self) -> &str;

    /// Resolves one case.
    fn resolve(&self, case: &Case) -> Answer;
}
