//! How strong the checks are: implementations with a fault seeded on purpose, and which phase finds
//! it how soon.

pub mod matrix;
