//! Findings: a failing case is shrunk, blamed on a rule and saved. Also the list of expected
//! failures.

pub mod blame;
mod breakdown;
pub mod cause;
pub mod expected;
pub mod investigate;
pub mod known;
pub mod of_vector;
mod saved;

pub use saved::{FORMAT, Finding, FoundDifference, describe_input};
