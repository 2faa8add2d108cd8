//! Where cases come from, how they shrink, and what they are examples of.

pub mod entries;
pub mod exhaustive;
pub mod generate;
pub mod labels;
pub mod shape;
pub mod shrink;
pub mod toml;
pub mod vectors;
