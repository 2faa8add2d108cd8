//! How strong the checks are: implementations with a fault seeded on purpose, and which phase finds
//! it how soon.

mod detect;
pub mod faults;

mod run;

pub use crate::report::strength::{Matrix, MatrixRow};
pub use faults::Fault;
pub use run::{Options, Watch, run};
