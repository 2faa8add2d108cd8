//! Behaviour over time: sequences of steps, generated, judged, made small and told
//! (`docs/sequences.md`).

pub mod generate;
pub mod judge;
pub mod saved;
pub mod shrink;
pub mod story;
