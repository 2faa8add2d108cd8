//! How strong the checks are: implementations with a fault seeded on purpose, and which phase finds
//! it how soon.

mod detect;
pub mod faults;
pub mod matrix;
mod run;

pub use faults::Fault;
pub use matrix::{Matrix, MatrixRow};
pub use run::{Options, Watch, run};
