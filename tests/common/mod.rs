//! Helpers shared by several test files.

use mcp_overlay::subject::{ModelSubject, ProductionSubject, Subject};

/// The specification and the production implementation.
pub(crate) const SUBJECTS: [&dyn Subject; 2] = [&ModelSubject, &ProductionSubject];
