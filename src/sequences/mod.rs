//! Behaviour over time: generates, judges, shrinks and prints sequences of steps
//! (`docs/sequences.md`).

pub mod generate;
pub mod judge;
pub mod saved;
pub mod shrink;
pub mod story;
