//! The specification as a subject, for testing a driver.

use mcp_overlay_model::{Answer, Case, resolve};

use super::contract::Subject;

/// Answers as the specification says.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelSubject;

impl Subject for ModelSubject {
    fn name(&self) -> &str {
        "model"
    }

    fn resolve(&self, case: &Case) -> Answer {
        resolve(case).answer()
    }
}
