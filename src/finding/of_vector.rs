//! Findings about vectors. A vector's answer comes from the seed's own code, so it checks the
//! model.

use mcp_overlay_model::resolve;

use super::saved::Finding;
use crate::cases::vectors::Vector;
use crate::judge::compare::compare;

/// The subject's name in findings about vectors.
pub const VECTORS_NAME: &str = "the vector";

/// The disagreement between a vector and the model, if there is one.
pub fn against_model(vector: &Vector) -> Option<Finding> {
    let expected = resolve(&vector.case);
    let verdict = compare(&vector.case, &expected, &vector.expected);
    let (case, actual) = (vector.case.clone(), Some(vector.expected.clone()));
    Finding::new(VECTORS_NAME, case, &expected, actual, &verdict, verdict.rule())
}
