//! A failing case becomes a finding: made small, blamed on a rule, saved; and failures that are
//! expected.

pub mod blame;
pub mod expected;
pub mod investigate;
pub mod of_vector;
mod saved;

pub use saved::{FORMAT, Finding, FoundDifference, in_words};
