//! Findings about vectors. A vector's answer comes from the seed's own code, so it checks the
//! model.

use mcp_overlay_model::resolve;

use super::saved::Finding;
use crate::cases::vectors::Vector;
use crate::judge::compare::compare;

/// The name of the vectors where a subject's name stands: their word against the model's.
pub const VECTORS_NAME: &str = "the vector";

/// What is wrong between the vector and the model; `None` if nothing is.
pub fn against_model(vector: &Vector) -> Option<Finding> {
    let expected = resolve(&vector.case);
    let verdict = compare(&vector.case, &expected, &vector.expected);
    let (case, actual) = (vector.case.clone(), Some(vector.expected.clone()));
    Finding::new(VECTORS_NAME, case, &expected, actual, &verdict, verdict.rule())
}
